// SPDX-License-Identifier: MIT
// Printing a secret key to standard output.
#pragma once

#include <string>

#include "cli/commands.h"

namespace adit::cli {

/// Prints the key's text and wipes it. Warns if it goes to a file that others can read.
void print_secret(std::string text, Context& context);

}  // namespace adit::cli
