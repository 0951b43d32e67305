// SPDX-License-Identifier: MIT
#include "cli/key_output.h"
#include "cli/print.h"

#include <strings.h>
#include <sys/stat.h>

namespace adit::cli {

void print_secret(std::string text, Context& context, std::string_view what) {
  struct stat status{};
  if (::fstat(context.out_fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 077) != 0) {
    say(context.err,
        "adit: warning: group or others can read the file {} to; run chmod 600 on it, or umask 077 before\n", what);
  }
  say(context.out, "{}{}", text, text.ends_with('\n') ? "" : "\n");
  explicit_bzero(text.data(), text.size());
}

}  // namespace adit::cli
