// SPDX-License-Identifier: MIT
// Entries in systemd's journal, with fields that can be searched for instead of words: `journalctl ADIT_LINK=office
// ADIT_EVENT=state`. What can be looked up also has a message ID, by which systemd/adit.catalog explains it
// (`journalctl -x`). docs/service.md lists fields and events.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_descriptor.h"
#include "base/log.h"
#include "service/line_output.h"

namespace adit::service {

/// A kind of entry. Its ID is for ever: other people's searches and alarms name it.
struct EntryKind {
  std::string_view event;       ///< ADIT_EVENT
  std::string_view message_id;  ///< MESSAGE_ID; empty: nothing more is to be said about it
};

namespace entry {
inline constexpr EntryKind kWaiting{"state", "e0eb7fb9a7fd4e44a25b9daa8f416ea3"};
inline constexpr EntryKind kResolving{"state", "9fdd59a9ccc34ab381a2cc6c3d493e6f"};
inline constexpr EntryKind kConnecting{"state", "b40832d5a4fc4f088720041a5cf688e0"};
inline constexpr EntryKind kUp{"state", "58d578675ed34768be23d2475a94b767"};
inline constexpr EntryKind kStale{"state", "eff83c7132084e86834f864ad088fda5"};
inline constexpr EntryKind kFailed{"state", "037f6907908c4dd1b04c00a9bd03715d"};
inline constexpr EntryKind kHandshakeSent{"handshake_sent", ""};
inline constexpr EntryKind kHandshake{"handshake", ""};
inline constexpr EntryKind kHandshakeRefused{"handshake_refused", "11636079ce7240cf9ecfc216d405adfc"};
inline constexpr EntryKind kPeerSilent{"peer_silent", "051a5e444598432ab6c076849d9f7fc8"};
inline constexpr EntryKind kPeerMoved{"peer_moved", ""};
inline constexpr EntryKind kUnderLoad{"under_load", "c80ca3d7ab8245118e46ff166e270f05"};
inline constexpr EntryKind kSessionExpired{"session_expired", ""};
inline constexpr EntryKind kSendFailed{"send_failed", "7eb3f93b100e4758a51c66ddf60c32c9"};
inline constexpr EntryKind kDisallowed{"disallowed", "f6807282c9a14a01bdde27fd24fd3d8e"};
inline constexpr EntryKind kDrops{"drops", "daefa66d3c55462cb97433067181361b"};
inline constexpr EntryKind kConfigInvalid{"config_invalid", "14cf9f6a8ea04a9f88c65c169f9c44c7"};
inline constexpr EntryKind kReloadRefused{"reload_refused", "85cd64fb3c7b487ab9c2845733acd87e"};
inline constexpr EntryKind kGivenUp{"given_up", "9ec5c39b53ff4b9ab0e1b56c42444965"};
}  // namespace entry

struct EntryFields {
  EntryKind kind;
  std::vector<std::pair<std::string_view, std::string>> more;  ///< name and value; an empty value is left out
};

class Journal {
 public:
  /// `link`: its name. `peer`: the peer's public key; empty when it is not known.
  /// `socket`: of the journal.
  Journal(std::string link, std::string peer, std::string socket = "/run/systemd/journal/socket");

  void set_peer(std::string peer) { peer_ = std::move(peer); }
  /// Onto stderr when there is no journal. Never waits: what it has no room for is left out, and it is told how many
  /// entries that were when there is room again.
  void write(Severity severity, std::string_view message, const EntryFields& fields = {});

  /// NAME=VALUE each: what `write` sends.
  std::vector<std::string> compose(Severity severity, std::string_view message, const EntryFields& fields) const;

 private:
  enum class Sent : std::uint8_t { yes, no_room, nobody_there };
  Sent send(const std::vector<std::string>& fields) const;

  std::string link_;
  std::string peer_;
  std::string path_;
  FileDescriptor socket_;
  LineOutput stderr_;
  std::uint64_t lost_ = 0;
};

/// Whether stderr is the journal: then it can be told more than lines.
bool stderr_is_journal();

}  // namespace adit::service
