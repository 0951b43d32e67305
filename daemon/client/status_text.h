// SPDX-License-Identifier: MIT
// A link's status for people: a few lines out of the JSON that aditd gives.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace adit::client {

/// `now`: seconds since 1970. Throws nlohmann::json::exception when `link` is not what docs/control-socket.md says.
std::string status_text(const nlohmann::ordered_json& link, std::int64_t now, bool coloured = false);

/// "tun tcp+udp, udp send+receive", of `offload`.
std::string offload_text(const nlohmann::ordered_json& offload);

/// "84 B", "1.2 KiB", "3.4 GiB".
std::string bytes_text(std::uint64_t bytes);
/// "12 s", "5 min", "3 h 20 min", "2 d 4 h"; a span below zero (the clock went back) is "0 s".
std::string span_text(std::int64_t seconds);

}  // namespace adit::client
