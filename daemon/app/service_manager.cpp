// SPDX-License-Identifier: MIT
#include "app/service_manager.h"

#include <fmt/core.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>

namespace adit::app {
namespace {

std::optional<Duration> read_patience() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::microseconds(microseconds);
}

/// systemd wants to know when the reload began, by its own clock, to tell it from an earlier one.
std::uint64_t monotonic_microseconds() {
  std::timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

struct CloseBus {
  void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
};
struct DropMessage {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};

/// What the manager is doing with our unit ("restart", "stop"); empty: nothing, or it cannot be asked.
std::string kind_of_job() {
  constexpr const char* kManager = "org.freedesktop.systemd1";
  constexpr std::uint64_t kPatience = 1'000'000;  // microseconds
  sd_bus* opened = nullptr;
  if (sd_bus_open_system(&opened) < 0) return {};
  const std::unique_ptr<sd_bus, CloseBus> bus(opened);
  sd_bus_set_method_call_timeout(bus.get(), kPatience);

  sd_bus_message* answer = nullptr;
  const char* unit = nullptr;
  if (sd_bus_call_method(bus.get(), kManager, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                         "GetUnitByPID", nullptr, &answer, "u", 0) < 0) {  // 0: who asks
    return {};
  }
  const std::unique_ptr<sd_bus_message, DropMessage> unit_answer(answer);
  if (sd_bus_message_read(answer, "o", &unit) < 0) return {};
  if (sd_bus_get_property(bus.get(), kManager, unit, "org.freedesktop.systemd1.Unit", "Job", nullptr, &answer, "(uo)") <
      0) {
    return {};
  }
  const std::unique_ptr<sd_bus_message, DropMessage> job_answer(answer);
  std::uint32_t id = 0;
  const char* job = nullptr;
  if (sd_bus_message_read(answer, "(uo)", &id, &job) < 0 || id == 0) return {};
  if (sd_bus_get_property(bus.get(), kManager, job, "org.freedesktop.systemd1.Job", "JobType", nullptr, &answer, "s") <
      0) {
    return {};
  }
  const std::unique_ptr<sd_bus_message, DropMessage> kind_answer(answer);
  const char* kind = nullptr;
  return sd_bus_message_read(answer, "s", &kind) < 0 ? std::string() : std::string(kind);
}

}  // namespace

ServiceManager::ServiceManager(net::EventLoop& loop)
    : loop_(loop), patience_(read_patience()), sign_(loop, [this] { sign_due_ = true; }) {
  if (patience_) sign_.set(loop_.now() + *patience_ / 2);
}

bool ServiceManager::is_restarting() {
  if (std::getenv("NOTIFY_SOCKET") == nullptr) return false;
  const auto kind = kind_of_job();
  return kind == "restart" || kind == "try-restart";
}

void ServiceManager::ready() {
  send("READY=1");
}

void ServiceManager::reloading() {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()));
}

void ServiceManager::stopping() {
  send("STOPPING=1");
}

void ServiceManager::patient_for(Duration more) {
  send(fmt::format("EXTEND_TIMEOUT_USEC={}", std::chrono::ceil<std::chrono::microseconds>(more).count()));
}

void ServiceManager::status(const Health& health) {
  std::string line(name_of(health.state));
  if (!health.reason.empty()) line += ": " + health.reason;
  // A line's end would begin another assignment, and some reasons hold words of others.
  std::ranges::replace(line, '\n', ' ');
  if (line == status_) return;
  send("STATUS=" + line);
  status_ = std::move(line);
}

void ServiceManager::turn_end() {
  if (!sign_due_) return;
  sign_due_ = false;
  send("WATCHDOG=1");
  sign_.set(loop_.now() + *patience_ / 2);
}

/// A manager that does not listen is nothing a link should end for.
void ServiceManager::send(const std::string& message) {
  sd_notify(0, message.c_str());
}

}  // namespace adit::app
