// SPDX-License-Identifier: MIT
#include "tunnel/drop_reason.h"

namespace adit::tunnel {

// NOLINTNEXTLINE(readability-function-size): two lines for each of them, and nothing else.
std::string_view name_of(DropReason reason) {
  switch (reason) {
    case DropReason::malformed_packet:
      return "malformed_packet";
    case DropReason::disallowed_destination:
      return "disallowed_destination";
    case DropReason::no_session_queue_full:
      return "no_session_queue_full";
    case DropReason::no_session_timeout:
      return "no_session_timeout";
    case DropReason::send_failed:
      return "send_failed";
    case DropReason::looped:
      return "looped";
    case DropReason::packet_too_large:
      return "packet_too_large";
    case DropReason::frame_too_large:
      return "frame_too_large";
    case DropReason::storm_limit:
      return "storm_limit";
    case DropReason::malformed:
      return "malformed";
    case DropReason::bad_mac1:
      return "bad_mac1";
    case DropReason::bad_cookie:
      return "bad_cookie";
    case DropReason::cookie_required:
      return "cookie_required";
    case DropReason::rate_limited:
      return "rate_limited";
    case DropReason::invalid_handshake:
      return "invalid_handshake";
    case DropReason::wrong_key:
      return "wrong_key";
    case DropReason::old_timestamp:
      return "old_timestamp";
    case DropReason::unverified_response:
      return "unverified_response";
    case DropReason::unknown_index:
      return "unknown_index";
    case DropReason::expired:
      return "expired";
    case DropReason::forged:
      return "forged";
    case DropReason::replayed:
      return "replayed";
    case DropReason::disallowed_source:
      return "disallowed_source";
    case DropReason::own_source:
      return "own_source";
    case DropReason::not_ethernet:
      return "not_ethernet";
    case DropReason::gre_fragment:
      return "gre_fragment";
    case DropReason::gre_incomplete:
      return "gre_incomplete";
    case DropReason::congestion:
      return "congestion";
    case DropReason::interface_queue_full:
      return "interface_queue_full";
    case DropReason::receive_buffer_full:
      return "receive_buffer_full";
    case DropReason::other_interface:
      return "other_interface";
    case DropReason::truncated:
      return "truncated";
    case DropReason::deliver_failed:
      return "deliver_failed";
  }
  return "unknown";
}

}  // namespace adit::tunnel
