// SPDX-License-Identifier: MIT
// Memory for what must not get out of this process: locked (never in swap), left out of core files, empty in a child
// that is forked, with a page on either side that nobody can touch. Secrets of a usual size share pages, so that one
// costs neither a system call nor a page of its own.
//
// Not memfd_secret(2): while any process has such memory the kernel refuses to hibernate the whole host.
#pragma once

#include <cstddef>
#include <cstdint>

namespace adit {

/// Zeros, for give_back_locked(). Throws std::bad_alloc. Any thread may call either.
void* take_locked(std::size_t size);
/// Wipes it. `size` as it was asked for; null is nothing.
void give_back_locked(void* memory, std::size_t size) noexcept;

/// Whether the kernel has locked all that was taken so far: it may be above what RLIMIT_MEMLOCK allows.
bool locked_memory_is_locked();

/// For what holds secrets and is no Secret itself.
template <class T>
struct LockedAllocator {
  using value_type = T;
  LockedAllocator() = default;
  template <class Other>
  explicit(false) LockedAllocator(const LockedAllocator<Other>&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(take_locked(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) noexcept { give_back_locked(memory, count * sizeof(T)); }
  friend bool operator==(const LockedAllocator&, const LockedAllocator&) { return true; }
};

}  // namespace adit
