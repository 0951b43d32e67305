// SPDX-License-Identifier: MIT
#include "link/zone.h"

#include <net/if.h>

#include <array>

namespace adit::link {

std::string interface_name(std::uint32_t index) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(index, name.data()) != nullptr ? name.data() : std::string();
}

void Zone::note(const Endpoint& remote) {
  if (remote.scope == index_) return;
  index_ = remote.scope;
  name_ = index_ == 0 ? std::string() : interface_name(index_);
}

std::optional<Endpoint> Zone::moved(const Endpoint& remote) const {
  if (remote.scope != index_ || name_.empty() || !interface_name(index_).empty()) return std::nullopt;
  auto there = remote;
  there.scope = if_nametoindex(name_.c_str());
  return there.scope == 0 ? std::nullopt : std::optional(there);
}

}  // namespace adit::link
