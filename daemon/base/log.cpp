// SPDX-License-Identifier: MIT
#include "base/log.h"

namespace adit {

void Log::write_formatted(Severity severity, fmt::string_view format, fmt::format_args arguments) {
  put(severity, fmt::vformat(format, arguments));
}

}  // namespace adit
