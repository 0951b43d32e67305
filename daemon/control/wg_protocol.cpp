// SPDX-License-Identifier: MIT
#include "control/wg_protocol.h"

#include <fmt/core.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "config/config.h"

namespace adit::control {
namespace {

using Done = std::expected<void, WgRefusal>;

Done invalid(std::string sentence) {
  return std::unexpected(WgRefusal{EINVAL, std::move(sentence)});
}

/// A link has one; a request may replace it by others, of which one stays. Each may have thousands of allowed IPs.
constexpr std::size_t kMaxPeersNamed = 64;

Done one_peer_only() {
  return std::unexpected(
      WgRefusal{EOPNOTSUPP,
                "a link has one peer, and this would give it another: remove the one it has in the same request, or "
                "make another link for the new one"});
}

struct Line {
  std::string_view key;
  std::string_view value;
};

/// The next line of `rest`, which gets shorter by it.
std::expected<Line, WgRefusal> take_line(std::string_view& rest) {
  const auto text = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(text.size() + 1, rest.size()));
  const auto sign = text.find('=');
  // What has no '=' may be a key of somebody's that went astray: not to be repeated.
  if (sign == std::string_view::npos) return std::unexpected(WgRefusal{EINVAL, "a line is not KEY=VALUE"});
  return Line{text.substr(0, sign), text.substr(sign + 1)};
}

int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

/// 64 digits into 32 bytes; false: they are something else.
bool read_hex(std::string_view text, std::span<std::uint8_t, crypto::kKeySize> out) {
  if (text.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

void append_hex(std::string& out, Bytes bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const auto byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

bool is_zero(Bytes bytes) {
  std::uint8_t any = 0;
  for (const auto byte : bytes) any |= byte;
  return any == 0;
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

/// "[fe80::2%eth0]:51820" besides what Endpoint::parse takes. The interface must be there: an Endpoint has its index.
std::optional<Endpoint> parse_zoned(std::string_view text) {
  const auto percent = text.find('%');
  const auto bracket = text.find(']');
  if (percent == std::string_view::npos || bracket == std::string_view::npos || bracket < percent) {
    return Endpoint::parse(text);
  }
  auto endpoint = Endpoint::parse(std::string(text.substr(0, percent)) + std::string(text.substr(bracket)));
  if (!endpoint || !endpoint->address.is_link_local()) return std::nullopt;
  const std::string zone(text.substr(percent + 1, bracket - percent - 1));
  endpoint->scope = ::if_nametoindex(zone.c_str());
  // By number, as the C library writes a zone without a name.
  if (endpoint->scope == 0 && !read_number(zone, endpoint->scope)) return std::nullopt;
  if (endpoint->scope == 0) return std::nullopt;
  return endpoint;
}

std::string to_zoned(const Endpoint& endpoint) {
  if (!endpoint.address.is_v6() || endpoint.scope == 0) return to_string(endpoint);
  return fmt::format("[{}]:{}", host_with_zone(endpoint), endpoint.port);
}

/// A request while it is carried out, line by line: those before the first public_key concern the device.
class Edit {
 public:
  explicit Edit(WgDevice& device) : device_(device) {}

  Done line(const Line& line);
  /// After the last line.
  Done finish();

 private:
  Done device_line(const Line& line);
  Done peer_line(const Line& line);
  Done begin_peer(std::string_view key);
  void end_peer();
  Done endpoint(std::string_view text);
  Done allowed_ip(std::string_view text);

  WgDevice& device_;
  bool in_peer_ = false;
  WgPeer peer_;                  ///< the one whose lines come
  std::set<IpNetwork> allowed_;  ///< its allowed IPs, of which there may be many
  std::set<IpNetwork> gone_;     ///< still in the peer's list, and no more in `allowed_`
  bool ghost_ = false;           ///< it is not there, and the request says that this is no reason to add it
  bool removed_ = false;
  std::size_t peers_named_ = 0;
};

Done Edit::line(const Line& line) {
  if (line.key == "public_key") return begin_peer(line.value);
  return in_peer_ ? peer_line(line) : device_line(line);
}

Done Edit::device_line(const Line& line) {
  if (line.key == "private_key") {
    crypto::PrivateKey key;
    if (!read_hex(line.value, key.writable())) return invalid("private_key is not 64 hexadecimal digits");
    device_.private_key.reset();
    if (!is_zero(key.bytes())) device_.private_key = std::move(key);
    return {};
  }
  if (line.key == "listen_port") {
    if (!read_number(line.value, device_.listen_port)) return invalid("listen_port is not a number from 0 to 65535");
    device_.listen_port_given = true;
    return {};
  }
  if (line.key == "fwmark") {
    if (!read_number(line.value, device_.fwmark)) return invalid("fwmark is not a number from 0 to 4294967295");
    return {};
  }
  if (line.key == "replace_peers") {
    if (line.value != "true") return invalid("replace_peers can only be true");
    device_.peers.clear();
    return {};
  }
  return invalid(fmt::format("there is no key {} for an interface", line.key.substr(0, 40)));
}

Done Edit::begin_peer(std::string_view key) {
  end_peer();
  if (++peers_named_ > kMaxPeersNamed) return one_peer_only();
  WgPeer fresh;
  fresh.added = true;
  if (!read_hex(key, fresh.key.bytes)) return invalid("public_key is not 64 hexadecimal digits");
  const auto found = std::ranges::find(device_.peers, fresh.key, &WgPeer::key);
  if (found == device_.peers.end()) {
    peer_ = std::move(fresh);
  } else {
    peer_ = std::move(*found);
    device_.peers.erase(found);
  }
  allowed_ = {peer_.allowed_ips.begin(), peer_.allowed_ips.end()};
  in_peer_ = true;
  return {};
}

void Edit::end_peer() {
  // All at once: one by one each would be looked for among all.
  if (!gone_.empty()) std::erase_if(peer_.allowed_ips, [this](const auto& each) { return gone_.contains(each); });
  gone_.clear();
  const bool goes = ghost_ || removed_;
  ghost_ = removed_ = false;  // the next peer's lines have yet to come
  if (in_peer_ && !goes) device_.peers.push_back(std::move(peer_));
  in_peer_ = false;
}

Done Edit::peer_line(const Line& line) {
  if (line.key == "update_only") {
    if (line.value != "true") return invalid("update_only can only be true");
    ghost_ = peer_.added;
    return {};
  }
  if (line.key == "remove") {
    if (line.value != "true") return invalid("remove can only be true");
    removed_ = true;
    return {};
  }
  if (line.key == "preshared_key") {
    if (read_hex(line.value, peer_.preshared_key.writable())) return {};
    return invalid("preshared_key is not 64 hexadecimal digits");
  }
  if (line.key == "endpoint") return endpoint(line.value);
  if (line.key == "persistent_keepalive_interval") {
    if (read_number(line.value, peer_.keepalive)) return {};
    return invalid("persistent_keepalive_interval is not a number of seconds from 0 to 65535");
  }
  if (line.key == "replace_allowed_ips") {
    if (line.value != "true") return invalid("replace_allowed_ips can only be true");
    peer_.allowed_ips.clear();
    allowed_.clear();
    gone_.clear();
    return {};
  }
  if (line.key == "allowed_ip") return allowed_ip(line.value);
  if (line.key == "protocol_version") {
    if (line.value == "1") return {};
    return std::unexpected(WgRefusal{EPROTONOSUPPORT, "there is no protocol_version but 1"});
  }
  return invalid(fmt::format("there is no key {} for a peer", line.key.substr(0, 40)));
}

Done Edit::endpoint(std::string_view text) {
  const auto endpoint = parse_zoned(text);
  if (!endpoint || endpoint->port == 0) return invalid("endpoint is not ADDRESS:PORT or [ADDRESS]:PORT");
  peer_.endpoint = *endpoint;
  peer_.endpoint_given = true;
  return {};
}

Done Edit::allowed_ip(std::string_view text) {
  const bool remove = text.starts_with('-');
  if (remove || text.starts_with('+')) text.remove_prefix(1);
  const auto parsed = IpNetwork::parse(text);
  if (!parsed) return invalid("allowed_ip is not ADDRESS/PREFIX");
  const auto network = parsed->network();
  if (remove) {
    if (allowed_.erase(network) > 0) gone_.insert(network);
    return {};
  }
  if (!allowed_.insert(network).second) return {};
  if (allowed_.size() > config::kMaxSubnets) {
    return std::unexpected(WgRefusal{E2BIG, fmt::format("a link has at most {} allowed IPs", config::kMaxSubnets)});
  }
  if (gone_.erase(network) == 0) peer_.allowed_ips.push_back(network);
  return {};
}

Done Edit::finish() {
  end_peer();
  if (device_.peers.size() <= 1) return {};
  return one_peer_only();
}

}  // namespace

std::expected<WgRequest, WgRefusal> kind_of(std::string_view request) {
  const auto first = request.substr(0, request.find('\n'));
  if (first == "get=1") return WgRequest::get;
  if (first == "set=1") return WgRequest::set;
  return std::unexpected(WgRefusal{EPROTO, "a request begins with get=1 or set=1"});
}

Done apply_set(std::string_view request, WgDevice& device) {
  Edit edit(device);
  auto rest = request;
  std::ignore = take_line(rest);  // set=1
  while (!rest.empty()) {
    const auto line = take_line(rest);
    if (!line) return std::unexpected(line.error());
    if (auto done = edit.line(*line); !done) return done;
  }
  return edit.finish();
}

std::string to_text(const WgDevice& device) {
  std::string text;
  std::size_t networks = 0;
  for (const auto& peer : device.peers) networks += peer.allowed_ips.size();
  text.reserve(1024 + 64 * networks);  // growing would leave copies of the keys behind
  const auto out = std::back_inserter(text);
  const auto key = [&text](std::string_view name, Bytes bytes) {
    text += name;
    append_hex(text, bytes);
    text += '\n';
  };
  if (device.private_key) key("private_key=", device.private_key->bytes());
  fmt::format_to(out, "listen_port={}\n", device.listen_port);
  if (device.fwmark != 0) fmt::format_to(out, "fwmark={}\n", device.fwmark);
  for (const auto& peer : device.peers) {
    key("public_key=", peer.key.bytes);
    key("preshared_key=", peer.preshared_key.bytes());
    text += "protocol_version=1\n";
    if (peer.endpoint.known()) fmt::format_to(out, "endpoint={}\n", to_zoned(peer.endpoint));
    const auto handshake = peer.handshake ? peer.handshake->since_epoch : Duration::zero();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(handshake);
    fmt::format_to(out, "last_handshake_time_sec={}\nlast_handshake_time_nsec={}\n", seconds.count(),
                   std::chrono::nanoseconds(handshake - seconds).count());
    fmt::format_to(out, "tx_bytes={}\nrx_bytes={}\n", peer.sent, peer.received);
    fmt::format_to(out, "persistent_keepalive_interval={}\n", peer.keepalive);
    for (const auto& network : peer.allowed_ips) fmt::format_to(out, "allowed_ip={}\n", to_string(network));
  }
  text += errno_line(0);
  return text;
}

std::string host_with_zone(const Endpoint& endpoint) {
  auto address = to_string(endpoint.address);
  if (!endpoint.address.is_v6() || endpoint.scope == 0) return address;
  std::array<char, IF_NAMESIZE> name{};
  if (::if_indextoname(endpoint.scope, name.data()) == nullptr) return fmt::format("{}%{}", address, endpoint.scope);
  return fmt::format("{}%{}", address, name.data());
}

std::string errno_line(int code) {
  return fmt::format("errno={}", -code);
}

}  // namespace adit::control
