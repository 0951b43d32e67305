// SPDX-License-Identifier: MIT
// timestamp: 24 hex digits, a space, the boot_id of the boot it was written in. initiation: 24 hex digits, a space, the
// peer's public key. peer_endpoint: ADDRESS:PORT, a space, that peer's public key. endpoint: ADDRESS:PORT alone, as an
// earlier release has it, which would take anything more for damage. running: a number, a space, the boot_id.
#include "service/state_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <expected>
#include <string_view>
#include <system_error>

#include "base/file_descriptor.h"
#include "net/io.h"

namespace adit::service {
namespace {

constexpr const char* kRunningFile = "running";
constexpr const char* kOldEndpointFile = "endpoint";
constexpr std::size_t kLongestFile = 256;
/// The first bit of a TAI64 label is clear and the next set for all years people live in. None so near to the end that
/// there would be no later one.
constexpr std::uint64_t kFirstLabel = std::uint64_t{1} << 62;
constexpr std::uint64_t kLastLabel = (kFirstLabel << 1) - (std::uint64_t{1} << 32);

/// The file without its newline, or errno.
std::expected<std::string, int> read_file(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return std::unexpected(errno);
  std::string text(kLongestFile, '\0');
  const auto size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return std::unexpected(errno);
  text.resize(static_cast<std::size_t>(size));
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string to_hex(const noise::Tai64n& stamp) {
  std::string text;
  for (const auto byte : stamp.bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::optional<noise::Tai64n> parse_hex(std::string_view text) {
  noise::Tai64n stamp;
  if (text.size() != 2 * stamp.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < stamp.bytes.size(); ++i) {
    const char* const digits = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(digits, digits + 2, stamp.bytes[i], 16);
    if (error != std::errc{} || end != digits + 2) return std::nullopt;
  }
  return stamp;
}

/// Whether it could be one of ours.
bool is_sent(const noise::Tai64n& stamp) {
  const auto label = load_be64(stamp.bytes.data());
  return label >= kFirstLabel && label < kLastLabel;
}

/// A peer's endpoint, and whose it is if that is said.
std::optional<StateStore::Found> parse_endpoint(std::string_view line) {
  const auto space = line.find(' ');
  const auto endpoint = Endpoint::parse(line.substr(0, space));
  if (!endpoint) return std::nullopt;
  if (space == std::string_view::npos) return StateStore::Found{*endpoint};
  const auto peer = crypto::parse_public_key(line.substr(space + 1));
  if (!peer) return std::nullopt;
  return StateStore::Found{*endpoint, *peer};
}

}  // namespace

std::optional<Endpoint> StateStore::Loaded::endpoint_of(const crypto::PublicKey& peer) const {
  if (!endpoint || (endpoint->peer && *endpoint->peer != peer)) return std::nullopt;
  return endpoint->where;
}

StateStore::StateStore(std::filesystem::path directory, std::string boot, std::chrono::milliseconds patience)
    : directory_(std::move(directory)),
      boot_(std::move(boot)),
      timestamp_(directory_ / "timestamp"),
      initiation_(directory_ / "initiation"),
      endpoint_(directory_ / "peer_endpoint"),
      writer_(patience) {}

StateStore::Loaded StateStore::read() {
  Loaded loaded;
  load_timestamp(loaded);
  load_initiation(loaded);
  load_endpoint(loaded);
  return loaded;
}

StateStore::Loaded StateStore::load() {
  Loaded loaded;
  std::error_code error;
  const bool created = std::filesystem::create_directories(directory_, error);
  if (created) std::filesystem::permissions(directory_, std::filesystem::perms::owner_all, error);
  if (error || ::access(directory_.c_str(), W_OK | X_OK) != 0) {
    loaded.writable = false;
    loaded.warnings.push_back(fmt::format(
        "{} cannot be written ({}): after a restart with the clock set back the peer may refuse handshakes for that "
        "long, and where it was last found is forgotten; let this user write there, or set ADIT_STATE_DIR",
        directory_.string(), error ? error.message() : net::describe(errno)));
  }
  load_timestamp(loaded);
  load_initiation(loaded);
  load_endpoint(loaded);
  load_running(loaded);
  return loaded;
}

/// A damaged file was there, too, so a run had begun.
void StateStore::load_running(Loaded& loaded) const {
  const auto text = read_file(directory_ / kRunningFile);
  if (!text) return;
  const auto space = text->find(' ');
  if (space != std::string::npos && text->substr(space + 1) != boot_) return;  // the host went down, not the daemon
  std::from_chars(text->data(), text->data() + text->size(), loaded.restarts);
  ++loaded.restarts;
}

Result<> StateStore::begin_run(std::uint32_t restarts) const {
  return replace_file(directory_ / kRunningFile, fmt::format("{} {}\n", restarts, boot_));
}

void StateStore::end_run() const {
  ::unlink((directory_ / kRunningFile).c_str());
}

void StateStore::load_timestamp(Loaded& loaded) {
  const auto content = timestamp_.read();
  const auto& path = timestamp_.path().string();
  const auto* const lost = "if this host's clock goes back, the peer will refuse handshakes until it has caught up";
  if (content.error) {
    loaded.warnings.push_back(fmt::format("cannot read {}, {}: {}", path, net::describe(*content.error), lost));
  }
  const auto& line = content.line;
  const auto space = line ? line->find(' ') : std::string::npos;
  const auto stamp = line ? parse_hex(std::string_view(*line).substr(0, space)) : std::nullopt;
  if (!stamp || !is_sent(*stamp)) {
    if (line || content.damaged) loaded.warnings.push_back(fmt::format("{} is damaged and is ignored: {}", path, lost));
    return;
  }
  loaded.timestamp = *stamp;
  const bool same_boot = space != std::string::npos && !boot_.empty() && line->substr(space + 1) == boot_;
  if (!same_boot) loaded.timestamp = loaded.timestamp.later_by(kUnsyncedMargin);
  if (content.damaged || content.error) loaded.timestamp = loaded.timestamp.later_by(kDamagedMargin);
}

void StateStore::load_initiation(Loaded& loaded) {
  const auto content = initiation_.read();
  const auto& path = initiation_.path().string();
  const auto* const lost = "initiations of the peer's that somebody has recorded may be taken once more";
  if (content.error) {
    loaded.warnings.push_back(fmt::format("cannot read {}, {}: {}", path, net::describe(*content.error), lost));
  }
  if (content.line) {
    const auto space = content.line->find(' ');
    const auto stamp = parse_hex(std::string_view(*content.line).substr(0, space));
    const auto peer = space == std::string::npos
                          ? std::nullopt
                          : std::optional(crypto::parse_public_key(std::string_view(*content.line).substr(space + 1)));
    if (stamp && peer && *peer && content.checked) {
      loaded.initiation = {**peer, *stamp};
      return;
    }
  }
  if (content.line || content.damaged) {
    loaded.warnings.push_back(fmt::format("{} is damaged and is ignored: {}", path, lost));
  }
}

void StateStore::load_endpoint(Loaded& loaded) {
  const auto content = endpoint_.read();
  const bool is_there = content.line || content.damaged || content.error;
  if (is_there) return take_endpoint(endpoint_.path(), content, loaded);
  TurnFile old(directory_ / kOldEndpointFile);
  take_endpoint(old.path(), old.read(), loaded);
}

void StateStore::take_endpoint(const std::filesystem::path& path, const TurnFile::Content& content, Loaded& loaded) {
  if (content.error) {
    loaded.warnings.push_back(fmt::format("cannot read {}, {}: where the peer was last found is not known",
                                          path.string(), net::describe(*content.error)));
  }
  if (content.line && content.line->empty()) return;
  if (content.line) loaded.endpoint = parse_endpoint(*content.line);
  if (!loaded.endpoint && (content.line || content.damaged)) {
    loaded.warnings.push_back(
        fmt::format("{} is damaged and is ignored: where the peer was last found is not known", path.string()));
  }
}

Result<> StateStore::save_timestamp(const noise::Tai64n& timestamp) {
  const auto turn = timestamp_.next(fmt::format("{} {}", to_hex(timestamp), boot_));
  return writer_.write(turn.file, turn.content);
}

Result<> StateStore::save_initiation(const crypto::PublicKey& peer, const noise::Tai64n& newest) {
  const auto turn = initiation_.next(fmt::format("{} {}", to_hex(newest), crypto::to_base64(peer)));
  return writer_.write_later(turn.file, turn.content);
}

Result<> StateStore::save_endpoint(const crypto::PublicKey& peer, const Endpoint& endpoint) {
  const bool kept = endpoint.known() && !(endpoint.address.is_v6() && endpoint.address.is_link_local());
  const auto turn = endpoint_.next(kept ? fmt::format("{} {}", to_string(endpoint), crypto::to_base64(peer)) : "");
  auto done = writer_.write(turn.file, turn.content);
  if (done) forget_old_endpoint();
  return done;
}

/// An earlier release that comes back is to know nothing rather than where somebody was long ago.
void StateStore::forget_old_endpoint() const {
  for (const auto* turn : {"", ".2"}) ::unlink((directory_ / kOldEndpointFile).concat(turn).c_str());
}

std::string read_boot_id() {
  // Once: at the end of a run there may be no descriptor left to read it with.
  static const auto kId = read_file("/proc/sys/kernel/random/boot_id").value_or(std::string{});
  return kId;
}

}  // namespace adit::service
