// SPDX-License-Identifier: MIT
#include "app/reload.h"

#include <fmt/core.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <chrono>
#include <future>
#include <ranges>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "app/successor.h"
#include "base/assert.h"
#include "base/file_descriptor.h"
#include "base/paths.h"
#include "config/reader.h"
#include "crypto/backends.h"
#include "host/host_plan.h"
#include "host/mtu.h"
#include "net/device_binding.h"
#include "net/io.h"
#include "net/system.h"
#include "service/logging.h"

namespace adit::app {
namespace {

/// How much longer a reload takes for not looking at every instant whether the file is read.
constexpr std::chrono::milliseconds kMoment{2};

/// Descriptors for what a link has beside one for each name, when it is put together anew.
constexpr std::size_t kSpareDescriptors = 4;

/// Beside what the file changes, which is not in force yet.
constexpr const char* kAwaitsAnotherRun =
    "another interface: a new run of the daemon makes it, and has all of this, once the hooks for `down` have ended; "
    "the "
    "link stays as it is if the file has mistakes by then";

/// Tried, before anything is changed: what is found missing later has no way back.
Result<> have_descriptors(std::size_t count) {
  std::vector<FileDescriptor> all;
  while (all.size() < count) {
    all.emplace_back(::eventfd(0, EFD_CLOEXEC));
    if (all.back()) continue;
    return fail(
        "{} more names in peer.endpoint take more descriptors than there are ({}): raise LimitNOFILE= of the "
        "unit, or `ulimit -n`",
        count - kSpareDescriptors, net::describe(errno));
  }
  return {};
}

/// Which no run makes of the one it has.
bool takes_another_interface(const link::Edit& edit) {
  return edit.has({"interface.mode", "interface.netns"});
}

crypto::Hash hash_of(const crypto::PresharedKey& key) {
  return crypto::blake2s({key.bytes()});
}

/// The service manager hears of the reload's end, whichever way it goes.
class NotifyReload {
 public:
  explicit NotifyReload(service::ServiceManager& service) : service_(service) { service_.reloading(); }
  NotifyReload(const NotifyReload&) = delete;
  NotifyReload& operator=(const NotifyReload&) = delete;
  ~NotifyReload() { service_.reloaded(); }

 private:
  service::ServiceManager& service_;
};

}  // namespace

/// Steps back, taken in reverse unless all went well.
class Reload::Undo {
 public:
  Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    for (const auto& step : std::views::reverse(steps_)) step();
  }
  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
  void forget() { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

/// `wg`, and hooks that use it, may have set a key that is in no file, such as one that is agreed on anew all the time.
/// It stays as long as the file says what it said, of the same peer. Any other key in use is the file's, of before.
bool Reload::keep_preshared_key(config::Config& next) const {
  const auto& tunnel = parts_.link.machine();
  const auto& of_wg = preshared_key_of_wg_;
  if (!of_wg || of_wg->key != hash_of(tunnel.preshared_key())) return false;
  const bool is_as_before =
      hash_of(next.peer.preshared_key) == of_wg->of_file && next.peer.public_key == parts_.config.peer.public_key;
  if (!is_as_before || tunnel.has_preshared_key(next.peer.preshared_key)) return false;
  next.peer.preshared_key = tunnel.preshared_key().clone();
  next.peer.has_preshared_key = parts_.config.peer.has_preshared_key;
  return true;
}

control::ReloadOutcome Reload::from_file() {
  const auto& config = parts_.config;
  if (config.file.empty()) {
    return refuse({fmt::format("{} has no file that could be read again: `wg` sets it up", config.name), {}});
  }
  const NotifyReload notify(parts_.service);
  auto read = read_file();
  if (!read) {
    return refuse({fmt::format("{} could not be read within {} seconds: nothing was changed; see whether the disk or "
                               "network file system it is on still answers (`ls -l {}`)",
                               config.file, kPatience.count(), config.file),
                   {}});
  }
  auto& next = *read;
  if (!next) {
    control::ReloadRefusal refusal{.sentence = fmt::format("{} has mistakes: nothing was changed", config.file),
                                   .problems = {}};
    for (const auto& problem : next.error()) refusal.problems.push_back(config::to_string(problem));
    return refuse(std::move(refusal));
  }
  next->number = config.number;  // the marks that are compared come of it
  const bool kept_preshared_key = keep_preshared_key(*next);
  const auto edit = compare(*next);
  auto sentences = link::describe(edit);
  const bool by_successor =
      takes_another_interface(edit) || (edit.has({"interface.owner", "interface.group"}) &&
                                        !parts_.link_parts.doors.device.can_have(host::tun_options(*next)));
  if (auto done = by_successor ? check_replacement(*next) : change_to(*next, edit); !done) {
    return refuse({fmt::format("{}: nothing was changed", done.error().message), {}});
  }
  auto& log = parts_.link_parts.log;
  if (by_successor) {
    if (auto done = parts_.replace(); !done) {
      return refuse({fmt::format("{}: nothing was changed", done.error().message), {}});
    }
    sentences.emplace_back(kAwaitsAnotherRun);
  } else {
    if (!kept_preshared_key) preshared_key_of_wg_.reset();
    parts_.link.ask_for_names();  // of an unchanged file, too: they may mean something else by now
  }
  for (const auto& sentence : sentences) log.info("reload: {}", sentence);
  if (kept_preshared_key) log.info("reload: peer.preshared_key stays as `wg` has set it");
  if (sentences.empty()) log.info("reload: the file says what it said before");
  return sentences;
}

std::optional<ConfigReading::Outcome> Reload::read_file() {
  if (reading_ && !reading_->is_done()) return std::nullopt;
  reading_.emplace(parts_.config.file, config::ReadOptions{.credentials_directory = credentials_directory()});
  for (const auto begun = net::boot_now(); !reading_->is_done();) {
    if (net::boot_now() - begun >= kPatience) return std::nullopt;
    parts_.move_meanwhile(kMoment);
  }
  auto outcome = reading_->take();
  reading_.reset();
  return outcome;
}

/// Likewise: there may be thousands of routes.
link::Edit Reload::compare(const config::Config& next) const {
  const auto work = [this, &next] { return link::edit_between(parts_.config, parts_.link.machine(), next); };
  std::future<link::Edit> comparing;
  try {
    comparing = std::async(std::launch::async, work);
  } catch (const std::system_error&) {  // no thread is to be had
    return work();
  }
  while (comparing.wait_for(std::chrono::seconds(0)) == std::future_status::timeout) parts_.move_meanwhile(kMoment);
  return comparing.get();
}

control::ReloadOutcome Reload::refuse(control::ReloadRefusal refusal) const {
  for (const auto& problem : refusal.problems) tell(problem);
  tell(refusal.sentence);
  return std::unexpected(std::move(refusal));
}

void Reload::tell(const std::string& sentence) const {
  if (parts_.journal != nullptr) {
    parts_.journal->write(Severity::error, sentence, {service::entry::kReloadRefused, {}});
  } else {
    parts_.link_parts.log.error("{}", sentence);
  }
}

Result<> Reload::check_replacement(const config::Config& next) const {
  const auto& parts = parts_.link_parts;
  if (parts.host.interface_is_away()) {
    return fail(
        "the interface was moved to another network namespace, and the file wants another one: restart the link to "
        "have "
        "that (`systemctl restart adit@{}`)",
        next.name);
  }
  return check_successor(next, parts_.config, parts.doors, false);
}

Result<> Reload::change_to(config::Config& next, const link::Edit& edit) {
  ADIT_ASSERT(!takes_another_interface(edit));
  const auto names = next.peer.endpoints.size();
  const auto had = parts_.config.peer.endpoints.size();
  if (names > had) {
    if (auto done = have_descriptors(names - had + kSpareDescriptors); !done) return done;
  }
  auto& host = parts_.link_parts.host;
  std::unique_ptr<crypto::Aead> aead;
  if (edit.has({"tuning.crypto"})) {
    auto chosen = crypto::choose_aead(next.tuning.crypto, net::boot_now);
    if (!chosen) return std::unexpected(chosen.error());
    aead = std::move(*chosen);
  }
  // From fixed to auto the MTU begins with a cautious guess, as at the start; the way to the peer will tell.
  const auto mtu = next.interface.mtu.value_or(
      parts_.config.interface.mtu ? host::kUnknownPathMtu - host::frame_overhead(next) : host.mtu());
  link::Link::Machine successor;
  if (edit.identity()) {
    auto made = link::Link::make_machine(parts_.link_parts, next, mtu);
    if (!made) return std::unexpected(made.error());
    successor = std::move(*made);
  }

  Undo undo;
  if (auto done = change_host(next, edit, mtu, undo); !done) return done;
  if (auto done = change_sockets(next, edit, undo); !done) return done;
  const auto& doors = parts_.link_parts.doors;
  const auto offered = path::report_offloads(next.tuning, doors.device.offloads(),
                                             path::merge_options(doors.device.offloads()), doors.sockets.offloads());
  if (auto done = path::have_what_was_asked(next.tuning, offered); !done) return done;
  undo.forget();

  if (aead) parts_.link.set_aead(std::move(aead));
  adopt(next, edit, std::move(successor));
  return {};
}

Result<> Reload::change_by_wg(config::Config& next, const link::Edit& edit) {
  const auto before = hash_of(parts_.link.machine().preshared_key());
  const auto key = hash_of(next.peer.preshared_key);
  if (auto done = change_to(next, edit); !done) return done;
  if (!edit.preshared_key) return {};
  auto& of_wg = preshared_key_of_wg_;
  of_wg = {.key = key, .of_file = of_wg && of_wg->key == before ? of_wg->of_file : before};
  return {};
}

Result<> Reload::change_host(const config::Config& next, const link::Edit& edit, std::uint32_t mtu, Undo& undo) {
  auto& host = parts_.link_parts.host;
  auto& device = parts_.link_parts.doors.device;
  if (edit.has({"interface.name"})) {
    if (auto done = host.rename(next.interface.name); !done) return done;
    device.set_name(next.interface.name);
    undo.add([this, &host, &device] {
      const auto& before = parts_.config.interface.name;
      if (host.rename(before)) device.set_name(before);
    });
  }
  undo.add([this, &device] { std::ignore = device.change(host::tun_options(parts_.config)); });
  if (auto done = device.change(host::tun_options(next)); !done) return done;
  if (next.file.empty()) return {};  // others give such an interface what it has
  undo.add([this, &host, before = host.mtu()] { std::ignore = host.change(parts_.config, before); });
  return host.change(next, mtu);
}

Result<> Reload::change_sockets(const config::Config& next, const link::Edit& edit, Undo& undo) {
  if (!edit.sockets()) return {};
  // What goes later is waited for; what was never there is more likely mistyped. So with an address, below.
  const auto& device = next.local.device;
  if (edit.has({"local.device"}) && device && !net::interface_exists(*device)) {
    return fail("there is no interface {}: correct local.device, or bring the interface up first", *device);
  }
  auto options = host::listen_options(next);
  const auto port = parts_.link_parts.doors.sockets.port();
  if (options.port == 0 && parts_.config.local.listen.port == 0) options.port = port;
  undo.add([this, port] {
    auto before = host::listen_options(parts_.config);
    if (port != 0) before.port = port;
    if (auto done = parts_.link.open_sockets(before); !done) parts_.given_up(done.error());
  });
  if (auto done = parts_.link.open_sockets(options); !done) return done;
  const auto& sockets = parts_.link_parts.doors.sockets;
  const bool waits = !sockets.v4 && !sockets.v6 && (!device || net::interface_exists(*device));
  if (!waits || !edit.has({"local.listen"})) return {};
  return fail("this host has no address {}: correct local.listen, or give the host the address first",
              to_string(options.address));
}

/// Nothing here can fail.
void Reload::adopt(config::Config& next, const link::Edit& edit, link::Link::Machine successor) {
  auto& config = parts_.config;
  auto& log = parts_.link_parts.log;
  config = std::move(next);
  auto preshared_key = std::move(config.peer.preshared_key);
  config.local.private_key.wipe();
  service::set_threshold(log, config.log_level);
  if (parts_.journal != nullptr) parts_.journal->set_peer(crypto::to_base64(config.peer.public_key));
  for (const auto& warning : config.warnings) log.warn("{}", config::to_string(warning));
  if (successor) {
    parts_.link.begin_anew(edit, std::move(successor));
  } else {
    parts_.link.adopt(edit, std::move(preshared_key));
  }
  parts_.adopted(edit);
}

}  // namespace adit::app
