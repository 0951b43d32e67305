// SPDX-License-Identifier: MIT
// The three ways to give a secret key: inline, in a file, as a systemd credential. Whoever else may read it on this
// host is a problem. No message repeats what a key's text is.
#pragma once

#include <filesystem>
#include <optional>

#include "config/cursor.h"
#include "crypto/keys.h"

namespace adit::config {

struct KeyContext {
  std::filesystem::path directory;  ///< of the configuration file: where relative names start
  std::filesystem::path credentials_directory;
  bool file_is_private = false;    ///< only its owner can read the configuration file
  bool only_owner_writes = false;  ///< nobody else can change the configuration file
  bool check_only = false;         ///< credentials need not be there
};

/// `private_key`, `private_key_file` or `private_key_credential`; one of them must be given.
std::optional<At<crypto::PrivateKey>> read_private_key(const Section& local, const KeyContext& context);
/// Likewise `preshared_key…`, which may be left out.
std::optional<At<crypto::PresharedKey>> read_preshared_key(const Section& peer, const KeyContext& context);

/// The key in a file that only its owner can read. The error is a sentence and holds no secret.
Result<crypto::PrivateKey> read_private_key_file(const std::filesystem::path& file);

/// The key in a file that `preshared_key_file` names, by itself: others may change it while the link runs. The error is
/// a sentence and holds no secret.
Result<crypto::PresharedKey> read_preshared_key_file(const std::filesystem::path& file);

}  // namespace adit::config
