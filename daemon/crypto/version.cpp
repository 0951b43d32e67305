// SPDX-License-Identifier: MIT
#include "crypto/version.h"

#include <fmt/core.h>
#include <sodium.h>

#include "crypto/backends.h"
#include "crypto/build_facts.h"

namespace adit::crypto {

std::string_view version() {
  return ADIT_VERSION;
}

std::string version_text(std::string_view program) {
  constexpr std::string_view kCommit = ADIT_COMMIT;
  auto text = fmt::format("{} {}", program, version());
  if (!kCommit.empty()) text += fmt::format(" (commit {})", kCommit);
  // libb2 cannot be asked: that is the version it was built with.
  text += fmt::format("\nlibsodium {}, libb2 {}", sodium_version_string(), ADIT_B2_VERSION);
  if (const auto ipsec_mb = ipsec_mb_version(); !ipsec_mb.empty()) text += fmt::format(", libipsec-mb {}", ipsec_mb);
  if (const auto libcrypto = libcrypto_version(); !libcrypto.empty()) text += fmt::format(", libcrypto {}", libcrypto);
  return text;
}

}  // namespace adit::crypto
