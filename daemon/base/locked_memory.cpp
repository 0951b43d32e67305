// SPDX-License-Identifier: MIT
#include "base/locked_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cstring>
#include <mutex>
#include <new>

namespace adit {
namespace {

constexpr std::size_t kSlot = 64;
constexpr std::size_t kSlots = 64;
/// Of what slots are in: a page where pages are 4 KB, and a part of one where they are larger.
constexpr std::size_t kSheetSize = kSlot * kSlots;

/// The first slot of a sheet, which says what becomes of the others.
struct Sheet {
  std::uint64_t used;  ///< a bit a slot; that of this one is always set
  Sheet* next;         ///< among those with a free slot
};
static_assert(sizeof(Sheet) <= kSlot);
constexpr std::uint64_t kOwnSlot = 1;
constexpr std::uint64_t kFull = ~std::uint64_t{0};

std::mutex mutex;
Sheet* with_room = nullptr;
std::atomic<bool> all_locked{true};

std::size_t page_size() {
  static const auto kSize = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return kSize;
}

std::size_t whole_pages(std::size_t size) {
  return (size + page_size() - 1) / page_size() * page_size();
}

/// `size` bytes of whole pages between two that cannot be touched.
std::uint8_t* map(std::size_t size) {
  const auto page = page_size();
  void* const all = ::mmap(nullptr, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc();
  auto* const memory = static_cast<std::uint8_t*>(all) + page;
  if (::mprotect(memory, size, PROT_READ | PROT_WRITE) != 0) {
    ::munmap(all, size + 2 * page);
    throw std::bad_alloc();
  }
  if (::mlock(memory, size) != 0) all_locked = false;
  ::madvise(memory, size, MADV_DONTDUMP);
  ::madvise(memory, size, MADV_WIPEONFORK);
  return memory;
}

/// With a page at least that has room. Those whose own slot is empty are a parent's, wiped when this process was
/// forked: what the parent had is not to be had here, and nothing is put there again.
Sheet& sheet_with_room() {
  if (with_room != nullptr && with_room->used == 0) with_room = nullptr;
  if (with_room == nullptr) {
    const auto size = whole_pages(kSheetSize);
    auto* const memory = map(size);
    for (std::size_t at = 0; at + kSheetSize <= size; at += kSheetSize) {
      with_room = ::new (memory + at) Sheet{.used = kOwnSlot, .next = with_room};
    }
  }
  return *with_room;
}

void* take_slot() {
  const std::lock_guard lock(mutex);
  auto& sheet = sheet_with_room();
  const auto slot = static_cast<std::size_t>(std::countr_one(sheet.used));
  sheet.used |= std::uint64_t{1} << slot;
  if (sheet.used == kFull) with_room = sheet.next;
  return reinterpret_cast<std::uint8_t*>(&sheet) + slot * kSlot;
}

void give_back_slot(void* memory) noexcept {
  const auto offset = reinterpret_cast<std::uintptr_t>(memory) % kSheetSize;
  auto& sheet = *reinterpret_cast<Sheet*>(static_cast<std::uint8_t*>(memory) - offset);
  const std::lock_guard lock(mutex);
  if (sheet.used == 0) return;  // a parent's
  if (sheet.used == kFull) {
    sheet.next = with_room;
    with_room = &sheet;
  }
  sheet.used &= ~(std::uint64_t{1} << (offset / kSlot));
}

}  // namespace

void* take_locked(std::size_t size) {
  return size <= kSlot ? take_slot() : map(whole_pages(size));
}

void give_back_locked(void* memory, std::size_t size) noexcept {
  if (memory == nullptr) return;
  ::explicit_bzero(memory, size);
  if (size <= kSlot) return give_back_slot(memory);
  ::munmap(static_cast<std::uint8_t*>(memory) - page_size(), whole_pages(size) + 2 * page_size());
}

bool locked_memory_is_locked() {
  return all_locked;
}

}  // namespace adit
