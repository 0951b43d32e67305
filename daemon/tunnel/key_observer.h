// SPDX-License-Identifier: MIT
// The only way on which the keys of a session leave the core: to somebody who has been put there to see them, for
// diagnosis. In normal operation there is nobody.
#pragma once

#include "crypto/keys.h"

namespace adit::tunnel {

class KeyObserver {
 public:
  virtual ~KeyObserver() = default;

  /// A handshake message with this ephemeral key is about to go out; `preshared` will be mixed into the session. Called
  /// again when that is replaced while the answer is awaited. Whatever is copied is to be wiped.
  virtual void handshake_keys(const crypto::PrivateKey& ephemeral, const crypto::PresharedKey& preshared) = 0;
};

}  // namespace adit::tunnel
