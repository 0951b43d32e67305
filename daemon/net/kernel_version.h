// SPDX-License-Identifier: MIT
// Kernels that nobody has tried Adit on.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace adit::net {

/// What to tell of a kernel that is older than any that Adit is tested on, by its release as `uname -r` prints it;
/// nothing for others, nor for what cannot be understood.
std::optional<std::string> doubt_about_kernel(std::string_view release);
/// Of the one that runs here.
std::optional<std::string> doubt_about_kernel();

}  // namespace adit::net
