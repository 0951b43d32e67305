// SPDX-License-Identifier: MIT
#include "cli/terminal.h"

#include <langinfo.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace adit::cli {
namespace {

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

bool wants_colour(int fd) {
  return fd >= 0 && ::isatty(fd) == 1 && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
}

bool speaks_utf8() {
  return std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
}

}  // namespace adit::cli
