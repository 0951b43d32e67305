// SPDX-License-Identifier: MIT
#include "cli/print.h"

#include <ostream>

namespace adit::cli {

void print_formatted(std::ostream& out, fmt::string_view format, fmt::format_args arguments) {
  out << fmt::vformat(format, arguments);
}

}  // namespace adit::cli
