// SPDX-License-Identifier: MIT
// One call after the other, each when the one before was answered. resolved keeps what it is told over its own
// restarts, but not over a stop that tidies up: whenever it appears on the bus it is told again. And others may tell it
// something else about our link: whenever it says that it was told anything, we look, and tell it again. Whoever
// insists is answered ever more rarely: two programs that each want the last word would else be at it all day.
#include "host/name_servers.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <tuple>
#include <utility>

#include "net/io.h"

namespace adit::host {
namespace {

constexpr Duration kFirstPatience = std::chrono::seconds(5);
constexpr Duration kLongestPatience = std::chrono::minutes(5);
constexpr std::uint64_t kAnswerTime = 25'000'000;  // microseconds; polkit may have to be started first
constexpr std::uint64_t kPartingTime = 1'000'000;  // microseconds

std::uint64_t monotonic_microseconds() {
  std::timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

using Step = ResolvedStep;

NameServers::NameServers(net::EventLoop& loop, Log& log)
    : loop_(loop), log_(log), patience_(kFirstPatience), turn_(loop, [this] { turn(); }), retry_(loop, [this] {
        tell();
      }) {}

NameServers::~NameServers() = default;

void NameServers::set(std::uint32_t interface, const config::Dns& dns, bool maybe_told) {
  interface_ = interface;
  dns_ = dns;
  told_ |= maybe_told;
  said_.clear();
  patience_ = kFirstPatience;
  tell();
}

void NameServers::serve(bool on) {
  if (std::exchange(serving_, on) == on || interface_ == 0) return;
  patience_ = kFirstPatience;
  tell();
}

void NameServers::tell() {
  retry_.set(std::nullopt);
  if (!has_to_tell() && !told_) {
    disconnect();
    return;
  }
  if (connect()) next(has_to_tell() ? Step::servers : Step::revert);
}

bool NameServers::connect() {
  if (bus_.bus) return true;
  sd_bus* opened = nullptr;
  // Does not wait: what is sent goes out once the bus has let us in.
  if (const int error = sd_bus_open_system(&opened); error < 0) {
    failed(
        fmt::format("systemd-resolved cannot be told the name servers, there is no D-Bus: {}; install and start dbus",
                    net::describe(-error)));
    return false;
  }
  bus_.bus.reset(opened);
  sd_bus_set_method_call_timeout(opened, kAnswerTime);
  sd_bus_slot* slot = nullptr;
  const auto appeared = [](sd_bus_message* signal, void* self, sd_bus_error*) {
    static_cast<NameServers*>(self)->resolver_appeared(signal);
    return 0;
  };
  if (sd_bus_add_match_async(opened, &slot, kResolvedAppeared, appeared, nullptr, this) >= 0) bus_.appeared.reset(slot);
  const auto altered = [](sd_bus_message*, void* self, sd_bus_error*) {
    static_cast<NameServers*>(self)->resolver_altered();
    return 0;
  };
  if (sd_bus_add_match_async(opened, &slot, kResolvedAltered, altered, nullptr, this) >= 0) bus_.altered.reset(slot);
  watch_ = loop_.watch(sd_bus_get_fd(opened), EPOLLIN, [this](std::uint32_t) { turn(); });
  return true;
}

void NameServers::next(Step step) {
  step_ = step;
  const auto message = make_call(bus_.bus.get(), step, interface_, dns_);
  const auto on_answer = [](sd_bus_message* answer, void* self, sd_bus_error*) {
    static_cast<NameServers*>(self)->answered(answer);
    return 0;
  };
  sd_bus_slot* slot = nullptr;
  const int result = message ? sd_bus_call_async(bus_.bus.get(), &slot, message.get(), on_answer, this, 0) : -ENOMEM;
  bus_.call.reset(slot);  // the answer to an earlier call is of no interest any more
  if (result < 0) {
    disconnect();
    failed(fmt::format("D-Bus cannot be used: {}", net::describe(-result)));
    return;
  }
  // On its way, it counts: the answer may never come.
  if (step == Step::servers) told_ = true;
  // Sent in the next turn, with the time the bus has for it.
  turn_.set(loop_.now());
}

void NameServers::answered(sd_bus_message* answer) {
  const auto step = step_;
  if (step == Step::look) {
    step_ = Step::done;
    looked(is_as_told(answer, dns_));
  } else if (const auto* const error = sd_bus_message_get_error(answer); error != nullptr) {
    failed(resolved_error(*error));
  } else if (step == Step::servers) {
    next(Step::domains);
  } else if (step == Step::domains) {
    next(Step::default_route);
  } else {
    told_ = step != Step::revert;
    step_ = Step::done;
    patience_ = kFirstPatience;
    if (!std::exchange(said_, {}).empty()) log_.info("dns: systemd-resolved has the name servers now");
  }
  if (step_ == Step::done && altered_) look();
}

/// Called after its start, and after its end.
void NameServers::resolver_appeared(sd_bus_message* signal) {
  const char* name = nullptr;
  const char* before = nullptr;
  const char* now = nullptr;
  if (sd_bus_message_read(signal, "sss", &name, &before, &now) < 0 || *now == '\0') return;
  // A call in progress is what made it start.
  if (step_ != Step::done) return;
  if (told_ && said_.empty()) log_.info("dns: systemd-resolved was started anew, and is told the name servers again");
  patience_ = kFirstPatience;
  tell();
}

/// Called after somebody told resolved something: we, as a rule.
void NameServers::resolver_altered() {
  altered_ = true;
  if (step_ == Step::done) look();
}

void NameServers::look() {
  altered_ = false;
  if (told_ && has_to_tell() && !retry_.deadline()) next(Step::look);
}

void NameServers::looked(bool as_told) {
  if (as_told || !has_to_tell()) return;
  const auto now = loop_.now();
  if (now - repair_.at > kLongestPatience) repair_.patience = Repair{}.patience;
  const auto due = std::max(now, repair_.at + repair_.patience);
  repair_ = {.at = due, .patience = std::min(repair_.patience * 2, kLongestPatience)};
  log_.info("dns: another program changed what systemd-resolved knows of the link; {}",
            due == now
                ? "it is told the name servers again"
                : "again, so it is told the name servers only after a while; see what else manages the interface");
  if (due == now) {
    tell();
  } else {
    retry_.set(due);
  }
}

void NameServers::failed(const std::string& sentence) {
  step_ = Step::done;
  // Tidying up is not worth another try.
  if (!has_to_tell()) {
    told_ = false;
    log_.debug("dns: {}", sentence);
    return;
  }
  retry_.set(loop_.now() + patience_);
  patience_ = std::min(patience_ * 2, kLongestPatience);
  if (std::exchange(said_, sentence) != sentence) log_.warn("dns: {}", sentence);
}

void NameServers::turn() {
  int result = 1;
  while (bus_.bus && result > 0) result = sd_bus_process(bus_.bus.get(), nullptr);
  if (!bus_.bus) return;
  if (result < 0) {
    disconnect();
    failed(fmt::format("the connection to D-Bus is gone: {}", net::describe(-result)));
  } else if (!told_ && !has_to_tell()) {
    disconnect();
  } else {
    plan_turn();
  }
}

/// What the bus waits for.
void NameServers::plan_turn() {
  const int events = sd_bus_get_events(bus_.bus.get());
  watch_.set_events(events < 0 ? std::uint32_t{EPOLLIN} : static_cast<std::uint32_t>(events));
  std::uint64_t deadline = 0;
  const bool waits = sd_bus_get_timeout(bus_.bus.get(), &deadline) > 0 && deadline != UINT64_MAX;
  const auto now = monotonic_microseconds();
  turn_.set(waits ? std::optional(loop_.now() + std::chrono::microseconds(deadline > now ? deadline - now : 0))
                  : std::nullopt);
}

void NameServers::disconnect() {
  step_ = Step::done;
  turn_.set(std::nullopt);
  watch_ = {};
  bus_.call.reset();
  bus_.appeared.reset();
  bus_.altered.reset();
  bus_.bus.reset();
}

void NameServers::take_back() {
  if (!told_ || !bus_.bus) return;
  bus_.call.reset();
  if (const auto message = make_call(bus_.bus.get(), Step::revert, interface_, dns_)) {
    // A refusal changes nothing any more.
    std::ignore = sd_bus_call(bus_.bus.get(), message.get(), kPartingTime, nullptr, nullptr);
  }
  told_ = false;
}

}  // namespace adit::host
