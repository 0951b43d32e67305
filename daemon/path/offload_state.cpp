// SPDX-License-Identifier: MIT
#include "path/offload_state.h"

#include <utility>

namespace adit::path {
namespace {

OffloadState state_of(config::Switch wanted, bool had, bool used) {
  if (wanted == config::Switch::off) return OffloadState::off;
  if (!had) return OffloadState::unavailable;
  return used ? OffloadState::on : OffloadState::refused;
}

}  // namespace

std::string_view name_of(OffloadState state) {
  switch (state) {
    case OffloadState::off:
      return "off";
    case OffloadState::on:
      return "on";
    case OffloadState::unavailable:
      return "unavailable";
    case OffloadState::refused:
      return "refused";
  }
  return "off";
}

offload::MergeOptions merge_options(const net::TunOffloads& offloads) {
  return {.tcp4 = offloads.tcp,
          .tcp6 = offloads.tcp,
          .udp4 = offloads.udp,
          .udp6 = offloads.udp,
          .frames = offloads.frames};
}

OffloadReport report_offloads(const config::Tuning& tuning, const net::TunOffloads& tun,
                              const offload::MergeOptions& merges, const net::UdpOffloads& udp) {
  return {.tun_tcp = state_of(tuning.tun_offload, tun.tcp, merges.tcp4 && merges.tcp6),
          .tun_udp = state_of(tuning.tun_offload, tun.udp, merges.udp4 && merges.udp6),
          .udp_send = state_of(tuning.udp_offload, udp.can_send, udp.sends),
          .udp_receive = state_of(tuning.udp_offload, udp.receives, udp.receives)};
}

Result<> have_what_was_asked(const config::Tuning& tuning, const OffloadReport& report) {
  const auto missing = [](OffloadState state) { return state == OffloadState::unavailable; };
  // UDP super-packets on the interface are newer (Linux 6.2); without them the switch still does what it is for.
  if (tuning.tun_offload == config::Switch::on && missing(report.tun_tcp)) {
    return fail("tuning.tun_offload is on, but this kernel's TUN has no offload: set it to auto to do without");
  }
  if (tuning.udp_offload == config::Switch::on && (missing(report.udp_send) || missing(report.udp_receive))) {
    return fail(
        "tuning.udp_offload is on, but this kernel has not both UDP_SEGMENT and UDP_GRO (Linux 5.0): set it to auto "
        "to do without");
  }
  return {};
}

std::vector<std::string> RefusalNews::of(const OffloadReport& report) {
  std::vector<std::string> sentences;
  if (report.udp_send == OffloadState::refused && !std::exchange(udp_told_, true)) {
    sentences.emplace_back(
        "the kernel or the network card refused to segment UDP: datagrams leave one by one until the network changes, "
        "which is slower; an outer MTU smaller than our packets is the usual reason (lower interface.mtu)");
  }
  const bool tun_refused = report.tun_tcp == OffloadState::refused || report.tun_udp == OffloadState::refused;
  if (tun_refused && !std::exchange(tun_told_, true)) {
    sentences.emplace_back(
        "the interface refused merged packets: packets are written one by one from here on, which is slower; a newer "
        "kernel would help");
  }
  return sentences;
}

}  // namespace adit::path
