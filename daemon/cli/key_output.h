// SPDX-License-Identifier: MIT
// Printing secrets to standard output.
#pragma once

#include <string>
#include <string_view>

#include "cli/commands.h"

namespace adit::cli {

/// Prints the text and ends its line, and wipes it. Warns if it goes to a file that others can read; `what` goes there,
/// in the words of the warning.
void print_secret(std::string text, Context& context, std::string_view what = "this key goes");

}  // namespace adit::cli
