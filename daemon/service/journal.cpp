// SPDX-License-Identifier: MIT
#include "service/journal.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/bytes.h"

namespace adit::service {
namespace {

int priority_of(Severity severity) {
  if (severity >= Severity::error) return LOG_ERR;
  if (severity == Severity::warn) return LOG_WARNING;
  return severity == Severity::info ? LOG_INFO : LOG_DEBUG;
}

/// As much as the kernel gives; the journal's own library asks for that, too.
constexpr int kSendBuffer = 8 << 20;
/// Of what is longer the rest is left out: a datagram has to hold it.
constexpr std::size_t kLongestMessage = 48 << 10;

/// systemd.io/JOURNAL_NATIVE_PROTOCOL: NAME=VALUE a line, or where the value has lines itself its name, its size and
/// it.
std::string encode(const std::vector<std::string>& fields) {
  std::string entry;
  for (const auto& field : fields) {
    const auto equals = field.find('=');
    const auto value = field.substr(equals + 1);
    if (value.find('\n') == std::string::npos) {
      entry += field;
    } else {
      std::array<std::uint8_t, 8> size{};
      store_le64(size.data(), value.size());
      entry += field.substr(0, equals) + '\n';
      entry.append(size.begin(), size.end());
      entry += value;
    }
    entry += '\n';
  }
  return entry;
}

}  // namespace

std::vector<std::string> Journal::compose(Severity severity, std::string_view message,
                                          const EntryFields& fields) const {
  std::vector<std::string> list{fmt::format("MESSAGE={}", message), fmt::format("PRIORITY={}", priority_of(severity)),
                                "SYSLOG_IDENTIFIER=aditd"};
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

Journal::Journal(std::string link, std::string peer, std::string socket)
    : link_(std::move(link)),
      peer_(std::move(peer)),
      path_(std::move(socket)),
      socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
      stderr_(STDERR_FILENO) {
  const int room = kSendBuffer;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

void Journal::write(Severity severity, std::string_view message, const EntryFields& fields) {
  if (lost_ > 0) {
    const auto sentence = fmt::format("{} entries were left out here: the journal had no room for them", lost_);
    if (send(compose(Severity::warn, sentence, {})) == Sent::yes) lost_ = 0;
  }
  const auto sent = lost_ > 0 ? Sent::no_room : send(compose(severity, message.substr(0, kLongestMessage), fields));
  if (sent == Sent::no_room) ++lost_;
  if (sent == Sent::nobody_there) stderr_.write(fmt::format("{}\n", message));
}

/// sd_journal_sendv() waits for a journal that does not read, and the packets with it.
Journal::Sent Journal::send(const std::vector<std::string>& fields) const {
  const auto entry = encode(fields);
  sockaddr_un to{.sun_family = AF_UNIX, .sun_path = {}};
  path_.copy(std::begin(to.sun_path), sizeof to.sun_path - 1);
  const auto* const address = reinterpret_cast<const sockaddr*>(&to);
  if (::sendto(socket_.get(), entry.data(), entry.size(), MSG_NOSIGNAL, address, sizeof to) >= 0) return Sent::yes;
  return errno == EAGAIN || errno == ENOBUFS ? Sent::no_room : Sent::nobody_there;
}

/// JOURNAL_STREAM says which file that is (systemd.exec): it may be inherited by a program with its output elsewhere.
bool stderr_is_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  return stream != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
         fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

}  // namespace adit::service
