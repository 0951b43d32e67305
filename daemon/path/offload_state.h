// SPDX-License-Identifier: MIT
// Which offloads are in use, and if not, why: what the file asks for, what the kernel has, and what it refused when it
// was used. Words for people and scripts; nothing is switched here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "net/tun_device.h"
#include "net/udp_pair.h"

namespace adit::path {

enum class OffloadState : std::uint8_t {
  off,          ///< the file switched it off
  on,           ///< in use
  unavailable,  ///< this kernel does not have it
  refused,      ///< the kernel or the network card has it, but failed when it was used: done without since then
};

/// What travels as one instead of packet by packet.
struct OffloadReport {
  OffloadState tun_tcp = OffloadState::off;      ///< TCP super-packets, from the interface and to it
  OffloadState tun_udp = OffloadState::off;      ///< likewise UDP
  OffloadState udp_send = OffloadState::off;     ///< UDP_SEGMENT
  OffloadState udp_receive = OffloadState::off;  ///< UDP_GRO
};

/// The word scripts read.
std::string_view name_of(OffloadState state);

/// What may be merged before it is written: the interface takes what it gives.
offload::MergeOptions merge_options(const net::TunOffloads& offloads);

/// `merges`: what is still merged of merge_options.
OffloadReport report_offloads(const config::Tuning& tuning, const net::TunOffloads& tun,
                              const offload::MergeOptions& merges, const net::UdpOffloads& udp);

/// The error names the key that says `on` where the kernel cannot.
Result<> have_what_was_asked(const config::Tuning& tuning, const OffloadReport& report);

/// Tells of what was refused, each thing once: one that is tried again whenever the network changes may be refused
/// again and again, and that is no news.
class RefusalNews {
 public:
  std::vector<std::string> of(const OffloadReport& report);

 private:
  bool udp_told_ = false;
  bool tun_told_ = false;
};

}  // namespace adit::path
