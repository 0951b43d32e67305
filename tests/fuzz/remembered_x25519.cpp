// SPDX-License-Identifier: MIT
// libsodium's X25519 in the fuzz targets of the way of packets, which took most of their time: each input has a
// tunnel with the same keys, and the same random numbers. It is a function of its arguments and nothing else, so what
// it gave once it gives again. Linked in by --wrap (CMakeLists.txt), and compiled without instrumentation: whether
// something is remembered must not look like news about an input.
#include <array>
#include <cstdint>
#include <cstring>

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
extern "C" int __real_crypto_scalarmult(unsigned char* product, const unsigned char* scalar,
                                        const unsigned char* point);
extern "C" int __real_crypto_scalarmult_base(unsigned char* product, const unsigned char* scalar);
extern "C" int __wrap_crypto_scalarmult(unsigned char* product, const unsigned char* scalar,
                                        const unsigned char* point);
extern "C" int __wrap_crypto_scalarmult_base(unsigned char* product, const unsigned char* scalar);
// NOLINTEND(bugprone-reserved-identifier)

namespace {

constexpr std::size_t kSize = 32;
/// Each question has one place, and the newest there stays: few are asked again and again, and those lie in the cache.
constexpr std::size_t kPlaces = 2048;

struct Question {
  bool of_base_point = false;
  std::array<unsigned char, kSize> scalar{};
  std::array<unsigned char, kSize> point{};
  bool operator==(const Question&) const = default;
};

struct Known {
  Question question;
  std::array<unsigned char, kSize> product{};
  int status = 0;
  bool present = false;
};

std::size_t place_of(const Question& question) {
  std::array<std::uint64_t, 2> parts{};
  std::memcpy(&parts[0], question.scalar.data() + 8, sizeof parts[0]);
  std::memcpy(&parts[1], question.point.data() + 8, sizeof parts[1]);
  return (parts[0] ^ (parts[1] << 1)) % kPlaces;
}

int remember(unsigned char* product, const unsigned char* scalar, const unsigned char* point) {
  static std::array<Known, kPlaces> places;
  Question question{.of_base_point = point == nullptr};
  std::memcpy(question.scalar.data(), scalar, kSize);
  if (point != nullptr) std::memcpy(question.point.data(), point, kSize);
  auto& known = places[place_of(question)];
  if (!known.present || known.question != question) {
    known.status = point == nullptr ? __real_crypto_scalarmult_base(known.product.data(), scalar)
                                    : __real_crypto_scalarmult(known.product.data(), scalar, point);
    known.question = question;
    known.present = true;
  }
  std::memcpy(product, known.product.data(), kSize);
  return known.status;
}

}  // namespace

int __wrap_crypto_scalarmult(unsigned char* product, const unsigned char* scalar, const unsigned char* point) {
  return remember(product, scalar, point);
}

int __wrap_crypto_scalarmult_base(unsigned char* product, const unsigned char* scalar) {
  return remember(product, scalar, nullptr);
}
