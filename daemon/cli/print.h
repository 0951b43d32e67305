// SPDX-License-Identifier: MIT
// Sentences onto a stream. fmt has that too, in a header that makes the compiler build the whole of fmt anew in each
// source; this one leaves the work to the library.
#pragma once

#include <fmt/core.h>

#include <iosfwd>

namespace adit::cli {

void print_formatted(std::ostream& out, fmt::string_view format, fmt::format_args arguments);

/// Not called `print`: C++23 has one in std, which calls with a stream of std would find as well.
template <class... Args>
void say(std::ostream& out, fmt::format_string<Args...> format, const Args&... arguments) {
  print_formatted(out, format, fmt::make_format_args(arguments...));
}

}  // namespace adit::cli
