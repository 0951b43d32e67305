// SPDX-License-Identifier: MIT
// The section `tuning`, one value at a time (config/tuning_fields.cpp).
#include <gtest/gtest.h>

#include "config/expect_problems.h"

namespace adit::config {
namespace {

std::string with(std::string_view line) {
  return with_section("tuning", line);
}

Tuning tuned(const Folder& folder, std::string_view line) {
  return expect_valid(folder, with(line)).tuning;
}

TEST(Tuning, ASectionWithoutKeysChangesNothing) {
  const Folder folder;
  EXPECT_EQ(folder.read(Parts{.rest = "tuning: {}\n"}.text())->tuning, Tuning());
  expect_problems(folder, Parts{.rest = "tuning: auto\n"}.text(),
                  {{"7:9: tuning", "is a single value; write a mapping with keys such as crypto, tun_offload"}});
  expect_problems(folder, Parts{.rest = "tuning: [crypto]\n"}.text(), {{"7:9: tuning", "is a list"}});
}

TEST(Tuning, CryptoNamesALibraryOrLeavesTheChoice) {
  const Folder folder;
  for (const auto* name : {"auto", "libsodium", "libipsec-mb", "libcrypto"}) {
    EXPECT_EQ(tuned(folder, fmt::format("crypto: {}", name)).crypto, name);
    EXPECT_EQ(tuned(folder, fmt::format("crypto: '{}'", name)).crypto, name);
  }
}

TEST(Tuning, SwitchesAreAutoOffOrOnInQuotesOrNot) {
  const Folder folder;
  for (const auto* quote : {"", "'", "\""}) {
    const auto read = [&](std::string_view word) {
      const auto tuning = tuned(folder, fmt::format("tun_offload: {0}{1}{0}\n  udp_offload: {0}{1}{0}", quote, word));
      EXPECT_EQ(tuning.tun_offload, tuning.udp_offload);
      return tuning.tun_offload;
    };
    EXPECT_EQ(read("auto"), Switch::automatic);
    EXPECT_EQ(read("off"), Switch::off);
    EXPECT_EQ(read("on"), Switch::on);
  }
}

TEST(Tuning, BuffersAreBytesOrHaveABinaryUnit) {
  const Folder folder;
  const struct {
    std::string_view written;
    std::optional<std::uint32_t> bytes;
  } table[] = {
      {"auto", std::nullopt},      {"'auto'", std::nullopt},      {"65536", 65'536},
      {"0x10000", 65'536},         {"'262144'", 262'144},         {"64K", 65'536},
      {"64KiB", 65'536},           {"512KiB", 524'288},           {"4M", 4'194'304},
      {"'4MiB'", 4'194'304},       {"1G", 1'073'741'824},         {"1GiB", 1'073'741'824},
      {"1048576K", 1'073'741'824}, {"1073741824", 1'073'741'824},
  };
  for (const auto& [written, bytes] : table) {
    SCOPED_TRACE(written);
    EXPECT_EQ(tuned(folder, fmt::format("receive_buffer: {}", written)).receive_buffer, bytes);
    const auto tuning = tuned(folder, fmt::format("send_buffer: {}", written));
    EXPECT_EQ(tuning.send_buffer, bytes);
    EXPECT_FALSE(tuning.receive_buffer);
  }
}

TEST(Tuning, WorkersAreANumberOrAuto) {
  const Folder folder;
  EXPECT_EQ(tuned(folder, "workers: 1").workers, 1U);
  EXPECT_EQ(tuned(folder, "workers: '16'").workers, 16U);
  EXPECT_FALSE(tuned(folder, "workers: auto").workers);
}

TEST(Tuning, CopyDscpIsABoolean) {
  const Folder folder;
  EXPECT_TRUE(tuned(folder, "copy_dscp: true").copy_dscp);
  EXPECT_FALSE(tuned(folder, "copy_dscp: false").copy_dscp);
}

TEST(Tuning, SegmentsAreClampedUnlessTheyAreNotToBe) {
  const Folder folder;
  EXPECT_EQ(tuned(folder, "copy_dscp: false").mss_clamp, MssClamp());
  EXPECT_EQ(tuned(folder, "mss_clamp: auto").mss_clamp, MssClamp());
  EXPECT_EQ(tuned(folder, "mss_clamp: off").mss_clamp, (MssClamp{.on = false}));
  EXPECT_EQ(tuned(folder, "mss_clamp: 1360").mss_clamp, (MssClamp{.on = true, .most = 1360}));
  EXPECT_EQ(tuned(folder, "mss_clamp: 88").mss_clamp.most, 88U);
  EXPECT_EQ(tuned(folder, "mss_clamp: 65495").mss_clamp.most, 65'495U);
}

TEST(Tuning, StormsHaveNoLimitUnlessThereIsToBeOne) {
  const Folder folder;
  EXPECT_EQ(tuned(folder, "copy_dscp: false").storm_limit, 0U);
  EXPECT_EQ(tuned(folder, "storm_limit: off").storm_limit, 0U);
  const auto frames = [&](std::string_view line) {
    return expect_valid(folder,
                        Parts{.interface = "  mode: tap\n", .rest = fmt::format("tuning:\n  {}\n", line)}.text())
        .tuning;
  };
  EXPECT_EQ(frames("storm_limit: off").storm_limit, 0U);
  EXPECT_EQ(frames("storm_limit: 1").storm_limit, 1U);
  EXPECT_EQ(frames("storm_limit: 10000000").storm_limit, kMaxStormLimit);
}

TEST(Tuning, ThePathIsProbedUnlessItIsNotToBe) {
  const Folder folder;
  EXPECT_TRUE(tuned(folder, "copy_dscp: false").path_probe);
  EXPECT_TRUE(tuned(folder, "path_probe: auto").path_probe);
  EXPECT_FALSE(tuned(folder, "path_probe: off").path_probe);
}

TEST(Tuning, WrongValuesAreRefusedNamingTheRightOnes) {
  const Folder folder;
  constexpr std::string_view bounds = "is out of range; choose 64K (65536 bytes) to 1G (1073741824 bytes), or auto";
  constexpr std::string_view no_size = "is not a size; write a number of bytes, or one with the unit K, M or G";
  const struct {
    std::string_view line;
    std::string_view where;
    std::string_view reason;
  } table[] = {
      {"crypto: openssl", "8:11: tuning.crypto",
       "\"openssl\" is not a crypto library; choose auto, libsodium, libipsec-mb or libcrypto"},
      {"crypto: libsodum", "8:11: tuning.crypto", "(did you mean libsodium?)"},
      {"crypto: libipsec_mb", "8:11: tuning.crypto", "(did you mean libipsec-mb?)"},
      {"crypto: Auto", "8:11: tuning.crypto", "(did you mean auto?)"},
      {"crypto: true", "8:11: tuning.crypto", "is not a crypto library"},
      {"crypto: 1", "8:11: tuning.crypto", "is not a crypto library"},
      {"crypto: ''", "8:11: tuning.crypto", "is empty"},
      {"crypto:", "8:3: tuning.crypto", "has no value"},
      {"crypto: ~", "8:3: tuning.crypto", "has no value"},
      {"crypto: [libsodium]", "8:11: tuning.crypto", "is a list"},
      {"crypto: {name: libsodium}", "8:3: tuning.crypto", "is a mapping"},
      {"tun_offload: true", "8:16: tuning.tun_offload",
       "\"true\" is not a switch; choose auto, off or on (did you mean on?)"},
      {"tun_offload: 'true'", "8:16: tuning.tun_offload", "(did you mean on?)"},
      {"tun_offload: yes", "8:16: tuning.tun_offload", "(did you mean on?)"},
      {"tun_offload: ON", "8:16: tuning.tun_offload", "(did you mean on?)"},
      {"tun_offload: 1", "8:16: tuning.tun_offload", "(did you mean on?)"},
      {"udp_offload: false", "8:16: tuning.udp_offload", "(did you mean off?)"},
      {"udp_offload: No", "8:16: tuning.udp_offload", "(did you mean off?)"},
      {"udp_offload: 0", "8:16: tuning.udp_offload", "(did you mean off?)"},
      {"udp_offload: of", "8:16: tuning.udp_offload", "(did you mean off?)"},
      {"udp_offload: automatic", "8:16: tuning.udp_offload", "choose auto, off or on"},
      {"udp_offload: 7", "8:16: tuning.udp_offload", "choose auto, off or on"},
      {"udp_offload: ''", "8:16: tuning.udp_offload", "is empty"},
      {"udp_offload:", "8:3: tuning.udp_offload", "has no value"},
      {"udp_offload: [on]", "8:16: tuning.udp_offload", "is a list"},
      {"udp_offload: {tcp: on}", "8:3: tuning.udp_offload", "is a mapping"},
      {"receive_buffer: 65535", "8:19: tuning.receive_buffer", bounds},
      {"receive_buffer: 63K", "8:19: tuning.receive_buffer", bounds},
      {"receive_buffer: 0", "8:19: tuning.receive_buffer", bounds},
      {"receive_buffer: 1073741825", "8:19: tuning.receive_buffer", bounds},
      {"receive_buffer: 2G", "8:19: tuning.receive_buffer", bounds},
      {"receive_buffer: 18446744073709551615", "8:19: tuning.receive_buffer", bounds},
      {"receive_buffer: 18014398509481985K", "8:19: tuning.receive_buffer", bounds},
      {"receive_buffer: 18446744073709551616", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: 4MB", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: 4m", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: 4 M", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: 4Mi", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: 4T", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: 1.5M", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: -1", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: 0x4M", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: 04M", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: M", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: iB", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: 65536iB", "8:19: tuning.receive_buffer", no_size},
      {"receive_buffer: off", "8:19: tuning.receive_buffer", no_size},
      {"send_buffer: true", "8:16: tuning.send_buffer", no_size},
      {"send_buffer: ''", "8:16: tuning.send_buffer", "is empty"},
      {"send_buffer:", "8:3: tuning.send_buffer", "has no value"},
      {"send_buffer: [4M]", "8:16: tuning.send_buffer", "is a list"},
      {"send_buffer: {min: 4M}", "8:3: tuning.send_buffer", "is a mapping"},
      {"workers: 0", "8:12: tuning.workers", "is not a number of threads; choose 1 to 16, or auto"},
      {"workers: 17", "8:12: tuning.workers", "choose 1 to 16, or auto"},
      {"workers: -1", "8:12: tuning.workers", "choose 1 to 16, or auto"},
      {"workers: all", "8:12: tuning.workers", "choose 1 to 16, or auto"},
      {"mss_clamp: on", "8:14: tuning.mss_clamp", "write auto, off or a number of bytes, such as 1360"},
      {"mss_clamp: 1K", "8:14: tuning.mss_clamp", "write auto, off or a number of bytes, such as 1360"},
      {"mss_clamp: 87", "8:14: tuning.mss_clamp", "is out of range; choose 88 to 65495, auto or off"},
      {"mss_clamp: 65496", "8:14: tuning.mss_clamp", "is out of range; choose 88 to 65495, auto or off"},
      {"mss_clamp:", "8:3: tuning.mss_clamp", "has no value"},
      {"mss_clamp: [1360]", "8:14: tuning.mss_clamp", "is a list"},
      {"path_probe: on", "8:15: tuning.path_probe", "did you mean auto?"},
      {"path_probe: no", "8:15: tuning.path_probe", "did you mean off?"},
      {"path_probe: 1400", "8:15: tuning.path_probe", "is not known here"},
      {"storm_limit: 0", "8:16: tuning.storm_limit", "choose 1 to 10000000, or off"},
      {"storm_limit: 10000001", "8:16: tuning.storm_limit", "choose 1 to 10000000, or off"},
      {"storm_limit: 500", "8:16: tuning.storm_limit", "is for `mode: tap` only; add that, or remove this"},
      {"storm_limit: on", "8:16: tuning.storm_limit", "is no number of frames a second"},
      {"copy_dscp: on", "8:14: tuning.copy_dscp", "write true or false, without quotes"},
      {"copy_dscp: 'true'", "8:14: tuning.copy_dscp", "write true or false, without quotes"},
      {"copy_dscp: 1", "8:14: tuning.copy_dscp", "write true or false, without quotes"},
      {"copy_dscp: auto", "8:14: tuning.copy_dscp", "write true or false, without quotes"},
      {"copy_dscp:", "8:3: tuning.copy_dscp", "has no value"},
      {"copy_dscp: [true]", "8:14: tuning.copy_dscp", "is a list"},
  };
  for (const auto& [line, where, reason] : table) expect_problems(folder, with(line), {{where, std::string(reason)}});
}

}  // namespace
}  // namespace adit::config
