// SPDX-License-Identifier: MIT
// What systemd-resolved is told and asked about a link, as messages on D-Bus: who sends them, and when, is
// NameServers'.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"

namespace adit::host {

struct DropMessage {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using BusMessage = std::unique_ptr<sd_bus_message, DropMessage>;

/// resolved starts, and ends.
inline constexpr const char* kResolvedAppeared =
    "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
    "member='NameOwnerChanged',arg0='org.freedesktop.resolve1'";
/// Somebody has told resolved something, about any link.
inline constexpr const char* kResolvedAltered =
    "type='signal',sender='org.freedesktop.resolve1',path='/org/freedesktop/resolve1',"
    "interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',arg0='org.freedesktop.resolve1.Manager'";

/// In this order; `look` asks what it has.
enum class ResolvedStep : std::uint8_t { servers, domains, default_route, revert, look, done };

/// Null: no memory.
BusMessage make_call(sd_bus* bus, ResolvedStep step, std::uint32_t interface, const config::Dns& dns);

/// The answer to `look`: false when the link does not have what it was told. What cannot be read tells nothing: true.
bool is_as_told(sd_bus_message* answer, const config::Dns& dns);

/// What went wrong, and what to do about it where there is something.
std::string resolved_error(const sd_bus_error& error);

}  // namespace adit::host
