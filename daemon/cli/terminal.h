// SPDX-License-Identifier: MIT
// What the terminal at the other end can show.
#pragma once

namespace adit::cli {

/// Whether `fd` is a terminal that is to get colours: $NO_COLOR (https://no-color.org) and TERM=dumb say no.
bool wants_colour(int fd);
/// By the locale of the environment, which `setlocale(LC_CTYPE, "")` must have taken over.
bool speaks_utf8();

}  // namespace adit::cli
