// SPDX-License-Identifier: MIT
#include "service/key_log.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "crypto/blake2s.h"
#include "net/io.h"

namespace adit::service {
namespace {

Result<> check(int fd, const std::filesystem::path& file) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return fail("{}: {}", file.string(), net::describe(errno));
  if (!S_ISREG(status.st_mode)) return fail("{} is no regular file: name another one for the keys", file.string());
  if (status.st_uid != ::geteuid()) {
    return fail("{} belongs to another user, who could read the keys: remove it, or name another one", file.string());
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail("{0} is open to others than its owner: `chmod 600 {0}`, or remove it", file.string());
  }
  return {};
}

}  // namespace

/// Lines of the file, wiped when they have been written.
class KeyLog::Text {
 public:
  Text() = default;
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { ::explicit_bzero(bytes_.data(), bytes_.size()); }

  void add(std::string_view name, std::string base64) {
    add(name);
    add("=");
    add(base64);
    add("\n");
    ::explicit_bzero(base64.data(), base64.size());
  }
  std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  void add(std::string_view part) {
    std::ranges::copy(part, bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += part.size();
  }

  std::array<char, 256> bytes_{};  ///< room for two lines
  std::size_t size_ = 0;
};

Result<std::unique_ptr<KeyLog>> KeyLog::open(const std::filesystem::path& file, Complain complain) {
  // Neither through a link, which somebody else may have put there, nor waiting for a pipe's reader.
  constexpr int kHow = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  FileDescriptor fd(::open(file.c_str(), kHow, S_IRUSR | S_IWUSR));
  if (!fd && errno == ELOOP) {
    return fail("{} is a symbolic link: name the file itself that is to hold the keys", file.string());
  }
  if (!fd) return fail("cannot write the keys to {}: {}", file.string(), net::describe(errno));
  if (auto checked = check(fd.get(), file); !checked) return std::unexpected(checked.error());
  return std::unique_ptr<KeyLog>(new KeyLog(file, std::move(fd), std::move(complain)));
}

void KeyLog::static_keys(const crypto::PrivateKey& local, const crypto::PublicKey& remote) {
  Text lines;
  lines.add("LOCAL_STATIC_PRIVATE_KEY", crypto::reveal_base64(local));
  lines.add("REMOTE_STATIC_PUBLIC_KEY", crypto::to_base64(remote));
  append(lines.text());
}

/// A preshared key belongs to the ephemeral key in the line before. Without one it is all zero, which Wireshark tries
/// by itself.
void KeyLog::handshake_keys(const crypto::PrivateKey& ephemeral, const crypto::PresharedKey& preshared) {
  Text lines;
  lines.add("LOCAL_EPHEMERAL_PRIVATE_KEY", crypto::reveal_base64(ephemeral));
  if (!crypto::equal_in_constant_time(preshared.bytes(), crypto::PresharedKey().bytes())) {
    lines.add("PRESHARED_KEY", crypto::reveal_base64(preshared));
  }
  append(lines.text());
}

/// In one write, so that no line is torn by another process that appends.
void KeyLog::append(std::string_view text) {
  const auto written = ::write(fd_.get(), text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size()) || !complain_) return;
  complain_(fmt::format("keys are missing in {} ({}): what they protect cannot be shown", file_.string(),
                        written < 0 ? net::describe(errno) : "the disk is full"));
  complain_ = {};
}

}  // namespace adit::service
