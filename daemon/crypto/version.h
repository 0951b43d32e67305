// SPDX-License-Identifier: MIT
// What this program is, for `--version`: its version, the commit it was built from, the libraries its cryptography is
// from.
#pragma once

#include <string>
#include <string_view>

namespace adit::crypto {

/// As the project has it: "0.1.0".
std::string_view version();

/// "PROGRAM 0.1.0 (commit 1a2b3c4)", and a line with the libraries and their versions, as they are loaded. No newline
/// at the end. Without the commit where the source was no checkout of git.
std::string version_text(std::string_view program);

}  // namespace adit::crypto
