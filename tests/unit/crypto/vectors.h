// SPDX-License-Identifier: MIT
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

// clang-format off

/// BLAKE2s-256 of pattern(input_size).
inline constexpr Hashed kBlake2s[] = {
    {0, "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9"},
    {1, "e34d74dbaf4ff4c6abd871cc220451d2ea2648846c7757fbaac82fe51ad64bea"},
    {63, "e57cb79487dd57902432b250733813bd96a84efce59f650fac26e6696aefafc3"},
    {64, "56f34e8b96557e90c1f24b52d0c89d51086acf1b00f634cf1dde9233b8eaaa3e"},
    {65, "1b53ee94aaf34e4b159d48de352c7f0661d0a40edff95a0b1639b4090e974472"},
    {127, "f18417b39d617ab1c18fdf91ebd0fc6d5516bb34cf39364037bce81fa04cecb1"},
    {128, "1fa877de67259d19863a2a34bcc6962a2b25fcbf5cbecd7ede8f1fa36688a796"},
    {129, "5bd169e67c82c2c2e98ef7008bdf261f2ddf30b1c00f9e7f275bb3e8a28dc9a2"},
    {1000, "1c067a5e746fb0f6734efac9a8cdb0e11061f0077f255184365c690115392501"},
};

/// BLAKE2s keyed with pattern(key_size, 100), 16 bytes of output.
inline constexpr Keyed kMac[] = {
    {1, 0, "d0169efd30bbab89ff411e23ad23ca6a"},
    {1, 1, "bd2bb909e27ad3833c7e25a924efb192"},
    {1, 64, "73f35db7cda179eb380f8151855e74e7"},
    {1, 65, "bff826eb31feaf1b22682192e465f932"},
    {1, 116, "ff18d2da46aab5fcd74ace6b1f194c67"},
    {1, 132, "566bc56b91dc050f8a445617fcf27186"},
    {16, 0, "2187df2cdc1f5a60cbad36ddf2943662"},
    {16, 1, "a775a330c987ab888a85d43c81e3735e"},
    {16, 64, "892607541437b27cc5286b8d838e25ee"},
    {16, 65, "2d88a1086dbfd0c8c87dfe21fffe7da5"},
    {16, 116, "6379d5de456ffa7c7e589f648428319f"},
    {16, 132, "7055837a7ed5e1f33720080d65fd9f6e"},
    {32, 0, "9e9cdeae5d05335e449436eadc5ba0a5"},
    {32, 1, "427d9a7f61d0f7e2104d7711495595bc"},
    {32, 64, "5314253f1dc9b1d5bf66228bd57f9a57"},
    {32, 65, "bf917d7708acbdc2fe67910bb321d153"},
    {32, 116, "01809f32c976f6652009d057d07b907a"},
    {32, 132, "419ec1282abea0be6154d6a60872f186"},
};

/// BLAKE2s-256 of 256 hashes in a row, of pattern(0) to pattern(255), and of 256 MACs keyed with pattern(32, 100).
inline constexpr const char* kAllHashes = "59655dd3f0e96923b14d3f9e63dbf6c043655bbf806ab1025accdd1752cb418d";
inline constexpr const char* kAllMacs = "b6d988349a2baf08809fc604b0c21ddb7fb1f3038bb1ea20f6428d051169b6d2";

/// HMAC-BLAKE2s keyed with pattern(key_size, 100).
inline constexpr Keyed kHmac[] = {
    {0, 0, "eaf4bb25938f4d20e72656bbbc7a9bf63c0c18537333c35bdb67db1402661acd"},
    {1, 3, "09d5a941421aa272f6c5c795c6a5b4481117712207b00b1884e83f00a3d0b5c2"},
    {32, 0, "c3163d7b8a63a44a70eadc13fb98778f5d58ff5e541ea5e2a2e46c64596e86a7"},
    {32, 32, "aedf43106124b5f6d6734df84ed5a59435eb9915a60fa75bc5726b409c68e1c2"},
    {32, 1000, "3ae7a353afb89c2035556dbddf9b27bd46fb42d157873a39f7af1759ad42de06"},
    {63, 64, "a85c4900c5feeb9e0825f7dfdc0c90db5376f9274ca882426069d617913a5cb5"},
    {64, 64, "0c5f408ce9fef6f98574b3ccfa4dfe927fc38f89c92dadd131aa791a6e19e6a9"},
    {65, 64, "92b03f495cbdd76cf1f21798546d98ee405504d9dac5a2dfd783c727e3c65146"},
    {200, 55, "2f568125977696dda59597f1c401adf099f2ae8b3d525c17b2498365ec25b06e"},
};

/// Kdf_3 with the key pattern(key_size, 100) and the input pattern(input_size).
inline constexpr Derived kKdf[] = {
    {32, 0, {
      "41120ebb5190795d899cd457486a9dab84791720e7c6753162ff4ec48b96b648",
      "1ca16b7125c4dc7eaae13ef7e83c0b6071e2a17ec8c1e2518df414fe06750fe3",
      "792ea69ac91343a137f384af4129bc47e41d88710fe622d7f9e406132386222e"}},
    {32, 32, {
      "10238b53a14e52cfd67b62b59a60a3f2661757f5a335ef9dde9fdc58e9a65679",
      "b7c1e4c56de607bee5ecd8c0915974ba5759d28d8ad2475ad222ef37a3fde728",
      "7377d450527372bff264bd7a256f5baa3b21ad5536fd60a6e7df7812649a4fb9"}},
    {32, 64, {
      "6895505891bcb6f1c48ab87dcfb68d5557a5df72597bc146cb39a9913fab1fde",
      "bbccc50a39b7ededdc1bd33482ff1957a3b4a2e764b15a3baf611a2aba05314b",
      "f710d7a0c5158d95b45d3f90e4232eea23caabeda28ebf0fa30052a98161f2ef"}},
    {0, 32, {
      "d36c68692b681300676744097a482d8e0161a95bc9ed309b17bd78eafa8c49ae",
      "d1c083372bc55d11d5b9173caae8f0322d1de371ec5cb4d7ee1b24b682e21202",
      "fcc1b8326d2a018ae1f29650e9cae0efad7c000117ce598066dea1e7356080c8"}},
};

/// Key pattern(32, 100), additional data pattern(additional_size, 50), plaintext pattern(plaintext_size).
inline constexpr Sealed kAead[] = {
    {0u, 0, 0, "37e61c9c7ed84fc229a807b3af08d393f003d7b4ca6327e3b5d46e8a961ac11c"},
    {0u, 32, 32, "652ff46f44f11f15c95a7f5950d1c0000abfa7bd8eab1829397a3b39d237055b"},
    {0u, 32, 12, "189ac5ae017c3ceb76225513992c4f499740c2ff6a5bf4982c40a926a5f14127"},
    {1u, 0, 1, "fee5cc9297ea78ed241fdcc5a005ba25011732cf6021db6e066fc7e68cb4f7ea"},
    {2u, 0, 15, "b0483693d7d6ba77644b49a9a77b7f9017a3df1d737030a3f86dae0008783af8"},
    {3u, 0, 16, "fc5d4de989aa82b4b64f2a988f8494dd4cb47cd3d78d98bd46a84d8062d45737"},
    {4u, 0, 17, "8e1e0f4a42e42b8b43a0291a3824d6375ecd8336185ea7b364350f69cbe0a791"},
    {5u, 1, 63, "7fd52fd5923607d56e87dce06fb70d825fb9b6114720c0edba0416dc18d28b32"},
    {6u, 0, 64, "5e51dd9fd0a78698b326cdafc83371fc05c77784421322f0415dd6fcadbdf78c"},
    {7u, 33, 65, "c947a75cd2720f11e1cb9c99cc717474fe29a4214a278a1ef98b4ba6885fb44b"},
    {255u, 0, 128, "6e5e93919d64ae4cdf5f11a3f441bacfbf95965a4da3acefca99e838556114ac"},
    {256u, 0, 1420, "dcf05e3721581989a356fc7bd009b59793334a92422b3d10bb59f30d56ffb887"},
    {4294967296u, 0, 1420, "4c44ead409482857c0c47b1b6e9bba926cd0d30313977538731610cc6f871e49"},
    {9223372036854775809u, 16, 2100, "172d9d26a3f72704219309a7735348b3985817fc694d5fe9a649e1d662152c2d"},
    {18446744073709551615u, 0, 65535, "dfc835d8cb1880f09c31c5cf1fcb555f1a8a22acdd59a98acfcc1531703ef67d"},
};

/// XChaCha20-Poly1305 with the nonce pattern(24, 7 + counter), else as above.
inline constexpr Sealed kXaead[] = {
    {0u, 16, 16, "d42b3c6faddd768d242813333fb56826b6730e59359ddf28162c46fe1641dbfa"},
    {1u, 0, 0, "093e44bb6e3e13573854f90a429c4e980fdd8b11877920d4aef6d67aae60fad0"},
    {2u, 0, 64, "7e509f86e5210ca8a13c00c0773f9c6a56a17ffb7ded5416a8c4db541eea2e22"},
    {3u, 16, 1000, "3cd83d6c4f0ab116585a93df64db512548c881b068a5aa1b2f0432383a45e554"},
};
// clang-format on

}  // namespace adit::crypto::vectors
