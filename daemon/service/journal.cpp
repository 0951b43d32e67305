// SPDX-License-Identifier: MIT
// Where in the source a line was written is nothing an administrator looks for.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "service/journal.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdlib>

namespace adit::service {
namespace {

int priority_of(Severity severity) {
  if (severity >= Severity::error) return LOG_ERR;
  if (severity == Severity::warn) return LOG_WARNING;
  return severity == Severity::info ? LOG_INFO : LOG_DEBUG;
}

}  // namespace

std::vector<std::string> Journal::compose(Severity severity, std::string_view message,
                                          const EntryFields& fields) const {
  std::vector<std::string> list{fmt::format("MESSAGE={}", message), fmt::format("PRIORITY={}", priority_of(severity))};
  const auto add = [&list](std::string_view name, std::string_view value) {
    if (!value.empty()) list.push_back(fmt::format("{}={}", name, value));
  };
  add("ADIT_LINK", link_);
  add("ADIT_PEER", peer_);
  add("ADIT_EVENT", fields.kind.event);
  add("MESSAGE_ID", fields.kind.message_id);
  for (const auto& [name, value] : fields.more) add(name, value);
  return list;
}

void Journal::write(Severity severity, std::string_view message, const EntryFields& fields) const {
  auto list = compose(severity, message, fields);
  std::vector<iovec> parts;
  parts.reserve(list.size());
  for (auto& field : list) parts.push_back({.iov_base = field.data(), .iov_len = field.size()});
  if (sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) < 0) fmt::print(stderr, "{}\n", message);
}

/// JOURNAL_STREAM says which file that is (systemd.exec): it may be inherited by a program with its output elsewhere.
bool stderr_is_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  return stream != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
         fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

}  // namespace adit::service
