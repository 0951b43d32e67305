// SPDX-License-Identifier: MIT
#include "host/shield.h"

#include <fmt/core.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/select.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "base/file_descriptor.h"
#include "net/io.h"

namespace adit::host {
namespace {

constexpr const char* kUnshielded = "hosts of the local network can send packets to the tunnel's addresses: ";
constexpr const char* kAsBefore = "the full tunnel's rules against its neighbours stay as they were: ";

std::string list_of(const std::vector<IpAddress>& addresses, Family family) {
  std::string list;
  for (const auto& address : addresses) {
    if (address.family() == family) list += (list.empty() ? "" : ", ") + to_string(address);
  }
  return list;
}

/// A link's name has letters that nftables takes for something else; the number tells those apart that are alike then.
std::string table_name(std::string name, std::uint32_t number) {
  std::ranges::replace_if(name, [](unsigned char letter) { return std::isalnum(letter) == 0; }, '_');
  return fmt::format("adit_{}_{:x}", name, number);
}

/// What comes in for our sockets, and none that somebody else forwards to that port.
std::string own_for(const ShieldOptions& options) {
  return fmt::format(
      "  chain own {{\n"
      "    type filter hook prerouting priority mangle\n"
      "    iif != {} udp dport {} fib daddr type local meta mark set {:#x}\n"
      "  }}\n",
      options.interface, options.port, options.mark);
}

/// Who connects to this host from outside waits for answers from there. Only where our mark leads back to where the
/// connection came from: one out of another tunnel would be answered past that, in clear, as marked packets go past all
/// tunnels. `fib` looks with the packet's own mark, so ours is tried, with the other one kept in `ct mark` meanwhile.
/// In the chain behind, since the mark comes too late for the route that an answer of our own has got already.
std::string answers_for(const ShieldOptions& options) {
  return fmt::format(
      "  chain way_back {{\n"
      "    ct mark set meta mark\n"
      "    meta mark set {2:#x}\n"
      "    fib saddr . mark . iif oif exists ct mark set {2:#x} return\n"
      "    meta mark set ct mark\n"
      "    ct mark set 0\n"
      "  }}\n"
      "  chain came {{\n"
      "    type filter hook prerouting priority mangle + 1\n"
      "    iif {{ lo, {0} }} accept\n"
      "    udp dport {1} accept\n"
      "    fib daddr type local ct state new ct mark 0 jump way_back\n"
      "    ct mark {2:#x} meta mark set {2:#x}\n"
      "  }}\n"
      "  chain answers {{\n"
      "    type route hook output priority mangle\n"
      "    ct direction reply ct mark {2:#x} meta mark set {2:#x}\n"
      "  }}\n",
      options.interface, options.port, options.mark);
}

std::string rules_for(const ShieldOptions& options, bool with_answers) {
  std::string drops;
  for (const auto family : {Family::v4, Family::v6}) {
    const auto list = list_of(options.addresses, family);
    if (list.empty()) continue;
    drops += fmt::format("    iif != {} {} daddr {{ {} }} fib saddr type != local counter drop\n", options.interface,
                         family == Family::v4 ? "ip" : "ip6", list);
  }
  // Without a mark nothing leads past the tunnel but main's own routes, which need none.
  const bool is_marked = options.mark != 0;
  return fmt::format(
      "table inet {} {{\n"
      "  flags owner\n"
      "  chain neighbours {{\n"
      "    type filter hook prerouting priority raw\n"
      "{}"
      "  }}\n"
      "{}{}"
      "}}\n",
      table_name(options.link, options.number), drops, is_marked ? own_for(options) : "",
      is_marked && with_answers ? answers_for(options) : "");
}

/// Where it can have no netlink socket, libnftables ends this process (nft_ctx_new, and each time it looks for
/// interfaces), with all rules that block in place; and it waits for answers with select(), which is abort() for a
/// descriptor of such a number. Both are known beforehand.
Result<> can_talk_to_nftables() {
  const FileDescriptor probe(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!probe) return fail("nftables cannot be talked to: {}", net::describe(errno));
  if (probe.get() >= FD_SETSIZE) return fail("nftables cannot be talked to: too many files are open");
  return {};
}

std::string first_line(const char* text) {
  const std::string_view all(text == nullptr ? "" : text);
  return std::string(all.substr(0, all.find('\n')));
}

}  // namespace

void Shield::Deleter::operator()(nft_ctx* context) const {
  nft_ctx_free(context);
}

Shield::Shield() noexcept = default;
Shield::~Shield() = default;

Result<> Shield::raise(const ShieldOptions& options) {
  port_ = options.port;
  mark_ = options.mark;
  const auto* const failed = table_.empty() ? kUnshielded : kAsBefore;
  if (const auto can = can_talk_to_nftables(); !can) return fail("{}{}", failed, can.error().message);
  if (!context_) {
    context_.reset(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context_) return fail("out of memory for nftables");
    nft_ctx_buffer_output(context_.get());
    nft_ctx_buffer_error(context_.get());
  }
  const auto whole = put_up(rules_for(options, true));
  const auto done = whole ? whole : put_up(rules_for(options, false));
  if (!done) {
    if (table_.empty()) lower();
    return fail("{}nftables says {}", failed, done.error().message);
  }
  table_ = table_name(options.link, options.number);
  if (whole) return {};
  return fail("who connects to this host from outside gets no answer: nftables cannot track connections here: {}",
              whole.error().message);
}

Result<> Shield::put_up(const std::string& rules) {
  const auto away = table_.empty() ? std::string() : fmt::format("delete table inet {}\n", table_);
  if (nft_run_cmd_from_buffer(context_.get(), (away + rules).c_str()) == 0) return {};
  return fail("{}", first_line(nft_ctx_get_error_buffer(context_.get())));
}

void Shield::lower() {
  table_.clear();
  context_.reset();
}

}  // namespace adit::host
