// SPDX-License-Identifier: MIT
// What is deleted is wiped first, in both programs: the parser of YAML, the streams and strings of the standard library
// keep copies of the keys they carry, and know nothing of that. An object of its own and not part of the library, so
// that tests and sanitizers have the heap they know.
//
// The packet loop deletes nothing in a usual turn, so that packets do not pay for it.
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

/// From here on whole pages are given back to the kernel: wiping them would first take those that nobody ever wrote to.
constexpr std::size_t kLarge = std::size_t{128} * 1024;

void wipe(void* memory, std::size_t size) noexcept {
  if (size >= kLarge) {
    static const auto kPage = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    auto* const begin = static_cast<std::uint8_t*>(memory);
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    const auto head = (kPage - address % kPage) % kPage;
    const auto middle = (size - head) / kPage * kPage;
    if (::madvise(begin + head, middle, MADV_DONTNEED) == 0) {
      ::explicit_bzero(begin, head);
      ::explicit_bzero(begin + head + middle, size - head - middle);
      return;
    }
  }
  ::explicit_bzero(memory, size);
}

// NOLINTBEGIN(cppcoreguidelines-no-malloc): this is what new and delete are made of.
void* allocate(std::size_t size, std::size_t alignment) {
  for (;;) {
    void* const memory = alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
                             ? std::malloc(size)
                             : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (memory != nullptr) return memory;
    const auto handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void release(void* memory) noexcept {
  if (memory == nullptr) return;
  wipe(memory, ::malloc_usable_size(memory));
  std::free(memory);
}
// NOLINTEND(cppcoreguidelines-no-malloc)

}  // namespace

// The forms for arrays, without exceptions and with sizes come down to these (C++ [new.delete]).
void* operator new(std::size_t size) {
  return allocate(size == 0 ? 1 : size, 1);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size == 0 ? 1 : size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  release(memory);
}
