// SPDX-License-Identifier: MIT
// What the running daemon heard of the peer, or did not.
#include <fmt/core.h>

#include <algorithm>

#include "client/status_text.h"
#include "doctor/checks.h"

namespace adit::doctor {
namespace {

using std::chrono::seconds;

constexpr const char* kNoAnswer = "the daemon does not answer";

/// What the daemon says of packets dropped for that reason, in its own words where it has some.
Evidence seen_of(const Facts& facts, const std::string& reason) {
  auto seen = facts.observed(reason);
  if (seen.empty() && !facts.status()->reason.empty()) seen.push_back(facts.status()->reason);
  seen.insert(seen.begin(), fmt::format("{}: {} dropped", reason, facts.dropped(reason)));
  return seen;
}

/// A refusal that explains why the link is not up; while it is up, somebody else's doing that deserves no alarm.
Finding judge_refusal(const Facts& facts, const std::string& reason, const std::string& none, const std::string& title,
                      const std::string& mend) {
  if (facts.status() == nullptr) return skipped(kNoAnswer);
  if (facts.dropped(reason) == 0) return ok(none);
  if (facts.up()) return ok(fmt::format("{}; there were others, but the link is up", none), seen_of(facts, reason));
  if (facts.is_old_news(reason)) return ok(fmt::format("{}, by now", none), seen_of(facts, reason));
  return problem(title, seen_of(facts, reason), mend);
}

std::string state_mend(const Facts& facts) {
  const auto& status = *facts.status();
  if (status.local_key.empty() || status.peer_key.empty()) return "give it its keys, as the reason says";
  if (status.state == "waiting") {
    return fmt::format("see that the other end runs and calls this host's UDP port {}, or give peer.endpoint here",
                       status.port);
  }
  if (status.state == "resolving") return "see the check of the endpoint";
  if (status.state == "connecting") {
    return fmt::format(
        "if nothing else is wrong here, look at the other end: does it run, is its UDP port open, does it "
        "know this host's key? Run `adit doctor` there. Behind NAT, only the end outside can be called");
  }
  if (status.reason.find("does not arrive") != std::string::npos) {
    return "the way from the peer works and the way to it does not: see to this host's firewall (UDP out), to a second "
           "uplink that packets leave by, and to what filters UDP in front of the peer";
  }
  if (status.state == "stale") return "see that the other end runs, and that the network between is up";
  return "do what the reason says";
}

}  // namespace

Finding judge_state(const Facts& facts) {
  const auto* const status = facts.status();
  if (status == nullptr) return skipped(kNoAnswer);
  if (facts.up()) return ok("the link is up");
  const auto now = std::chrono::duration_cast<seconds>(facts.host.now.since_epoch).count();
  return problem(fmt::format("the link is {}", status->state),
                 {status->reason, fmt::format("for {}", client::span_text(now - status->since))}, state_mend(facts));
}

Finding judge_handshake(const Facts& facts) {
  const auto* const status = facts.status();
  if (status == nullptr) return skipped(kNoAnswer);
  if (status->latest_handshake) {
    const auto now = std::chrono::duration_cast<seconds>(facts.host.now.since_epoch).count();
    return ok("a handshake was completed", {fmt::format("{} ago", client::span_text(now - *status->latest_handshake))});
  }
  if (status->local_key.empty() || status->peer_key.empty()) {
    return problem("no key was set, or no peer", {}, "set the link up, as with `wg setconf`");
  }
  return problem("no handshake was ever completed since the daemon began", {},
                 fmt::format("at the other end, peer.public_key must be {} and its own public key {}",
                             status->local_key, status->peer_key));
}

Finding judge_peer_key(const Facts& facts) {
  if (auto seen = facts.observed("endpoint_jumps"); !seen.empty() && !facts.is_old_news("endpoint_jumps")) {
    return warning("two hosts use the peer's key, and each takes the link from the other", std::move(seen),
                   "give one of them a key of its own (`adit genkey`), and a link of its own to this host");
  }
  return judge_refusal(facts, "wrong_key", "the peer calls with the key of the file",
                       "the peer uses another key than peer.public_key",
                       "write the key that the peer names into peer.public_key, or give the peer the private key that "
                       "belongs to ours");
}

Finding judge_preshared_key(const Facts& facts) {
  return judge_refusal(facts, "unverified_response", "the peer's answers verify",
                       "the peer answers, but its answers do not verify: the preshared keys differ",
                       "put the same preshared key in both files, or in neither");
}

Finding judge_mac1(const Facts& facts) {
  const auto key = facts.status() != nullptr ? facts.status()->local_key : std::string();
  return judge_refusal(facts, "bad_mac1", "nobody calls with another public key than ours in mind",
                       "somebody calls who takes this host for another: the peer has a wrong public key for us",
                       fmt::format("at the other end, set peer.public_key to {}", key));
}

Finding judge_peer_clock(const Facts& facts) {
  return judge_refusal(
      facts, "old_timestamp", "the peer's timestamps rise",
      "the peer's handshakes are not newer than those before: its clock went back",
      "set the peer's clock, and let its aditd keep its state in /var/lib/adit; or stop the link here, remove the "
      "files "
      "`initiation` and `initiation.2` of its folder in /var/lib/adit, which hold what was seen, and start it");
}

Finding judge_allowed_ips(const Facts& facts) {
  if (facts.status() == nullptr) return skipped(kNoAnswer);
  if (facts.dropped("disallowed_source") == 0) return ok("the peer sends from allowed addresses alone");
  return warning("the peer sends from addresses that peer.allowed_ips does not name",
                 seen_of(facts, "disallowed_source"),
                 "add them to peer.allowed_ips, or have the peer translate addresses (masquerade)");
}

Finding judge_sending(const Facts& facts) {
  if (facts.status() == nullptr) return skipped(kNoAnswer);
  if (facts.dropped("send_failed") == 0) return ok("the kernel takes what the daemon sends");
  const auto seen = seen_of(facts, "send_failed");
  if (facts.up() || facts.is_old_news("send_failed")) {
    return ok("the kernel takes what the daemon sends, by now", seen);
  }
  return problem("the kernel refuses what the daemon sends", seen,
                 "bring the network up, see to the route to the peer, or let UDP out in this host's firewall");
}

Finding judge_nat(const Facts& facts) {
  const auto* const status = facts.status();
  const auto* const config = facts.config();
  if (status == nullptr) return skipped(kNoAnswer);
  if (config == nullptr) return skipped("there is no valid file");
  if (status->endpoint_source != "learned") return ok("the peer is where the file says, or not found yet");
  const Evidence seen{fmt::format("packets come from {}", status->endpoint)};
  if (config->peer.endpoints.empty()) return ok("the peer was learned from its packets, as the file wants it", seen);
  const bool configured = std::ranges::any_of(facts.path.endpoints, [&](const EndpointFacts& name) {
    return std::ranges::any_of(name.addresses,
                               [&](const Endpoint& each) { return to_string(each) == status->endpoint; });
  });
  if (configured) return ok("the peer is where the file says", seen);
  if (config->peer.keepalive)
    return ok("the peer was found elsewhere than the file says; keepalives hold the way open", seen);
  return warning("the peer is not where the file says: a NAT on the way gave it another address, and may do so again",
                 seen, "peer.keepalive: 25s at both ends, so that the NAT does not forget the way");
}

}  // namespace adit::doctor
