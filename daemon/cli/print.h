// SPDX-License-Identifier: MIT
// Sentences onto a stream. fmt has that too, in a header that makes the compiler build the whole of fmt anew in each
// source; this one leaves the work to the library.
#pragma once

#include <fmt/core.h>

#include <iosfwd>

namespace adit::cli {

void print_formatted(std::ostream& out, fmt::string_view format, fmt::format_args arguments);

template <class... Args>
void print(std::ostream& out, fmt::format_string<Args...> format, const Args&... arguments) {
  print_formatted(out, format, fmt::make_format_args(arguments...));
}

}  // namespace adit::cli
