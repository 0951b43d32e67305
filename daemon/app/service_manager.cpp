// SPDX-License-Identifier: MIT
#include "app/service_manager.h"

#include <fmt/core.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <ctime>

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

}  // namespace

ServiceManager::ServiceManager(net::EventLoop& loop)
    : loop_(loop), patience_(read_patience()), sign_(loop, [this] { sign_due_ = true; }) {
  if (patience_) sign_.set(loop_.now() + *patience_ / 2);
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
