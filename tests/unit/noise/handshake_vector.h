// SPDX-License-Identifier: MIT
// Made by make_handshake_vector.py. One whole handshake and one cookie with fixed keys; all values in hex.
#pragma once

namespace adit::noise::vector {

inline constexpr auto* kInitiatorPrivate = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";
inline constexpr auto* kResponderPrivate = "4142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60";
inline constexpr auto* kInitiatorEphemeral = "8182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0";
inline constexpr auto* kResponderEphemeral = "c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0";
inline constexpr auto* kPreshared = "2122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40";
inline constexpr auto* kTimestamp = "400000006580f00a2b000000";
inline constexpr auto* kInitiatorPublic = "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c";
inline constexpr auto* kResponderPublic = "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d48466";
inline constexpr auto* kInitiation =
    "0100000044332211883186b800b41d5cf0429695da9b3cc4f328ebcd184a6e482fa578c103f06c77fa6ff1a71203eaf3"
    "05dc6260f1911ba7d914db25d127ce39ef62f6c6467fb8a777377a28376c744882e58802dabbe0882d2440df14b3a68f"
    "64929ae0ed0a6e520fce6c3261d787c71a66c674a5f22105ea793946bac108228bc0bb5e000000000000000000000000"
    "00000000";
inline constexpr auto* kResponse =
    "02000000d8c7b6a5443322113a553d74792d727efa9b9a4cde3da1ad93f1a2d0c09cb639b1a3c0fda14cbe2421505da7"
    "f19bf35668789a96ffb5ae3bb0313980aaf86c77f0d12443027bd51100000000000000000000000000000000";
inline constexpr auto* kToResponder = "f447fc95eb65e4b166f11802f373608ca8ef74ef90a922fa7688f054151aa286";
inline constexpr auto* kToInitiator = "ddff56666c427386bb576d1702074e069931093553fd8d98ccd94d5d6a1a3ef6";
inline constexpr auto* kPacket =
    "04000000d8c7b6a50700000000000000aaf67c09ae9b897fcfb61a4f1a2004db33dc44a51ad1c5541538e026b037e243";
inline constexpr auto* kCookieReply =
    "03000000443322111112131415161718191a1b1c1d1e1f2021222324252627280be25eb93e19c44229dd9ec1aee1411f"
    "f007373bbe1e4a01d8704dafd1ff024f";
inline constexpr auto* kMac2 = "784829b6d99f975db6df1b8513344b0f";
inline constexpr auto kInitiatorIndex = 0x11223344u;
inline constexpr auto kResponderIndex = 0xa5b6c7d8u;
inline constexpr auto kPacketCounter = 7u;

}  // namespace adit::noise::vector
