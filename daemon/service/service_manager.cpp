// SPDX-License-Identifier: MIT
#include "service/service_manager.h"

#include <fmt/core.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string_view>

namespace adit::service {
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

/// The manager over D-Bus, for as long as `patience` lasts: opening the bus and all calls share it.
class ManagerBus {
 public:
  explicit ManagerBus(Duration patience) : end_(std::chrono::steady_clock::now() + patience) {
    sd_bus* opened = nullptr;
    if (sd_bus_open_system(&opened) < 0) return;
    bus_.reset(opened);
    if (!connect()) bus_.reset();
  }

  /// The path of the unit this process belongs to; empty: it cannot be had. Likewise below.
  std::string own_unit() {
    if (!bus_ || !take_turn()) return {};
    constexpr std::uint32_t kWhoAsks = 0;
    sd_bus_message* answer = nullptr;
    const int done =
        sd_bus_call_method(bus_.get(), kManager, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                           "GetUnitByPID", nullptr, &answer, "u", kWhoAsks);
    return text_in(done, answer, "o");
  }
  /// The job that is being done with it.
  std::string job_of(const std::string& unit) { return property(unit, "org.freedesktop.systemd1.Unit", "Job", "(uo)"); }
  /// "restart", "stop", …
  std::string kind_of(const std::string& job) { return property(job, "org.freedesktop.systemd1.Job", "JobType", "s"); }

 private:
  static constexpr const char* kManager = "org.freedesktop.systemd1";

  struct CloseBus {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }  // without waiting for anything to be sent
  };

  /// Microseconds.
  std::uint64_t left() const {
    const auto left = end_ - std::chrono::steady_clock::now();
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(left).count(), 0));
  }

  /// The library by itself would wait for the bus's greeting without regard to any timeout of a call.
  bool connect() {
    while (sd_bus_is_ready(bus_.get()) == 0) {
      const int done = sd_bus_process(bus_.get(), nullptr);
      if (done < 0 || left() == 0) return false;
      if (done == 0 && sd_bus_wait(bus_.get(), left()) < 0) return false;
    }
    return sd_bus_is_ready(bus_.get()) > 0;
  }

  /// The next call may take what is left.
  bool take_turn() {
    const auto time = left();
    return time > 0 && sd_bus_set_method_call_timeout(bus_.get(), time) >= 0;
  }

  std::string property(const std::string& path, const char* interface, const char* name, const char* type) {
    if (path.empty() || !take_turn()) return {};
    sd_bus_message* answer = nullptr;
    const int done = sd_bus_get_property(bus_.get(), kManager, path.c_str(), interface, name, nullptr, &answer, type);
    return text_in(done, answer, type);
  }

  /// The text in an answer of one of the types above. A job's number is 0 when there is none.
  static std::string text_in(int done, sd_bus_message* answer, const char* type) {
    struct DropMessage {
      void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
    };
    const std::unique_ptr<sd_bus_message, DropMessage> owned(answer);
    std::uint32_t number = 1;
    const char* text = nullptr;
    if (done >= 0 && std::string_view(type) == "(uo)") {
      done = sd_bus_message_read(answer, "(uo)", &number, &text);
    } else if (done >= 0) {
      done = sd_bus_message_read(answer, type, &text);
    }
    return done < 0 || number == 0 || text == nullptr ? std::string() : std::string(text);
  }

  std::chrono::steady_clock::time_point end_;
  std::unique_ptr<sd_bus, CloseBus> bus_;
};

}  // namespace

ServiceManager::ServiceManager(net::EventLoop& loop)
    : loop_(loop), patience_(read_patience()), sign_(loop, [this] { sign_due_ = true; }) {
  if (patience_) sign_.set(loop_.now() + *patience_ / 2);
}

bool ServiceManager::is_restarting() {
  if (std::getenv("NOTIFY_SOCKET") == nullptr) return false;
  // It has as many links to stop at once as there are, and whoever gets no answer makes a plain stop of a restart.
  ManagerBus bus(std::chrono::seconds(5));
  const auto kind = bus.kind_of(bus.job_of(bus.own_unit()));
  return kind == "restart" || kind == "try-restart";
}

void ServiceManager::ready() {
  ready_ = true;
  send("READY=1");
}

void ServiceManager::reloading() const {
  if (ready_) send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()));
}

void ServiceManager::reloaded() const {
  if (ready_) send("READY=1");
}

void ServiceManager::stopping() {
  ready_ = false;
  send("STOPPING=1");
}

void ServiceManager::patient_for(Duration more) {
  send(fmt::format("EXTEND_TIMEOUT_USEC={}", std::chrono::ceil<std::chrono::microseconds>(more).count()));
}

void ServiceManager::status(std::string line) {
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

}  // namespace adit::service
