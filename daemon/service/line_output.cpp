// SPDX-License-Identifier: MIT
#include "service/line_output.h"

#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace adit::service {

void LineOutput::write(std::string_view line) {
  if (lost_ > 0 && put(fmt::format("{} lines were left out here: nobody read them\n", lost_))) lost_ = 0;
  if (lost_ > 0 || !put(line)) ++lost_;
}

/// A pipe that has room takes PIPE_BUF bytes at once (POSIX), so each piece goes without waiting.
bool LineOutput::put(std::string_view text) const {
  while (!text.empty()) {
    pollfd room{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return false;
    const auto written = ::write(fd_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace adit::service
