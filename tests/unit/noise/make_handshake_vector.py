#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints handshake_vector.h: one whole handshake and one cookie with fixed keys, computed from the paper's formulas
(section 5.4) with Python's hashlib and the cryptography package (OpenSSL), which share no code with what they test.

    apt-get install python3-cryptography clang-format
    tests/unit/noise/make_handshake_vector.py > tests/unit/noise/handshake_vector.h
    clang-format -i tests/unit/noise/handshake_vector.h
"""

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305


def private(first):
    return bytes((first + i) % 256 for i in range(32))


def public_of(key):
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return X25519PrivateKey.from_private_bytes(key).public_key().public_bytes(*raw)


def dh(key, point):
    return X25519PrivateKey.from_private_bytes(key).exchange(X25519PublicKey.from_public_bytes(point))


def hash_(*parts):
    return hashlib.blake2s(b"".join(parts)).digest()


def mac(key, data):
    return hashlib.blake2s(data, key=key, digest_size=16).digest()


def hmac_(key, data):
    return hmac.new(key, data, hashlib.blake2s).digest()


def kdf(n, key, data):
    secret, out = hmac_(key, data), [b""]
    for i in range(1, n + 1):
        out.append(hmac_(secret, out[-1] + bytes([i])))
    return out[1:]


def aead(key, counter, plaintext, additional):
    return ChaCha20Poly1305(key).encrypt(bytes(4) + counter.to_bytes(8, "little"), plaintext, additional)


def rotate(word, bits):
    return (word << bits | word >> 32 - bits) & 0xFFFFFFFF


def hchacha20(key, nonce):
    """The subkey of XChaCha20 (draft-irtf-cfrg-xchacha, section 2.2)."""
    x = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))
    columns = [(i, 4 + i, 8 + i, 12 + i) for i in range(4)]
    diagonals = [(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4) for i in range(4)]
    for a, b, c, d in 10 * (columns + diagonals):
        for into, by, turned, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[into] = (x[into] + x[by]) & 0xFFFFFFFF
            x[turned] = rotate(x[turned] ^ x[into], bits)
    return struct.pack("<8I", *x[:4], *x[12:])


def xaead(key, nonce, plaintext, additional):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(bytes(4) + nonce[16:], plaintext, additional)


SI, SR, EI, ER, PSK = private(0x01), private(0x41), private(0x81), private(0xC1), private(0x21)
TIMESTAMP = bytes.fromhex("400000006580f00a2b000000")
INDEX_I, INDEX_R = 0x11223344, 0xA5B6C7D8
si, sr, ei, er = map(public_of, (SI, SR, EI, ER))

c = hash_(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
h = hash_(hash_(c, b"WireGuard v1 zx2c4 Jason@zx2c4.com"), sr)

(c,) = kdf(1, c, ei)
h = hash_(h, ei)
c, k = kdf(2, c, dh(EI, sr))
static = aead(k, 0, si, h)
h = hash_(h, static)
c, k = kdf(2, c, dh(SI, sr))
stamp = aead(k, 0, TIMESTAMP, h)
h = hash_(h, stamp)
initiation = bytes([1, 0, 0, 0]) + INDEX_I.to_bytes(4, "little") + ei + static + stamp
initiation += mac(hash_(b"mac1----", sr), initiation) + bytes(16)

(c,) = kdf(1, c, er)
h = hash_(h, er)
(c,) = kdf(1, c, dh(ER, ei))
(c,) = kdf(1, c, dh(ER, si))
c, t, k = kdf(3, c, PSK)
h = hash_(h, t)
empty = aead(k, 0, b"", h)
response = bytes([2, 0, 0, 0]) + INDEX_R.to_bytes(4, "little") + INDEX_I.to_bytes(4, "little") + er + empty
response += mac(hash_(b"mac1----", si), response) + bytes(16)

to_responder, to_initiator = kdf(2, c, b"")
packet = bytes([4, 0, 0, 0]) + INDEX_R.to_bytes(4, "little") + (7).to_bytes(8, "little")
packet += aead(to_responder, 7, b"sixteen  letters", b"")

# Section 5.4.7: the responder's answer under load, and what the initiator's next message then ends with (5.4.4).
cookie, nonce = private(0x61)[:16], private(0x11)[:24]
reply = bytes([3, 0, 0, 0]) + INDEX_I.to_bytes(4, "little") + nonce
reply += xaead(hash_(b"cookie--", sr), nonce, cookie, initiation[116:132])
mac2 = mac(cookie, initiation[:132])

print("// SPDX-License-Identifier: MIT")
print("// Made by make_handshake_vector.py. One whole handshake and one cookie with fixed keys; all values in hex.")
print("#pragma once\n\nnamespace adit::noise::vector {\n")
values = dict(kInitiatorPrivate=SI, kResponderPrivate=SR, kInitiatorEphemeral=EI, kResponderEphemeral=ER,
              kPreshared=PSK, kTimestamp=TIMESTAMP, kInitiatorPublic=si, kResponderPublic=sr, kInitiation=initiation,
              kResponse=response, kToResponder=to_responder, kToInitiator=to_initiator, kPacket=packet,
              kCookieReply=reply, kMac2=mac2)
for name, value in values.items():
    print(f"inline constexpr auto* {name} =")
    text = value.hex()
    lines = [text[i : i + 96] for i in range(0, len(text), 96)]
    print("\n".join(f'    "{line}"' for line in lines) + ";")
print(f"inline constexpr auto kInitiatorIndex = {INDEX_I:#x}u;\ninline constexpr auto kResponderIndex = {INDEX_R:#x}u;")
print("inline constexpr auto kPacketCounter = 7u;\n\n}  // namespace adit::noise::vector")
