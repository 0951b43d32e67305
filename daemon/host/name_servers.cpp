// SPDX-License-Identifier: MIT
// org.freedesktop.resolve1.Manager: SetLinkDNS (ia(iay)), SetLinkDomains (ia(sb)), RevertLink (i), one after the other.
// resolved keeps what it is told over its own restarts, but not over a stop that tidies up: whenever it appears on the
// bus it is told again.
#include "host/name_servers.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <string_view>
#include <tuple>
#include <utility>

#include "net/io.h"

namespace adit::host {
namespace {

constexpr const char* kResolver = "org.freedesktop.resolve1";
constexpr const char* kPath = "/org/freedesktop/resolve1";
constexpr const char* kManager = "org.freedesktop.resolve1.Manager";
constexpr const char* kOwnerChanged =
    "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
    "member='NameOwnerChanged',arg0='org.freedesktop.resolve1'";

constexpr Duration kFirstPatience = std::chrono::seconds(5);
constexpr Duration kLongestPatience = std::chrono::minutes(5);
constexpr std::uint64_t kAnswerTime = 25'000'000;  // microseconds; polkit may have to be started first
constexpr std::uint64_t kPartingTime = 1'000'000;  // microseconds

std::uint64_t monotonic_microseconds() {
  std::timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

int append_servers(sd_bus_message* message, const std::vector<IpAddress>& servers) {
  int result = sd_bus_message_open_container(message, 'a', "(iay)");
  for (const auto& server : servers) {
    const auto bytes = server.bytes();
    result = std::min(result, sd_bus_message_open_container(message, 'r', "iay"));
    result = std::min(result, sd_bus_message_append(message, "i", server.is_v4() ? AF_INET : AF_INET6));
    result = std::min(result, sd_bus_message_append_array(message, 'y', bytes.data(), bytes.size()));
    result = std::min(result, sd_bus_message_close_container(message));
  }
  return std::min(result, sd_bus_message_close_container(message));
}

int append_domains(sd_bus_message* message, const std::vector<std::string>& domains) {
  int result = sd_bus_message_open_container(message, 'a', "(sb)");
  for (const auto& domain : domains) {
    const bool routing_only = domain.starts_with('~');
    result = std::min(
        result, sd_bus_message_append(message, "(sb)", domain.c_str() + (routing_only ? 1 : 0), routing_only ? 1 : 0));
  }
  return std::min(result, sd_bus_message_close_container(message));
}

/// What to do about it, where there is something.
std::string_view mend_of(std::string_view error) {
  if (error == SD_BUS_ERROR_ACCESS_DENIED || error == SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED) {
    return "; the user that aditd runs as needs polkitd and a rule for it (docs/configuration.md, dns)";
  }
  if (error == SD_BUS_ERROR_SERVICE_UNKNOWN || error == SD_BUS_ERROR_NAME_HAS_NO_OWNER ||
      error == "org.freedesktop.systemd1.NoSuchUnit") {
    return "; install and start systemd-resolved, or set name servers with a hook in place of the section dns";
  }
  return "";
}

std::string sentence_of(const sd_bus_error& error) {
  return fmt::format("systemd-resolved does not take the name servers: {}{}",
                     error.message != nullptr ? error.message : error.name, mend_of(error.name));
}

}  // namespace

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

void NameServers::tell() {
  retry_.set(std::nullopt);
  if (dns_.servers.empty() && !told_) {
    disconnect();
    return;
  }
  if (connect()) next(dns_.servers.empty() ? Step::revert : Step::servers);
}

bool NameServers::connect() {
  if (bus_) return true;
  sd_bus* opened = nullptr;
  // Does not wait: what is sent goes out once the bus has let us in.
  if (const int error = sd_bus_open_system(&opened); error < 0) {
    failed(
        fmt::format("systemd-resolved cannot be told the name servers, there is no D-Bus: {}; install and start dbus",
                    net::describe(-error)));
    return false;
  }
  bus_.reset(opened);
  sd_bus_set_method_call_timeout(opened, kAnswerTime);
  sd_bus_slot* slot = nullptr;
  const auto appeared = [](sd_bus_message* signal, void* self, sd_bus_error*) {
    static_cast<NameServers*>(self)->resolver_appeared(signal);
    return 0;
  };
  if (sd_bus_add_match_async(opened, &slot, kOwnerChanged, appeared, nullptr, this) >= 0) match_.reset(slot);
  watch_ = loop_.watch(sd_bus_get_fd(opened), EPOLLIN, [this](std::uint32_t) { turn(); });
  return true;
}

NameServers::Message NameServers::make(Step step) const {
  const char* const method = step == Step::servers   ? "SetLinkDNS"
                             : step == Step::domains ? "SetLinkDomains"
                                                     : "RevertLink";
  sd_bus_message* made = nullptr;
  int result = sd_bus_message_new_method_call(bus_.get(), &made, kResolver, kPath, kManager, method);
  Message message(made);
  if (result < 0) return nullptr;
  result = sd_bus_message_append(made, "i", static_cast<int>(interface_));
  if (step == Step::servers) result = std::min(result, append_servers(made, dns_.servers));
  if (step == Step::domains) result = std::min(result, append_domains(made, dns_.domains));
  return result < 0 ? nullptr : std::move(message);
}

void NameServers::next(Step step) {
  step_ = step;
  const auto message = make(step);
  const auto on_answer = [](sd_bus_message* answer, void* self, sd_bus_error*) {
    static_cast<NameServers*>(self)->answered(answer);
    return 0;
  };
  sd_bus_slot* slot = nullptr;
  const int result = message ? sd_bus_call_async(bus_.get(), &slot, message.get(), on_answer, this, 0) : -ENOMEM;
  call_.reset(slot);  // the answer to an earlier call is of no interest any more
  if (result < 0) {
    disconnect();
    failed(fmt::format("D-Bus cannot be used: {}", net::describe(-result)));
    return;
  }
  // Sent in the next turn, with the time the bus has for it.
  turn_.set(loop_.now());
}

void NameServers::answered(sd_bus_message* answer) {
  if (const auto* const error = sd_bus_message_get_error(answer); error != nullptr) {
    failed(sentence_of(*error));
    return;
  }
  if (step_ == Step::servers) {
    told_ = true;
    next(Step::domains);
    return;
  }
  told_ = step_ != Step::revert;
  step_ = Step::done;
  patience_ = kFirstPatience;
  if (!std::exchange(said_, {}).empty()) log_.info("dns: systemd-resolved has the name servers now");
}

/// Called after its start, and after its end.
void NameServers::resolver_appeared(sd_bus_message* signal) {
  const char* name = nullptr;
  const char* before = nullptr;
  const char* now = nullptr;
  if (sd_bus_message_read(signal, "sss", &name, &before, &now) < 0 || *now == '\0') return;
  // A call in progress is what made it start.
  if (step_ != Step::done) return;
  patience_ = kFirstPatience;
  tell();
}

void NameServers::failed(const std::string& sentence) {
  step_ = Step::done;
  // Tidying up is not worth another try.
  if (dns_.servers.empty()) {
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
  while (bus_ && result > 0) result = sd_bus_process(bus_.get(), nullptr);
  if (!bus_) return;
  if (result < 0) {
    disconnect();
    failed(fmt::format("the connection to D-Bus is gone: {}", net::describe(-result)));
  } else if (!told_ && dns_.servers.empty()) {
    disconnect();
  } else {
    plan_turn();
  }
}

/// What the bus waits for.
void NameServers::plan_turn() {
  const int events = sd_bus_get_events(bus_.get());
  watch_.set_events(events < 0 ? std::uint32_t{EPOLLIN} : static_cast<std::uint32_t>(events));
  std::uint64_t deadline = 0;
  const bool waits = sd_bus_get_timeout(bus_.get(), &deadline) > 0 && deadline != UINT64_MAX;
  const auto now = monotonic_microseconds();
  turn_.set(waits ? std::optional(loop_.now() + std::chrono::microseconds(deadline > now ? deadline - now : 0))
                  : std::nullopt);
}

void NameServers::disconnect() {
  step_ = Step::done;
  turn_.set(std::nullopt);
  watch_ = {};
  call_.reset();
  match_.reset();
  bus_.reset();
}

void NameServers::take_back() {
  if (!told_ || !bus_) return;
  call_.reset();
  if (const auto message = make(Step::revert)) {
    // A refusal changes nothing any more.
    std::ignore = sd_bus_call(bus_.get(), message.get(), kPartingTime, nullptr, nullptr);
  }
  told_ = false;
}

}  // namespace adit::host
