// SPDX-License-Identifier: MIT
// New files that only their owner can read.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace adit::cli {

/// Makes the file with mode 0600 whatever the umask is; refuses if there is one, and leaves none half written.
Result<> create_private_file(const std::filesystem::path& file, std::string_view text);

}  // namespace adit::cli
