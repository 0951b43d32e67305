// SPDX-License-Identifier: MIT
// What of a link must outlive the daemon: DIR/timestamp, the last TAI64N sent (paper §5.1: the peer takes only later
// ones, whatever our clock says after a restart); DIR/initiation, the peer's newest, so that a recorded one is no news
// after a crash either; DIR/peer_endpoint, where the peer was last found, and which, so that an end that waits to be
// called can call at once instead; and DIR/running, by which a run knows that the one before did not end as it should
// have. Each but the last is written in turns (turn_file.h). A damaged file costs what it held, never the start.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "noise/tai64n.h"
#include "service/file_writer.h"
#include "service/turn_file.h"

namespace adit::service {

class StateStore {
 public:
  struct Found {
    Endpoint where;
    std::optional<crypto::PublicKey> peer = {};  ///< whose it is; none: an earlier release did not say
    friend bool operator==(const Found&, const Found&) = default;
  };
  struct Loaded {
    noise::Tai64n timestamp{};  ///< no timestamp up to this one may be sent; zero: none is known
    /// The newest initiation taken, and the peer whose it was; none: none is known.
    std::optional<std::pair<crypto::PublicKey, noise::Tai64n>> initiation;
    std::optional<Found> endpoint;
    /// Nothing where another peer was found.
    std::optional<Endpoint> endpoint_of(const crypto::PublicKey& peer) const;
    std::uint32_t restarts = 0;  ///< runs of this boot in a row, right before this one, that were killed or failed
    bool writable = true;
    std::vector<std::string> warnings;  ///< sentences: what could not be read, and what that costs
  };

  /// Files are written without fsync, which would hold up packets. What a power failure may take that way is made up
  /// for at the first start after a boot by this much, longer than the kernel keeps a file in memory alone.
  static constexpr std::chrono::seconds kUnsyncedMargin{60};
  /// By this much where one of the two turns is damaged, and the other may be the older one by any time.
  static constexpr std::chrono::hours kDamagedMargin{24};

  /// `boot`: names this boot of the host (boot_id). `patience`: of whoever saves, as FileWriter's.
  StateStore(std::filesystem::path directory, std::string boot,
             std::chrono::milliseconds patience = FileWriter::kPatience);

  /// Makes the folder if need be, and tries whether it can be written.
  Loaded load();
  /// What is there, and nothing is made or tried: `writable` says nothing then.
  Loaded read();
  /// `restarts`: of Loaded. From here to end_run, the end of the process counts as a failure.
  Result<> begin_run(std::uint32_t restarts) const;
  void end_run() const;
  /// Is on disk when this returns, unless the disk takes longer than anybody waits for it; then it is an error that
  /// says so, and it is written later. Likewise below.
  Result<> save_timestamp(const noise::Tai64n& timestamp);
  /// Nobody waits for it: the error is that of an earlier one.
  Result<> save_initiation(const crypto::PublicKey& peer, const noise::Tai64n& newest);
  /// An IPv6 link-local endpoint is forgotten: its interface's number means nothing after a boot.
  Result<> save_endpoint(const crypto::PublicKey& peer, const Endpoint& endpoint);

 private:
  void load_timestamp(Loaded& loaded);
  void load_initiation(Loaded& loaded);
  void load_endpoint(Loaded& loaded);
  static void take_endpoint(const std::filesystem::path& path, const TurnFile::Content& content, Loaded& loaded);
  void forget_old_endpoint() const;
  void load_running(Loaded& loaded) const;

  std::filesystem::path directory_;
  std::string boot_;
  TurnFile timestamp_;
  TurnFile initiation_;
  TurnFile endpoint_;
  FileWriter writer_;
};

/// The kernel's boot_id; empty where there is none.
std::string read_boot_id();

}  // namespace adit::service
