// SPDX-License-Identifier: MIT
#include "tunnel/status.h"

namespace adit::tunnel {

int telling(const HandshakeProblem& problem) {
  constexpr int kByPeer = 10;
  const int who = problem.by_peer ? kByPeer : 0;
  switch (problem.reason) {
    case DropReason::wrong_key:
    case DropReason::unverified_response:
      return who + 3;
    case DropReason::old_timestamp:
    case DropReason::bad_mac1:
      return who + 2;
    case DropReason::invalid_handshake:
      return who + 1;
    default:
      return 0;
  }
}

}  // namespace adit::tunnel
