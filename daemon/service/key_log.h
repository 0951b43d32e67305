// SPDX-License-Identifier: MIT
// The keys of a link in a file that Wireshark reads (`aditd --keylog FILE`, docs/keylog.md): whoever has it can read
// the link's traffic and pose as its end. Hence a file of its owner's alone, refused if it is anybody else's business.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "tunnel/key_observer.h"

namespace adit::service {

class KeyLog final : public tunnel::KeyObserver {
 public:
  using Complain = std::function<void(const std::string& sentence)>;

  /// Makes the file, or opens it for appending. The error is a sentence with the next step. `complain` hears of what
  /// cannot be written later, once.
  static Result<std::unique_ptr<KeyLog>> open(const std::filesystem::path& file, Complain complain);

  /// The keys that all handshakes from now on are made with.
  void static_keys(const crypto::PrivateKey& local, const crypto::PublicKey& remote);
  void handshake_keys(const crypto::PrivateKey& ephemeral, const crypto::PresharedKey& preshared) override;

  const std::filesystem::path& file() const { return file_; }

 private:
  class Text;
  KeyLog(std::filesystem::path file, FileDescriptor fd, Complain complain)
      : file_(std::move(file)), fd_(std::move(fd)), complain_(std::move(complain)) {}
  void append(std::string_view text);

  std::filesystem::path file_;
  FileDescriptor fd_;
  Complain complain_;
};

}  // namespace adit::service
