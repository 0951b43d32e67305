// SPDX-License-Identifier: MIT
#include "crypto/wipe_stack.h"

#include <sodium.h>

namespace adit::crypto {

void wipe_stack(std::size_t size) {
  sodium_stackzero(size);
}

}  // namespace adit::crypto
