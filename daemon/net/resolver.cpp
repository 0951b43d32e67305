// SPDX-License-Identifier: MIT
// One c-ares channel a question. c-ares says which sockets it wants watched and when it wants to be woken; its answer
// is kept and handed on by the timer, as nobody may destroy a channel from within its own callbacks. A question has a
// second channel when the uplink's servers could not answer: /etc/resolv.conf as it is may know more, another tunnel's
// names for instance.
#include "net/resolver.h"

#include <ares.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "net/nat64.h"
#include "net/scoped_servers.h"
#include "net/sockaddr.h"
#include "net/system.h"

namespace adit::net {
namespace {

/// The well-known NAT64 prefix: a way there, which a default route is, tells an IPv6 network from none at all.
const IpAddress kSomewhereElse = *IpAddress::parse("64:ff9b::");

std::string reason_of(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
      return "there is no such name";
    case ARES_ENODATA:
      return "the name has no address";
    case ARES_EBADNAME:
      return "that is no valid host name";
    case ARES_ETIMEOUT:
      return "no name server answered";
    case ARES_ECONNREFUSED:  // for c-ares of Debian 12 also what is left when each server said one of these
    case ARES_ESERVFAIL:
    case ARES_EREFUSED:
      return "every name server is unreachable or failing; see /etc/resolv.conf";
    default:
      return ares_strerror(status);
  }
}

std::unexpected<Error> failure(const std::string& host, std::string_view reason) {
  return fail("cannot resolve {}: {}", host, reason);
}

/// std::nullopt: a name. "fe80::1%eth0" needs the interface to be there.
std::optional<Result<Resolved>> resolve_numeric(const std::string& host, std::uint16_t port) {
  const auto percent = host.find('%');
  const auto address = IpAddress::parse(std::string_view(host).substr(0, percent));
  if (!address) return std::nullopt;
  Endpoint endpoint{*address, port};
  if (percent != std::string::npos) {
    const auto interface = host.substr(percent + 1);
    endpoint.scope = if_nametoindex(interface.c_str());
    if (endpoint.scope == 0) return failure(host, fmt::format("there is no interface {}", interface));
  }
  return Resolved{.endpoints = {endpoint}};
}

bool is_out_of_reach(const std::vector<Endpoint>& endpoints, std::optional<std::uint32_t> mark) {
  const bool v4_only =
      std::ranges::all_of(endpoints, [](const Endpoint& endpoint) { return endpoint.address.is_v4(); });
  return v4_only && !has_way_to(endpoints.front().address, mark) && has_way_to(kSomewhereElse, mark);
}

/// Empty if it cannot be read.
std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

class Lookup::Query {
 public:
  Query(EventLoop& loop, const ResolverOptions& options, const std::string& host, std::uint16_t port,
        Resolver::Done done);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  bool pending() const { return static_cast<bool>(done_); }

 private:
  UplinkServers uplink() const;
  void begin(const UplinkServers& uplink);
  int open_channel(const UplinkServers& uplink);
  void close_channel();
  void ask();
  void watch(int fd, std::uint32_t events);
  void process(int readable, int writable);
  void wake_when_due();
  void answered(int status, const ares_addrinfo* answer);
  void look_for_nat64(Resolved plain);
  Resolved through_nat64(const ares_addrinfo* answer);
  void due();

  EventLoop& loop_;
  std::string host_;
  std::uint16_t port_;
  ResolverOptions options_;
  Resolver::Done done_;  ///< empty once called
  std::optional<Result<Resolved>> result_;
  std::optional<Resolved> plain_;       ///< IPv4 addresses without a way there, while the network's NAT64 is looked for
  std::optional<Error> first_failure_;  ///< of the uplink's servers, while those of /etc/resolv.conf are asked
  ScopedServers scoped_;
  ares_channel channel_ = nullptr;
  bool asked_a_server_ = false;
  bool has_second_try_ = false;
  std::unordered_map<int, Watch> watches_;
  Timer timer_;
};

Lookup::Query::Query(EventLoop& loop, const ResolverOptions& options, const std::string& host, std::uint16_t port,
                     Resolver::Done done)
    : loop_(loop),
      host_(host),
      port_(port),
      options_(options),
      done_(std::move(done)),
      result_(resolve_numeric(host, port)),
      timer_(loop, [this] { due(); }) {
  if (!result_) {
    const auto servers = uplink();
    has_second_try_ = servers.differs();
    begin(servers);
  }
  wake_when_due();
}

UplinkServers Lookup::Query::uplink() const {
  if (!options_.servers.empty()) return {};
  return choose_uplink_servers(text_of("/etc/resolv.conf"), text_of(options_.servers_of_resolved),
                               options_.own_servers);
}

Lookup::Query::~Query() {
  done_ = nullptr;
  close_channel();
}

void Lookup::Query::begin(const UplinkServers& uplink) {
  const int status = open_channel(uplink);
  if (status == ARES_SUCCESS) {
    ask();
  } else {
    result_ = failure(host_, ares_strerror(status));
  }
}

void Lookup::Query::close_channel() {
  if (channel_ == nullptr) return;
  // Cancelled first, so that open questions end while the channel is whole.
  ares_cancel(channel_);
  ares_destroy(channel_);
  channel_ = nullptr;
}

int Lookup::Query::open_channel(const UplinkServers& uplink) {
  ares_options settings{};
  settings.timeout = static_cast<int>(options_.timeout.count());
  settings.tries = options_.tries;
  std::string lookups = "fb";  // /etc/hosts, then name servers
  settings.lookups = lookups.data();
  settings.sock_state_cb = [](void* query, ares_socket_t fd, int readable, int writable) {
    std::uint32_t events = 0;
    if (readable != 0) events |= EPOLLIN;
    if (writable != 0) events |= EPOLLOUT;
    static_cast<Query*>(query)->watch(fd, events);
  };
  settings.sock_state_cb_data = this;
  int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
  if (uplink.of_resolved) {
    settings.resolvconf_path = options_.servers_of_resolved.data();
    given |= ARES_OPT_RESOLVCONF;
  }
  const int status = ares_init_options(&channel_, &settings, given);
  if (status != ARES_SUCCESS) return status;

  const auto mark_socket = [](ares_socket_t fd, int, void* query) {
    const auto& mark = static_cast<Query*>(query)->options_.fwmark;
    // Without the capability the question goes out unmarked: better than none.
    if (mark) (void)setsockopt(fd, SOL_SOCKET, SO_MARK, &*mark, sizeof *mark);
    return 0;
  };
  ares_set_socket_configure_callback(channel_, mark_socket, this);
  const auto& servers = uplink.list.empty() ? options_.servers : uplink.list;
  return scoped_.set(channel_, servers);
}

void Lookup::Query::ask() {
  ares_addrinfo_hints hints{};
  hints.ai_family = plain_ ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  const auto callback = [](void* query, int status, int, ares_addrinfo* answer) {
    static_cast<Query*>(query)->answered(status, answer);
    if (answer != nullptr) ares_freeaddrinfo(answer);
  };
  ares_getaddrinfo(channel_, plain_ ? kIpv4OnlyName : host_.c_str(), nullptr, &hints, callback, this);
}

void Lookup::Query::watch(int fd, std::uint32_t events) {
  asked_a_server_ = true;
  const auto found = watches_.find(fd);
  if (events == 0) {
    watches_.erase(fd);
  } else if (found != watches_.end()) {
    found->second.set_events(events);
  } else {
    const auto ready = [this, fd](std::uint32_t what) {
      const bool broken = (what & (EPOLLERR | EPOLLHUP)) != 0;
      process((what & EPOLLIN) != 0 || broken ? fd : ARES_SOCKET_BAD, (what & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
    };
    try {
      watches_.emplace(fd, loop_.watch(fd, events, ready));
    } catch (const std::exception& error) {  // must not pass through c-ares
      result_ = failure(host_, error.what());
    }
  }
}

void Lookup::Query::process(int readable, int writable) {
  ares_process_fd(channel_, readable, writable);
  wake_when_due();
}

void Lookup::Query::wake_when_due() {
  if (result_) return timer_.set(loop_.now());
  timeval until{};
  if (ares_timeout(channel_, nullptr, &until) == nullptr) return timer_.set(std::nullopt);
  // c-ares counts whole milliseconds; a wake-up just before its deadline would do nothing and be repeated.
  timer_.set(boot_now() + std::chrono::seconds(until.tv_sec) + std::chrono::microseconds(until.tv_usec) +
             std::chrono::milliseconds(1));
}

void Lookup::Query::answered(int status, const ares_addrinfo* answer) {
  if (!done_ || result_) return;  // being destroyed, or failed before
  if (plain_) {
    result_ = through_nat64(status == ARES_SUCCESS ? answer : nullptr);
    return;
  }
  if (status != ARES_SUCCESS) {
    result_ = failure(host_, reason_of(status));
    return;
  }
  Resolved resolved;
  for (const auto* node = answer->nodes; node != nullptr; node = node->ai_next) {
    auto endpoint = from_sockaddr(node->ai_addr, node->ai_addrlen);
    if (!endpoint) continue;
    endpoint->port = port_;
    if (std::ranges::find(resolved.endpoints, *endpoint) == resolved.endpoints.end()) {
      resolved.endpoints.push_back(*endpoint);
    }
    const std::chrono::seconds time_to_live(std::max(node->ai_ttl, 0));
    if (asked_a_server_) resolved.time_to_live = std::min(time_to_live, resolved.time_to_live.value_or(time_to_live));
  }
  if (resolved.endpoints.empty()) {
    result_ = failure(host_, reason_of(ARES_ENODATA));
  } else {
    result_ = std::move(resolved);
  }
}

void Lookup::Query::due() {
  if (!result_) return process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  if (!*result_ && std::exchange(has_second_try_, false)) {
    first_failure_ = std::exchange(result_, std::nullopt)->error();
    close_channel();
    result_.reset();  // a cancelled question's
    begin({});
    return wake_when_due();
  }
  if (*result_ && !plain_ && is_out_of_reach((*result_)->endpoints, options_.fwmark)) {
    return look_for_nat64(*std::exchange(result_, std::nullopt).value());
  }
  // What the uplink's servers said tells more than that resolved, asking through the link, got no answer.
  if (!*result_ && first_failure_) result_ = std::unexpected(*first_failure_);
  const auto done = std::exchange(done_, nullptr);
  auto result = std::move(*result_);
  if (done) done(std::move(result));  // which may destroy us
}

/// Whoever has but IPv6 may reach IPv4 addresses all the same.
void Lookup::Query::look_for_nat64(Resolved plain) {
  plain_ = std::move(plain);
  has_second_try_ = false;
  close_channel();
  result_.reset();  // a cancelled question's
  begin(uplink());
  if (result_) result_ = *plain_;
  wake_when_due();
}

/// Without an answer what there was.
Resolved Lookup::Query::through_nat64(const ares_addrinfo* answer) {
  auto resolved = *plain_;
  for (const auto* node = answer != nullptr ? answer->nodes : nullptr; node != nullptr; node = node->ai_next) {
    const auto found = from_sockaddr(node->ai_addr, node->ai_addrlen);
    const auto prefix = found ? nat64_prefix(found->address) : std::nullopt;
    if (!prefix) continue;
    for (auto& endpoint : resolved.endpoints) endpoint.address = net::through_nat64(*prefix, endpoint.address);
    break;
  }
  return resolved;
}

Lookup::Lookup() noexcept = default;
Lookup::Lookup(std::unique_ptr<Query> query) noexcept : query_(std::move(query)) {}
Lookup::Lookup(Lookup&&) noexcept = default;
Lookup& Lookup::operator=(Lookup&&) noexcept = default;
Lookup::~Lookup() = default;

bool Lookup::pending() const {
  return query_ != nullptr && query_->pending();
}

Resolver::Resolver(EventLoop& loop, ResolverOptions options) : loop_(loop), options_(std::move(options)) {
  ares_library_init(ARES_LIB_INIT_ALL);  // counts its callers
}

Lookup Resolver::resolve(const std::string& host, std::uint16_t port, Done callback) {
  return Lookup(std::make_unique<Lookup::Query>(loop_, options_, host, port, std::move(callback)));
}

}  // namespace adit::net
