// SPDX-License-Identifier: MIT
#include "config/fields.h"

#include <grp.h>
#include <net/if.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <system_error>
#include <vector>

#include "config/wording.h"
#include "crypto/x25519.h"

namespace adit::config {
namespace {

constexpr std::uint64_t kMaxU32 = std::numeric_limits<std::uint32_t>::max();
/// /run/adit/NAME.sock must fit into a socket address (108 bytes), with room for a longer ADIT_RUN_DIR.
constexpr std::size_t kMaxName = 64;

static_assert(kMaxInterfaceName == IFNAMSIZ - 1);

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/// The kernel's rule (no '/', ':', space, "." or ".."), and what would only lead to trouble later: '%' makes it count
/// names up, "all" and "default" are taken by sysctl, other than printable ASCII no tool shows well.
Result<std::string> parse_kernel_name(std::string_view text) {
  if (text.empty()) return fail("is empty; an interface's name has 1 to {} characters", kMaxInterfaceName);
  if (text.size() > kMaxInterfaceName) {
    return fail("{} is {} bytes long; the kernel takes at most {}", shown(text), text.size(), kMaxInterfaceName);
  }
  for (const char c : text) {
    if (c > ' ' && c <= '~' && c != '/' && c != ':' && c != '%') continue;
    return fail("{} cannot name an interface; use letters, digits, '-', '_' and '.'", shown(text));
  }
  if (text == "." || text == ".." || text == "all" || text == "default") {
    return fail("{} cannot name an interface, the kernel refuses it; choose another", shown(text));
  }
  return std::string(text);
}

/// Reads a database that has names and numbers, growing the buffer as getpwnam_r and getgrnam_r demand.
template <class Record, class Lookup>
std::optional<std::uint32_t> look_up(const std::string& name, Lookup lookup, auto Record::* number) {
  std::vector<char> buffer(1024);
  Record record{};
  Record* found = nullptr;
  while (lookup(name.c_str(), &record, buffer.data(), buffer.size(), &found) == ERANGE) {
    if (buffer.size() > 1'000'000) return std::nullopt;
    buffer.resize(buffer.size() * 2);
  }
  if (found == nullptr) return std::nullopt;
  return record.*number;
}

/// The largest number means "nobody in particular" to the kernel, so it is nobody's.
std::optional<std::uint32_t> parse_id(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number >= kMaxU32) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

/// In a file of iproute2: lines of NUMBER NAME.
std::optional<std::uint64_t> table_in(const std::filesystem::path& file, std::string_view name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string number;
    std::string named;
    if (words >> number >> named && named == name) return parse_number(number);
  }
  return std::nullopt;
}

/// Where `ip route` looks names of tables up.
std::optional<std::uint64_t> table_named(std::string_view name) {
  namespace fs = std::filesystem;
  for (const std::string_view folder : {"/etc/iproute2", "/usr/share/iproute2", "/usr/lib/iproute2"}) {
    if (const auto number = table_in(fs::path(folder) / "rt_tables", name)) return number;
    std::error_code none;
    for (fs::directory_iterator at(fs::path(folder) / "rt_tables.d", none), end; !none && at != end;
         at.increment(none)) {
      if (at->path().extension() != ".conf") continue;
      if (const auto number = table_in(at->path(), name)) return number;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x");
  const auto digits = hexadecimal ? text.substr(2) : text;
  // A leading zero means octal to some readers of YAML and nothing to others.
  if (digits.empty() || (!hexadecimal && digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hexadecimal ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

Result<> check_name(std::string_view name) {
  const bool valid = !name.empty() && std::ranges::all_of(name, is_name_character) && name[0] != '-' && name[0] != '.';
  if (!valid) {
    return fail(
        "{} is not a valid name; use letters, digits, '_', '-' and '.', and neither of the last two to start with",
        shown(name));
  }
  if (name.size() > kMaxName) return fail("{} is longer than {} bytes; choose a shorter name", shown(name), kMaxName);
  return {};
}

Result<std::string> parse_interface_name(std::string_view text) {
  auto name = parse_kernel_name(text);
  if (name && *name == "lo") return fail("\"lo\" is the loopback interface; choose another name");
  return name;
}

std::string interface_name_for(std::string_view link) {
  if (parse_interface_name(link)) return std::string(link);
  if (const auto prefixed = fmt::format("adit-{}", link); parse_interface_name(prefixed)) return prefixed;
  // FNV-1a, so that names which begin alike do not end alike.
  std::uint32_t hash = 2166136261;
  for (const char c : link) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619;
  auto start = link.substr(0, 10);
  while (start.ends_with('-') || start.ends_with('.')) start.remove_suffix(1);
  return fmt::format("{}-{:04x}", start, (hash >> 16 ^ hash) & 0xffff);
}

Result<std::string> parse_device(std::string_view text) {
  return parse_kernel_name(text);
}

Result<std::string> parse_netns(std::string_view text) {
  constexpr std::size_t kLongest = 255;  // NAME_MAX
  const bool path = text.starts_with('/');
  const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  const bool valid = path ? !text.ends_with('/')
                          : !text.empty() && !text.starts_with(' ') && text.find('/') == std::string_view::npos &&
                                text != "." && text != "..";
  if (!printable || !valid || text.size() > kLongest) {
    return fail("{} is no network namespace; write its name as `ip netns list` has it, or an absolute path to it",
                shown(text));
  }
  return std::string(text);
}

/// A point of low order makes every shared secret zero: no handshake with it can succeed. Any private key shows it.
Result<crypto::PublicKey> parse_peer_key(std::string_view text) {
  auto key = crypto::parse_public_key(text);
  if (!key) return key;
  crypto::PrivateKey any;
  any.writable()[0] = 8;
  if (!crypto::x25519(any, *key))
    return fail("is no usable public key; copy it from the peer, `adit pubkey` prints it there");
  return key;
}

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  using namespace std::chrono_literals;
  const auto unit = text.empty() ? '\0' : text.back();
  const auto factor = unit == 's' ? 1s : unit == 'm' ? 60s : unit == 'h' ? 3600s : 0s;
  const auto number = parse_number(text.substr(0, text.empty() ? 0 : text.size() - 1));
  if (factor == 0s || !number || text.starts_with("0x")) {
    return fail("{} is not a duration; write a number with the unit s, m or h, such as 25s or 2m", shown(text));
  }
  if (*number > 1'000'000) return fail("{} is longer than anything here lasts; choose less", shown(text));
  return factor * static_cast<std::int64_t>(*number);
}

Result<std::optional<std::chrono::seconds>> parse_keepalive(std::string_view text) {
  using namespace std::chrono_literals;
  if (text == "off") return std::nullopt;
  const auto duration = parse_duration(text);
  if (!duration) return fail("{} (or off)", duration.error().message);
  if (*duration < 1s || *duration > 65535s) {
    return fail("{} is out of range; choose 1s to 65535s, or off", shown(text));
  }
  return *duration;
}

Result<std::chrono::seconds> parse_hook_timeout(std::string_view text) {
  auto duration = parse_duration(text);
  if (!duration || (duration->count() >= 1 && *duration <= kMaxHookTimeout)) return duration;
  return fail("{} is out of range; choose 1s to {}m", shown(text), kMaxHookTimeout.count() / 60);
}

Result<std::uint32_t> parse_table(std::string_view text) {
  if (text == "main") return 254;
  if (text == "default") return 253;
  if (text == "local") return 255;
  auto number = parse_number(text);
  if (!number) number = table_named(text);
  if (!number || *number < 1 || *number > kMaxU32) {
    return fail(
        "{} is not a routing table; write a number from 1 to {}, or main, default, local, or a name from "
        "/etc/iproute2/rt_tables",
        shown(text), kMaxU32);
  }
  return static_cast<std::uint32_t>(*number);
}

Result<std::uint32_t> parse_user(std::string_view text) {
  if (const auto id = parse_id(text)) return *id;
  if (const auto id = look_up(std::string(text), getpwnam_r, &passwd::pw_uid)) return *id;
  return fail("there is no user {} on this host; name one from /etc/passwd, or give its number", shown(text));
}

Result<std::uint32_t> parse_group(std::string_view text) {
  if (const auto id = parse_id(text)) return *id;
  if (const auto id = look_up(std::string(text), getgrnam_r, &group::gr_gid)) return *id;
  return fail("there is no group {} on this host; name one from /etc/group, or give its number", shown(text));
}

Result<LogLevel> parse_log_level(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kLevels{"trace", "debug", "info", "warn", "error"};
  const auto* const found = std::ranges::find(kLevels, text);
  if (found != kLevels.end()) return static_cast<LogLevel>(found - kLevels.begin());
  return fail("{} is not a log level; {}", shown(text), choose(kLevels, closest(text, kLevels)));
}

}  // namespace adit::config
