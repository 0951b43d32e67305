// SPDX-License-Identifier: MIT
#include "host/link_number.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>

#include "base/file_descriptor.h"

namespace adit::host {
namespace {

constexpr std::uint32_t kNumberBase = 0x0ad1'0000;
constexpr std::size_t kLongestName = 256;

/// Who has the number; none: nobody. Whatever else bears the file's name is not waited for.
std::optional<std::string> owner_of(const std::filesystem::path& file) {
  const FileDescriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return std::nullopt;
  std::array<char, kLongestName> name{};
  const auto size = read(fd.get(), name.data(), name.size());
  return std::string(name.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
}

/// True: it is ours. A file under a name of its own first, so that no other link sees one that is half written.
bool take(const std::filesystem::path& file, std::string_view name) {
  const auto draft = fmt::format("{}.{}", file.string(), getpid());
  const FileDescriptor fd(
      open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
  if (!fd) return false;
  const bool written = write(fd.get(), name.data(), name.size()) == static_cast<ssize_t>(name.size());
  const bool taken = written && link(draft.c_str(), file.c_str()) == 0;
  unlink(draft.c_str());
  return taken;
}

std::uint32_t find(const std::filesystem::path& directory, std::string_view name, bool claim) {
  const auto first = link_number(name);
  for (std::uint32_t step = 0; step <= kLinkNumberMask; ++step) {
    const auto number = kNumberBase | ((first + step) & kLinkNumberMask);
    const auto file = directory / fmt::format("{:x}", number);
    auto owner = owner_of(file);
    if (!owner && (!claim || take(file, name))) return claim ? number : first;
    if (!owner) owner = owner_of(file);  // another link was faster, or nothing can be written there
    if (!owner) return first;
    if (*owner == name) return number;
  }
  return first;
}

}  // namespace

std::uint32_t link_number(std::string_view name) {
  // FNV-1a: any function that spreads names would do, as long as it never changes.
  std::uint32_t hash = 2'166'136'261;
  for (const char letter : name) hash = (hash ^ static_cast<std::uint8_t>(letter)) * 16'777'619;
  return kNumberBase | ((hash ^ hash >> 16) & kLinkNumberMask);
}

bool is_link_number(std::uint32_t number) {
  return (number & ~kLinkNumberMask) == kNumberBase;
}

std::uint32_t claim_link_number(const std::filesystem::path& directory, std::string_view name) {
  mkdir(directory.c_str(), 0755);
  return find(directory, name, true);
}

std::uint32_t look_up_link_number(const std::filesystem::path& directory, std::string_view name) {
  return find(directory, name, false);
}

std::string name_of_link_number(const std::filesystem::path& directory, std::uint32_t number) {
  return owner_of(directory / fmt::format("{:x}", number)).value_or("");
}

bool has_link_number(const std::filesystem::path& directory, std::string_view name) {
  return owner_of(directory / fmt::format("{:x}", look_up_link_number(directory, name))) == name;
}

}  // namespace adit::host
