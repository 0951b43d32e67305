// SPDX-License-Identifier: MIT
#include "config/key_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "config/expect_problems.h"

namespace adit::config {
namespace {

using namespace std::string_literals;

Parts with_local(std::string_view line) {
  return {.local = fmt::format("  {}\n", line)};
}
Parts with_peer(std::string_view line) {
  return {.peer = Parts().peer + fmt::format("  {}\n", line)};
}

TEST(KeySource, InlineKeysMustBeKeys) {
  const Folder folder;
  expect_problems(folder, with_local("private_key: short").text(),
                  {{"4:16: local.private_key", "is 5 characters long; a key is 44"}});
  auto damaged = std::string(kOurPrivateKey);
  damaged[10] = '!';
  expect_problems(folder, with_local("private_key: " + damaged).text(),
                  {{"4:16: local.private_key", "is not valid base64"}});
  damaged[10] = 'A';
  damaged[42] = 'R';  // sets bits behind the 32nd byte
  expect_problems(folder, with_local("private_key: " + damaged).text(),
                  {{"4:16: local.private_key", "is not valid base64"}});
  const std::string zero(43, 'A');
  expect_problems(folder, with_local("private_key: " + zero + "=").text(),
                  {{"4:16: local.private_key", "is all zero"}});
  expect_problems(folder, with_peer("preshared_key: " + zero + "=").text(),
                  {{"7:18: peer.preshared_key", "is all zero"}});
  expect_problems(folder, with_peer("preshared_key: 12345").text(), {{"7:18: peer.preshared_key", "put it in quotes"}});
  expect_problems(folder, with_local("private_key: [a]").text(), {{"4:16: local.private_key", "is a list"}});
}

TEST(KeySource, PublicKeysMustBeOnesAHandshakeCanUse) {
  const Folder folder;
  const auto with = [](std::string_view key) { return Parts{.peer = fmt::format("  public_key: {}\n", key)}.text(); };
  expect_problems(folder, with("abc"), {{"6:15: peer.public_key", "is 3 characters long"}});
  expect_problems(folder, with(std::string(43, 'A') + "="), {{"6:15: peer.public_key", "is no usable public key"}});
  expect_problems(folder, with(kOurPublicKey), {{"6:15: peer.public_key", "is this host's own key"}});
  expect_problems(folder, Parts{.peer = "  endpoint: a:1\n"}.text(), {{"5:1: peer.public_key", "is missing"}});
}

TEST(KeySource, OneOfTheThreeMustBeGivenAndNotTwo) {
  const Folder folder;
  folder.write("a.key", kOurPrivateKey);
  expect_problems(folder, with_local("listen: 1").text(),
                  {{"3:1: local.private_key_file", "is missing; it names the file with this host's private key"}});
  expect_problems(folder, with_local(fmt::format("private_key_file: a.key\n  private_key: {}", kOurPrivateKey)).text(),
                  {{"4:21: local.private_key_file", "is given besides private_key; keep one of them"}});
  expect_problems(folder, with_local("private_key_file: a.key\n  private_key_credential: x").text(),
                  {{"5:27: local.private_key_credential", "is given besides private_key_file"}});
  expect_problems(folder,
                  with_peer(fmt::format("preshared_key: {}\n  preshared_key_file: a.key", kPresharedKey)).text(),
                  {{"8:23: peer.preshared_key_file", "is given besides preshared_key"}});
}

TEST(KeySource, FilesAreFoundBesideTheConfigurationOrByTheirFullName) {
  const Folder folder;
  std::filesystem::create_directory(folder / "keys");
  const auto key = folder.write("keys/a.key", std::string(kOurPrivateKey) + "\n");
  for (const auto& name : {std::string("keys/a.key"), key.string()}) {
    const auto config = folder.read(with_local("private_key_file: " + name).text());
    ASSERT_TRUE(config) << folder.texts(config)[0];
    EXPECT_EQ(to_base64(crypto::public_key_of(config->local.private_key)), kOurPublicKey);
    EXPECT_EQ(config->key_files, std::vector{key});
  }
  folder.write("keys/a.key", std::string(kOurPrivateKey) + "\r\n");
  EXPECT_TRUE(folder.read(with_local("private_key_file: keys/a.key").text()));
  folder.write("keys/a.key", "\xef\xbb\xbf" + std::string(kOurPrivateKey) + " \t\n\r\n\n");
  EXPECT_TRUE(folder.read(with_local("private_key_file: keys/a.key").text())) << "as wg takes it";
}

TEST(KeySource, FilesThatAreNoKeysAreRefused) {
  const Folder folder;
  const auto expect = [&](const std::string& reason) {
    expect_problems(folder, with_local("private_key_file: a.key").text(), {{"4:21: local.private_key_file", reason}});
  };
  expect("a.key cannot be opened: No such file or directory");
  folder.write("a.key", " " + std::string(kOurPrivateKey));
  expect("a.key: the key in it is 45 characters long");
  folder.write("a.key", std::string("\xff\xfe") + "2\0B\0O\0"s);
  expect("a.key is UTF-16 text");
  folder.write("a.key", "");
  expect("a.key: the key in it is 0 characters long");
  folder.write("a.key", std::string(5000, 'x'));
  expect("a.key is larger than 4096 bytes");
  std::filesystem::remove(folder / "a.key");
  std::filesystem::create_directory(folder / "a.key");
  expect("a.key is a directory");
}

TEST(KeySource, FilesOthersCanReadAreRefusedNamingTheMend) {
  const Folder folder;
  for (const mode_t mode : {0640, 0604, 0660, 0644, 0601}) {
    folder.write("a.key", kOurPrivateKey, mode);
    expect_problems(
        folder, with_local("private_key_file: a.key").text(),
        {{"4:21: local.private_key_file", fmt::format("can be read by group or others (mode {:04o})", mode)}});
    const auto problem = folder.problems(with_local("private_key_file: a.key").text()).at(0);
    EXPECT_NE(problem.find("run: chmod 600 a.key"), std::string::npos) << problem;
  }
  folder.write("a.key", kOurPrivateKey, 0400);
  EXPECT_TRUE(folder.read(with_local("private_key_file: a.key").text()));
}

TEST(KeySource, AFileWhoseReadingFailsIsNamedWithTheReason) {
  const Folder folder;  // the kernel has nothing at address 0 of a program's memory
  expect_problems(folder, with_local("private_key_file: /proc/self/mem").text(),
                  {{"4:21: local.private_key_file", "/proc/self/mem cannot be read: "}});
}

TEST(KeySource, AnUnreadableFileIsNamed) {
  const Folder folder;
  folder.write("a.key", kOurPrivateKey, 0000);
  if (::access((folder / "a.key").c_str(), R_OK) == 0) {
    // Root reads everything, and rightly so.
    EXPECT_TRUE(folder.read(with_local("private_key_file: a.key").text()));
  } else {
    expect_problems(folder, with_local("private_key_file: a.key").text(),
                    {{"4:21: local.private_key_file", "a.key cannot be opened: Permission denied"}});
  }
}

TEST(KeySource, InlineKeysNeedAConfigurationFileThatOthersCannotRead) {
  const Folder folder;
  const auto text = with_peer(fmt::format("preshared_key: {}", kPresharedKey)).text();
  const auto problems = folder.problems(text, 0640);
  ASSERT_EQ(problems.size(), 2);
  EXPECT_EQ(problems[0].find("link.yaml:4:16: local.private_key: is a secret, and group or others can read this file"),
            0)
      << problems[0];
  EXPECT_NE(problems[0].find("chmod 600"), std::string::npos);
  EXPECT_EQ(problems[1].find("link.yaml:7:18: peer.preshared_key: is a secret"), 0) << problems[1];
  // Without secrets in it, the file is everybody's.
  folder.write("a.key", kOurPrivateKey);
  EXPECT_TRUE(folder.read(with_local("private_key_file: a.key").text(), 0644));
}

TEST(KeySource, AKeyInPlaceOfAFileNameIsNotRepeated) {
  const Folder folder;
  for (const auto* key : {"private_key_file", "private_key_credential"}) {
    const auto problems = folder.problems(with_local(fmt::format("{}: {}", key, kOurPrivateKey)).text());
    ASSERT_EQ(problems.size(), 1);
    EXPECT_NE(problems[0].find("this looks like a key itself; use private_key for that"), std::string::npos)
        << problems[0];
    EXPECT_EQ(problems[0].find(kOurPrivateKey.substr(0, 10)), std::string::npos) << problems[0];
  }
  const auto cut = std::string(kOurPrivateKey.substr(0, 42));
  EXPECT_EQ(folder.problems(with_local("private_key_file: " + cut).text()).at(0).find(cut), std::string::npos);
}

TEST(KeySource, NoMessageRepeatsASecretWhereverItWasPutByMistake) {
  const Folder folder;
  const std::string secret(kOurPrivateKey);
  const std::string texts[] = {
      Parts{.interface = "  name: " + secret + "\n  addresses: [" + secret + "]\n  mtu: " + secret +
                         "\n  owner: " + secret + "\n"}
          .text(),
      Parts{.local = Parts().local + "  listen: " + secret + "\n  device: " + secret + "\n  fwmark: " + secret + "\n"}
          .text(),
      Parts{.peer = "  public_key: x" + secret + "\n  endpoint: " + secret + ":1\n  keepalive: " + secret + "\n"}
          .text(),
      Parts{.rest = "routes: [" + secret + ", {to: " + secret + ", table: " + secret + ", source: " + secret + "}]\n"}
          .text(),
      Parts{.rest = "log: {level: " + secret + ", " + secret + ": 1}\n" + secret + ": 1\n"}.text(),
      Parts{.rest = "tuning: {crypto: " + secret + ", tun_offload: " + secret + ", send_buffer: " + secret + "}\n"}
          .text(),
  };
  for (const auto& text : texts) {
    const auto problems = folder.problems(text);
    EXPECT_GE(problems.size(), 3);
    for (const auto& problem : problems) EXPECT_EQ(problem.find(secret.substr(0, 12)), std::string::npos) << problem;
  }
}

TEST(KeySource, CredentialsComeFromTheirDirectory) {
  const Folder folder;
  std::filesystem::create_directory(folder / "credentials");
  folder.write("credentials/office.key", kOurPrivateKey, 0440);  // systemd's own permissions are finer than the mode
  const auto text = with_local("private_key_credential: office.key").text();
  const auto config = folder.read(text, 0600, {.credentials_directory = folder / "credentials"});
  ASSERT_TRUE(config) << folder.texts(config)[0];
  EXPECT_EQ(to_base64(crypto::public_key_of(config->local.private_key)), kOurPublicKey);

  expect_problems(folder, text, {{"4:27: local.private_key_credential", "LoadCredential=office.key:FILE"}});
  const auto elsewhere = folder.read(with_local("private_key_credential: ../link.yaml").text(), 0600,
                                     {.credentials_directory = folder / "credentials"});
  EXPECT_NE(folder.texts(elsewhere).at(0).find("is not a valid name"), std::string::npos);
  const auto absent = folder.read(with_local("private_key_credential: none").text(), 0600,
                                  {.credentials_directory = folder / "credentials"});
  EXPECT_NE(folder.texts(absent).at(0).find("LoadCredential=none:FILE"), std::string::npos);
}

TEST(KeySource, CheckingAFileDoesNotNeedItsCredentials) {
  const Folder folder;
  const auto config = folder.read(with_local("private_key_credential: office").text(), 0600, {.check_only = true});
  ASSERT_TRUE(config) << folder.texts(config)[0];
  ASSERT_EQ(config->warnings.size(), 1);
  EXPECT_EQ(config->warnings[0].key, "local.private_key_credential");
  const auto elsewhere =
      folder.read(with_local("private_key_credential: ../office").text(), 0600, {.check_only = true});
  EXPECT_NE(folder.texts(elsewhere).at(0).find("is not a valid name"), std::string::npos);
}

}  // namespace
}  // namespace adit::config
