// SPDX-License-Identifier: MIT
// Events → log lines. What strangers can cause is limited by kind, so that a flood fills neither disk nor attention:
// the first few are told, the rest is counted and summed up, and so is what was dropped.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/log.h"
#include "link/health.h"
#include "service/journal.h"
#include "tunnel/event.h"
#include "tunnel/status.h"

namespace adit::link {

/// So many lines at once, then one for each kInterval that passes.
class LineLimit {
 public:
  static constexpr unsigned kBurst = 5;
  static constexpr Duration kInterval = std::chrono::seconds(60);

  /// True: the line may be written.
  bool allow(Instant now);
  /// Lines not written since the last that was; starts counting anew.
  std::uint64_t take_suppressed() { return std::exchange(suppressed_, 0); }

 private:
  unsigned tokens_ = kBurst;
  Instant filled_{};
  std::uint64_t suppressed_ = 0;
};

class EventLog {
 public:
  static constexpr Duration kSummaryInterval = std::chrono::minutes(10);

  /// `journal`: where the logger writes to, if it does; there events keep their fields.
  explicit EventLog(Log& log, service::Journal* journal = nullptr) : log_(log), journal_(journal) {}

  void event(const tunnel::Event& event, Instant now);
  void state(const Health& health);
  /// peer.allowed_ips did not let packets through: `sentence` tells of the last one.
  void disallowed(tunnel::DropReason reason, const std::string& sentence, Instant now);
  /// The kernel refuses what we send; `error` in words.
  void send_failed(const Endpoint& to, const std::string& error, Instant now);
  /// A line when something was dropped since the last one, if that is long enough ago.
  void drops(const tunnel::DropCounters& counters, Instant now);

 private:
  /// What is limited together.
  enum class Kind : std::uint8_t { attempt, exhausted, handshake, moved, load, expired, send };
  static constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::send) + 1;

  struct Line {
    Severity severity;
    std::string text;
    service::EntryFields fields;
  };
  struct Words {
    std::string text;
    service::EntryFields fields;
  };
  bool may_write(LineLimit& limit, Severity severity, Instant now) const;
  template <class MakeWords>
  void write(Kind kind, Severity severity, Instant now, const MakeWords& words);
  void write_allowed(LineLimit& limit, Line line);
  void write(const Line& line);

  void tell(const tunnel::InitiationSent& event, Instant now);
  void tell(const tunnel::HandshakeCompleted& event, Instant now);
  void tell(const tunnel::HandshakeRefused& event, Instant now);
  void tell(const tunnel::AttemptsExhausted& event, Instant now);
  void tell(const tunnel::EndpointMoved& event, Instant now);
  void tell(const tunnel::UnderLoadChanged& event, Instant now);
  void tell(const tunnel::SessionExpired& event, Instant now);
  void tell(const tunnel::PeerQuiet& /*event*/, Instant /*now*/) {}
  static void tell(const tunnel::ProbeEnded&, Instant) {}  // whoever asked knows what it means

  Log& log_;
  service::Journal* journal_;
  std::array<LineLimit, kKinds> limits_;
  /// One each: a flood of forgeries must not hide that the peer uses another key.
  std::array<LineLimit, tunnel::kDropReasons> refusals_;
  tunnel::DropCounters told_;
  std::optional<Instant> told_at_;
};

}  // namespace adit::link
