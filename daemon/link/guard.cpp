// SPDX-License-Identifier: MIT
#include "link/guard.h"

#include <fmt/core.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fstream>
#include <iterator>
#include <ranges>
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

/// "ip (process 4711)"; empty: not known. Under the unit other users' processes are not to be seen in /proc.
std::string name_of(std::uint32_t process) {
  if (process == 0) return {};
  std::string command;
  std::ifstream file(fmt::format("/proc/{}/comm", process));
  if (std::getline(file, command)) return fmt::format("{} (process {})", command, process);
  const bool is_gone = ::kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH;
  return fmt::format("process {}{}", process, is_gone ? ", which is gone" : "");
}

Duration processor_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

void warn_of_left_out(const std::vector<std::string>& routes, Log& log) {
  for (const auto& sentence : routes | std::views::take(kNamed)) log.warn("{}", sentence);
  if (routes.size() > kNamed) log.warn("and {} more routes were left out likewise", routes.size() - kNamed);
}

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
  // Other people's routes may change all day: one counts that stands in the way of ours, or did until now.
  const auto is_ours = [this](const net::RoutePlace& place) { return host_.has_route_at(place); };
  if (std::ranges::any_of(change.routes_of_others, is_ours)) due_ = true;
  // A LAN that comes or goes may be one of the link's routes. One that goes down keeps its address, and the kernel does
  // not tell of its routes.
  if (change.overrun || has_other(change.links_up) || has_other(change.links_down)) at_leisure_ = true;
  if (change.addresses && !change.overrun) due_ = true;
}

bool Guard::has_other(const std::vector<std::uint32_t>& links) const {
  return std::ranges::any_of(links, [this](std::uint32_t link) { return link != interface_; });
}

void Guard::look(Instant now) {
  const auto next = next_look();
  const bool unasked = now - all_looked_at_ >= kUnasked;
  if (!unasked && (!next || now < *next)) return;
  const bool all = unasked || due_ || at_leisure_;
  due_ = link_due_ = at_leisure_ = false;
  const auto culprit = all ? std::exchange(culprit_, 0) : 0;
  const auto restored = look_at(all, now);
  if (fighting_ && !restored.what.empty()) {
    due_ = true;
    return;
  }
  fighting_ = false;
  if (!restored.what.empty()) tell(restored.what, culprit, now);
  if (!fighting_) tell_problem(restored.problem);
}

host::Restored Guard::look_at(bool all, Instant now) {
  looked_at_ = now;
  if (!all) return host_.restore_link();
  all_looked_at_ = now;
  const auto begun = processor_time();
  const auto conflicts = host_.conflicts();
  auto restored = host_.restore();
  // What told of it may be among what was lost.
  if (restored.up) down_ = !*restored.up;
  std::vector<std::string> fresh;
  std::ranges::set_difference(host_.conflicts(), conflicts, std::back_inserter(fresh));
  warn_of_left_out(fresh, log_);
  cost_ = processor_time() - begun;
  return restored;
}

void Guard::tell_problem(const std::string& problem) {
  if (problem.empty()) return problem_.clear();
  at_leisure_ = true;  // what stands in the way may go without a word
  auto sentence = fmt::format("what the link needs on this host cannot be put back: {}", problem);
  if (sentence != problem_) log_.error("{}", sentence);
  problem_ = std::move(sentence);
}

void Guard::tell(const std::vector<std::string>& missing, std::uint32_t culprit, Instant now) {
  while (!put_back_at_.empty() && now - put_back_at_.front() >= kFightTime) put_back_at_.pop_front();
  put_back_at_.push_back(now);
  const auto named = static_cast<std::ptrdiff_t>(std::min(missing.size(), PutBack::kNamed));
  put_back_ = {.times = put_back_.times + 1,
               .count = missing.size(),
               .what = {missing.begin(), missing.begin() + named},
               .by = name_of(culprit)};
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
  if (!fighting_ && (due_ || link_due_)) return looked_at_ + kLookLimit;
  return looked_at_ + std::clamp(kShare * cost_, kLeisure, kUnasked);
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
