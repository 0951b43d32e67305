// SPDX-License-Identifier: MIT
#include "net/netlink_message.h"

#include <new>

#include "base/assert.h"

namespace adit::net {

NetlinkMessage::NetlinkMessage(int type, int flags, Bytes header) : message_(nlmsg_alloc_simple(type, flags)) {
  if (!message_) throw std::bad_alloc();
  ADIT_ASSERT(nlmsg_append(message_.get(), const_cast<std::uint8_t*>(header.data()), header.size(), NLMSG_ALIGNTO) ==
              0);
}

NetlinkMessage& NetlinkMessage::put(int attribute, Bytes bytes) {
  // A message holds a page; ours have a dozen small attributes.
  ADIT_ASSERT(nla_put(message_.get(), attribute, static_cast<int>(bytes.size()), bytes.data()) == 0);
  return *this;
}

NetlinkMessage& NetlinkMessage::put(int attribute, const std::string& text) {
  ADIT_ASSERT(nla_put_string(message_.get(), attribute, text.c_str()) == 0);
  return *this;
}

NetlinkMessage& NetlinkMessage::put_u32(int attribute, std::uint32_t value) {
  ADIT_ASSERT(nla_put_u32(message_.get(), attribute, value) == 0);
  return *this;
}

nlattr* NetlinkMessage::begin(int attribute) {
  auto* nest = nla_nest_start(message_.get(), attribute);
  ADIT_ASSERT(nest != nullptr);
  return nest;
}

NetlinkAttributes::NetlinkAttributes(nlmsghdr* message, std::size_t header_size, int max)
    : found_(static_cast<std::size_t>(max) + 1) {
  nlmsg_parse(message, static_cast<int>(header_size), found_.data(), max, nullptr);
}

NetlinkAttributes::NetlinkAttributes(nlattr* nest, int max) : found_(static_cast<std::size_t>(max) + 1) {
  if (nest != nullptr) nla_parse_nested(found_.data(), max, nest, nullptr);
}

std::optional<std::uint8_t> NetlinkAttributes::u8(int attribute) const {
  auto* found = find(attribute);
  if (found == nullptr || nla_len(found) != 1) return std::nullopt;
  return nla_get_u8(found);
}

std::optional<std::uint32_t> NetlinkAttributes::u32(int attribute) const {
  auto* found = find(attribute);
  if (found == nullptr || nla_len(found) != 4) return std::nullopt;
  return nla_get_u32(found);
}

std::string NetlinkAttributes::text(int attribute) const {
  auto* found = find(attribute);
  if (found == nullptr) return {};
  const std::string_view all(static_cast<const char*>(nla_data(found)), static_cast<std::size_t>(nla_len(found)));
  return std::string(all.substr(0, all.find('\0')));
}

IpAddress NetlinkAttributes::address(int attribute, Family family) const {
  auto* found = find(attribute);
  if (found == nullptr) return {};
  const Bytes bytes(static_cast<const std::uint8_t*>(nla_data(found)), static_cast<std::size_t>(nla_len(found)));
  if (family == Family::v4 && bytes.size() == 4) return IpAddress::v4(bytes.first<4>());
  if (family == Family::v6 && bytes.size() == 16) return IpAddress::v6(bytes.first<16>());
  return {};
}

}  // namespace adit::net
