// SPDX-License-Identifier: MIT
// One list of fields (`visit`), walked by three visitors: one that measures and hashes, one that writes, one that reads
// and checks.
#include "service/session_bytes.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "crypto/blake2s.h"

namespace adit::service {
namespace {

/// Nanoseconds since the boot, and of any interval, at the most: 36 years. Sums of some of them overflow nothing.
constexpr std::int64_t kFarthest = std::int64_t{1} << 60;
/// Since 1970: until 2116.
constexpr std::int64_t kLatest = std::int64_t{1} << 62;

template <class Visitor>
void visit(Visitor& visitor, IpAddress& address) {
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(address.bytes(), bytes.begin());
  auto bits = static_cast<std::uint8_t>(address.bits());
  visitor.bytes(bytes);
  visitor.one_of(bits, {0, 32, 128});
  if (bits == 0) address = {};
  if (bits == 32) address = IpAddress::v4(std::span<const std::uint8_t, 4>(bytes.data(), 4));
  if (bits == 128) address = IpAddress::v6(bytes);
}

template <class Visitor>
void visit(Visitor& visitor, Endpoint& endpoint) {
  visit(visitor, endpoint.address);
  visitor.number(endpoint.port);
  visitor.number(endpoint.scope);
}

template <class Visitor>
void visit(Visitor& visitor, Instant& instant) {
  auto since_boot = instant.time_since_epoch().count();
  visitor.past(since_boot);
  instant = Instant(Duration(since_boot));
}

template <class Visitor>
void visit(Visitor& visitor, Duration& duration) {
  auto count = duration.count();
  visitor.within(count, -kFarthest, kFarthest);
  duration = Duration(count);
}

template <class Visitor>
void visit(Visitor& visitor, WallTime& time) {
  auto count = time.since_epoch.count();
  visitor.within(count, std::int64_t{0}, kLatest);
  time.since_epoch = Duration(count);
}

template <class Visitor, class Value>
void visit(Visitor& visitor, std::optional<Value>& optional) {
  bool present = optional.has_value();
  auto value = optional.value_or(Value{});
  visitor.flag(present);
  visit(visitor, value);
  optional = present ? std::optional(value) : std::nullopt;
}

template <class Visitor>
void visit(Visitor& visitor, tunnel::SavedSession& session) {
  visitor.flag(session.present);
  visitor.bytes(session.send_key);
  visitor.bytes(session.receive_key);
  visitor.number(session.local_index);
  visitor.number(session.remote_index);
  visitor.enumerator(session.role, noise::Role::responder);
  visit(visitor, session.created);
  visitor.within(session.next_counter, std::uint64_t{0}, noise::REJECT_AFTER_MESSAGES);
  visitor.any_bits(session.received);
}

template <class Visitor>
void visit(Visitor& visitor, tunnel::HandshakeProblem& problem) {
  visitor.enumerator(problem.reason, static_cast<tunnel::DropReason>(tunnel::kDropReasons - 1));
  visit(visitor, problem.from);
  visitor.bytes(problem.key.bytes);
  visit(visitor, problem.when);
  visitor.flag(problem.by_peer);
}

template <class Visitor>
void visit(Visitor& visitor, tunnel::Status& status) {
  for (auto* traffic : {&status.sent, &status.received}) {
    visitor.number(traffic->packets);
    visitor.number(traffic->bytes);
  }
  visitor.number(status.large);
  visitor.number(status.wire.sent);
  visitor.number(status.wire.received);
  visitor.any_bits(status.drops);
  visitor.enumerator(status.endpoint_source, tunnel::EndpointSource::learned);
  visit(visitor, status.handshake_at);
  visit(visitor, status.handshake_time);
  visit(visitor, status.round_trip);
  visit(visitor, status.heard_at);
  visit(visitor, status.reached_at);
  visitor.number(status.attempts);
  visit(visitor, status.attempting_since);
  visit(visitor, status.unanswered_at);
  visit(visitor, status.problem);
  visit(visitor, status.disallowed_source);
  visit(visitor, status.disallowed_destination);
  visitor.flag(status.under_load);
}

template <class Visitor>
void visit(Visitor& visitor, tunnel::SavedTunnel& saved) {
  visitor.bytes(saved.our_key.bytes);
  visitor.bytes(saved.peer_key.bytes);
  for (auto& session : saved.sessions) visit(visitor, session);
  visitor.bytes(saved.newest_initiation.bytes);
  visit(visitor, saved.path.remote);
  visit(visitor, saved.path.local);
  visitor.number(saved.path.interface);
  visit(visitor, saved.keepalive);
  visitor.any_bits(saved.timers);  // deadlines, which are only ever compared
  visit(visitor, saved.status);
}

/// What the visitors have in common: every field is so many bytes, and then perhaps not any such.
template <class Self>
class Visitor {
  Visitor() = default;
  friend Self;

 public:
  template <std::size_t n>
  void bytes(std::array<std::uint8_t, n>& field) {
    self().field("bytes", field.data(), n);
  }
  template <class Number>
  void number(Number& field) {
    self().field("number", &field, sizeof field);
  }
  /// Of a type that is a value whatever its bits are.
  template <class Field>
  void any_bits(Field& field) {
    static_assert(std::is_trivially_copyable_v<Field>);
    self().field("bits", static_cast<void*>(&field), sizeof field);
  }
  template <class Number>
  void within(Number& field, Number least, Number most) {
    number(field);
    if (field < least || field > most) self().refuse(field, least);
  }
  void one_of(std::uint8_t& field, std::initializer_list<std::uint8_t> values) {
    number(field);
    if (std::ranges::find(values, field) == values.end()) self().refuse(field, *values.begin());
  }
  void flag(bool& field) {
    auto number = static_cast<std::uint8_t>(field ? 1 : 0);
    one_of(number, {0, 1});
    field = number == 1;
  }
  template <class Enum>
  void enumerator(Enum& field, Enum last) {
    auto number = static_cast<std::uint8_t>(field);
    self().field(std::to_string(static_cast<unsigned>(last)).c_str(), &number, sizeof number);
    if (number > static_cast<std::uint8_t>(last)) self().refuse(number, std::uint8_t{0});
    field = static_cast<Enum>(number);
  }
  /// Nanoseconds since the boot.
  void past(std::int64_t& field) { within(field, std::int64_t{0}, self().now()); }

 private:
  Self& self() { return static_cast<Self&>(*this); }
};

class Writer : public Visitor<Writer> {
 public:
  explicit Writer(MutableBytes out) : out_(out) {}
  void field(const char*, const void* from, std::size_t size) {
    std::memcpy(out_.data(), from, size);
    out_ = out_.subspan(size);
  }
  template <class Number>
  void refuse(Number&, Number) {}
  static std::int64_t now() { return kFarthest; }

 private:
  MutableBytes out_;
};

class Reader : public Visitor<Reader> {
 public:
  Reader(Bytes in, Instant now) : in_(in), now_(std::min(now.time_since_epoch().count(), kFarthest)) {}
  void field(const char*, void* to, std::size_t size) {
    std::memcpy(to, in_.data(), size);
    in_ = in_.subspan(size);
  }
  template <class Number>
  void refuse(Number& field, Number instead) {
    field = instead;
    sound_ = false;
  }
  std::int64_t now() const { return now_; }
  bool sound() const { return sound_; }

 private:
  Bytes in_;
  std::int64_t now_;
  bool sound_ = true;
};

class Layout : public Visitor<Layout> {
 public:
  void field(const char* kind, const void*, std::size_t size) {
    size_ += size;
    text_ += fmt::format("{} {}\n", kind, size);
  }
  template <class Number>
  void refuse(Number&, Number) {}
  static std::int64_t now() { return kFarthest; }
  std::size_t size() const { return size_; }
  std::uint64_t hash() const { return load_be64(crypto::blake2s({as_bytes(text_)}).data()); }

 private:
  std::size_t size_ = 0;
  std::string text_;
};

const Layout& layout() {
  static const Layout kAll = [] {
    Layout each;
    const auto holder = std::make_unique<tunnel::SavedTunnelHolder>();
    visit(each, holder->saved);
    return each;
  }();
  return kAll;
}

}  // namespace

std::uint64_t session_layout() {
  return layout().hash();
}

std::size_t SessionBytes::size_of_session() {
  return layout().size();
}

SessionBytes::SessionBytes(const tunnel::SavedTunnel& saved) : bytes_(layout().size()) {
  const auto copy = std::make_unique<tunnel::SavedTunnelHolder>();
  copy->saved = saved;
  Writer writer(bytes_);
  visit(writer, copy->saved);
}

bool read_session(Bytes bytes, tunnel::SavedTunnel& saved, Instant now) {
  if (bytes.size() != layout().size()) return false;
  Reader reader(bytes, now);
  visit(reader, saved);
  return reader.sound();
}

}  // namespace adit::service
