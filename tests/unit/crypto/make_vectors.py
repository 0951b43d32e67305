#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints vectors.h: known answers from implementations that share no code with ours.

BLAKE2s and HMAC come from CPython's hashlib and hmac, ChaCha20-Poly1305 from OpenSSL (Debian's python3-cryptography),
HKDF and HChaCha20 are written out below from RFC 5869 and draft-irtf-cfrg-xchacha. Not part of the build: run it by
hand, `tests/unit/crypto/make_vectors.py > tests/unit/crypto/vectors.h`, when a vector is to be added.
"""
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305


def pattern(size, start=0):
    """The same bytes as `pattern` in the tests: start, start + 1, … modulo 251, a prime, so that no block repeats."""
    return bytes((start + i) % 251 for i in range(size))


def blake2s(data):
    return hashlib.blake2s(data).digest()


def mac(key, data):
    return hashlib.blake2s(data, key=key, digest_size=16).digest()


def hmac_blake2s(key, data):
    return hmac.new(key, data, hashlib.blake2s).digest()


def hkdf(key, data, outputs):
    secret, block, result = hmac_blake2s(key, data), b"", []
    for number in range(1, outputs + 1):
        block = hmac_blake2s(secret, block + bytes([number]))
        result.append(block)
    return result


def hchacha20(key, nonce):
    """draft-irtf-cfrg-xchacha-03 §2.2"""
    def rotate(value, by):
        return (value << by | value >> (32 - by)) & 0xFFFFFFFF

    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def quarter(a, b, c, d):
        for by_d, by_b in ((16, 12), (8, 7)):
            state[a] = (state[a] + state[b]) & 0xFFFFFFFF
            state[d] = rotate(state[d] ^ state[a], by_d)
            state[c] = (state[c] + state[d]) & 0xFFFFFFFF
            state[b] = rotate(state[b] ^ state[c], by_b)

    for _ in range(10):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for column in range(4):
            quarter(column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
    return struct.pack("<8I", *state[:4], *state[12:])


def aead(key, counter, additional, plaintext):
    return ChaCha20Poly1305(key).encrypt(bytes(4) + struct.pack("<Q", counter), plaintext, additional)


def xaead(key, nonce, additional, plaintext):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(bytes(4) + nonce[16:], plaintext, additional)


def table(comment, declaration, rows):
    print(f"\n/// {comment}\ninline constexpr {declaration}[] = {{")
    for row in rows:
        print("    {" + ", ".join(f'"{x.hex()}"' if isinstance(x, bytes) else str(x) for x in row) + "},")
    print("};")


print("""// SPDX-License-Identifier: MIT
// Known answers from independent implementations, printed by make_vectors.py: edit that and run it. Inputs are
// `pattern(size, start)` of test_bytes.h; outputs are hexadecimal.
#pragma once

#include <cstddef>
#include <cstdint>

namespace adit::crypto::vectors {

struct Hashed {
  std::size_t input_size;
  const char* hash;
};
struct Keyed {
  std::size_t key_size;
  std::size_t input_size;
  const char* output;
};
struct Derived {
  std::size_t key_size;
  std::size_t input_size;
  const char* outputs[3];
};
struct Sealed {
  std::uint64_t counter;
  std::size_t additional_size;
  std::size_t plaintext_size;
  const char* blake2s_of_sealed;
};

// clang-format off""")
table("BLAKE2s-256 of pattern(input_size).", "Hashed kBlake2s",
      [(n, blake2s(pattern(n))) for n in (0, 1, 63, 64, 65, 127, 128, 129, 1000)])
table("BLAKE2s keyed with pattern(key_size, 100), 16 bytes of output.", "Keyed kMac",
      [(k, n, mac(pattern(k, 100), pattern(n))) for k in (1, 16, 32) for n in (0, 1, 64, 65, 116, 132)])
print(f"""
/// BLAKE2s-256 of 256 hashes in a row, of pattern(0) to pattern(255), and of 256 MACs keyed with pattern(32, 100).
inline constexpr const char* kAllHashes = "{blake2s(b"".join(blake2s(pattern(n)) for n in range(256))).hex()}";
inline constexpr const char* kAllMacs = "{blake2s(b"".join(mac(pattern(32, 100), pattern(n)) for n in range(256))).hex()}";""")
table("HMAC-BLAKE2s keyed with pattern(key_size, 100).", "Keyed kHmac",
      [(k, n, hmac_blake2s(pattern(k, 100), pattern(n)))
       for k, n in ((0, 0), (1, 3), (32, 0), (32, 32), (32, 1000), (63, 64), (64, 64), (65, 64), (200, 55))])
print("\n/// Kdf_3 with the key pattern(key_size, 100) and the input pattern(input_size).\ninline constexpr Derived kKdf[] = {")
for k, n in ((32, 0), (32, 32), (32, 64), (0, 32)):
    outputs = ",\n      ".join(f'"{x.hex()}"' for x in hkdf(pattern(k, 100), pattern(n), 3))
    print(f"    {{{k}, {n}, {{\n      {outputs}}}}},")
print("};")
table("Key pattern(32, 100), additional data pattern(additional_size, 50), plaintext pattern(plaintext_size).",
      "Sealed kAead",
      [(f"{c}u", a, n, blake2s(aead(pattern(32, 100), c, pattern(a, 50), pattern(n))))
       for c, a, n in ((0, 0, 0), (0, 32, 32), (0, 32, 12), (1, 0, 1), (2, 0, 15), (3, 0, 16), (4, 0, 17), (5, 1, 63),
                       (6, 0, 64), (7, 33, 65), (255, 0, 128), (256, 0, 1420), (2**32, 0, 1420), (2**63 + 1, 16, 2100),
                       (2**64 - 1, 0, 65535))])
table("XChaCha20-Poly1305 with the nonce pattern(24, 7 + counter), else as above.", "Sealed kXaead",
      [(f"{c}u", a, n, blake2s(xaead(pattern(32, 100), pattern(24, 7 + c), pattern(a, 50), pattern(n))))
       for c, a, n in ((0, 16, 16), (1, 0, 0), (2, 0, 64), (3, 16, 1000))])
print("// clang-format on\n\n}  // namespace adit::crypto::vectors")
