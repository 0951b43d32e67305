// SPDX-License-Identifier: MIT
#include "link/guard.h"

#include <fmt/core.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

namespace adit::link {
namespace {

/// More than that are not named one by one.
constexpr std::size_t kNamed = 4;

bool contains(const std::vector<std::uint32_t>& all, std::uint32_t one) {
  return std::ranges::find(all, one) != all.end();
}

std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (std::size_t i = 0; i < std::min(all.size(), kNamed); ++i) text += (i == 0 ? "" : ", ") + all[i];
  if (all.size() > kNamed) text += fmt::format(" and {} more", all.size() - kNamed);
  return text;
}

/// "ip (process 4711)"; empty: not known
std::string name_of(std::uint32_t process) {
  if (process == 0) return {};
  std::string command;
  std::ifstream file(fmt::format("/proc/{}/comm", process));
  if (!std::getline(file, command)) return fmt::format("process {}, which is gone", process);
  return fmt::format("{} (process {})", command, process);
}

}  // namespace

void Guard::network_changed(const net::NetworkChange& change) {
  if (contains(change.links_down, interface_)) down_ = due_ = true;
  if (contains(change.links_up, interface_)) {
    // At once: whoever brought it up begins to use it now.
    if (std::exchange(down_, false)) {
      due_ = true;
      looked_at_ = {};
    }
    link_due_ = true;
  }
  if (change.taken_away) {
    due_ = true;
    culprit_ = change.taken_away_by;
  }
  // A LAN that comes or goes may be one of the link's routes.
  if (change.addresses || change.overrun) due_ = true;
  // One that stands in the way may have gone. Other people's routes may change all day.
  if (change.routes && !host_.conflicts().empty()) at_leisure_ = true;
}

void Guard::look(Instant now) {
  const auto next = next_look();
  if (!next || now < *next) return;
  const bool all = due_ || at_leisure_;
  due_ = link_due_ = at_leisure_ = false;
  looked_at_ = now;
  const auto conflicts = host_.conflicts();
  const auto missing = all ? host_.restore() : host_.restore_link();
  if (!missing) {
    const auto before = std::exchange(
        problem_, fmt::format("what the link needs on this host cannot be put back: {}", missing.error().message));
    if (problem_ != before) log_.error("{}", problem_);
    at_leisure_ = true;  // what stands in the way may go without a word
    return;
  }
  for (const auto& conflict : host_.conflicts()) {
    if (std::ranges::find(conflicts, conflict) == conflicts.end()) log_.warn("{}", conflict);
  }
  if (missing->empty()) {
    problem_.clear();
    fighting_ = false;
  } else if (fighting_) {
    due_ = true;
  } else {
    problem_.clear();
    if (!all) culprit_ = 0;
    tell(*missing, now);
  }
}

void Guard::tell(const std::vector<std::string>& missing, Instant now) {
  while (!put_back_at_.empty() && now - put_back_at_.front() >= kFightTime) put_back_at_.pop_front();
  put_back_at_.push_back(now);
  const auto named = static_cast<std::ptrdiff_t>(std::min(missing.size(), PutBack::kNamed));
  put_back_ = {.times = put_back_.times + 1,
               .count = missing.size(),
               .what = {missing.begin(), missing.begin() + named},
               .by = name_of(culprit_)};
  const auto who = put_back_.by.empty() ? std::string("somebody") : put_back_.by;
  log_.warn("{} took away what the link needs, and it was put back: {}", who, joined(missing));
  if (put_back_at_.size() < kFightLimit) return;
  fighting_ = due_ = true;
  put_back_at_.clear();
  problem_ = fmt::format(
      "{} keeps taking away what the link needs: {}; have it leave them alone (systemd-networkd: "
      "ManageForeignRoutes=no and ManageForeignRoutingPolicyRules=no in networkd.conf), or end it",
      who, joined(missing));
  log_.error("{}", problem_);
}

std::optional<Instant> Guard::next_look() const {
  if (!due_ && !link_due_ && !at_leisure_) return std::nullopt;
  return looked_at_ + (fighting_ || (!due_ && !link_due_) ? kLeisure : kLookLimit);
}

std::string Guard::problem() const {
  if (!problem_.empty()) return problem_;
  std::array<char, IF_NAMESIZE> name{};
  if (!down_ || if_indextoname(interface_, name.data()) == nullptr) return {};
  return fmt::format("the interface {} is down: `ip link set {} up` brings it back", name.data(), name.data());
}

std::string Guard::left_out() const {
  return joined(host_.conflicts());
}

}  // namespace adit::link
