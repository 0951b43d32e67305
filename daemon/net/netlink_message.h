// SPDX-License-Identifier: MIT
// Writing and reading one rtnetlink message: a fixed header and attributes. For the netlink_*.cpp files only.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"

namespace adit::net {

class NetlinkMessage {
 public:
  /// `header` is the message type's fixed part: ifinfomsg, rtmsg…
  template <class Header>
  NetlinkMessage(int type, int flags, const Header& header)
      : NetlinkMessage(type, flags, Bytes(reinterpret_cast<const std::uint8_t*>(&header), sizeof header)) {}
  NetlinkMessage(int type, int flags, Bytes header);

  NetlinkMessage& put(int attribute, Bytes bytes);
  NetlinkMessage& put(int attribute, const IpAddress& address) { return put(attribute, address.bytes()); }
  NetlinkMessage& put(int attribute, const std::string& text);
  NetlinkMessage& put_u8(int attribute, std::uint8_t value) { return put(attribute, Bytes(&value, 1)); }
  NetlinkMessage& put_u32(int attribute, std::uint32_t value);
  /// What is put until the matching end() goes inside.
  nlattr* begin(int attribute);
  void end(nlattr* nest) { nla_nest_end(message_.get(), nest); }

  nl_msg* get() { return message_.get(); }

 private:
  struct Deleter {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
  };
  std::unique_ptr<nl_msg, Deleter> message_;
};

/// The attributes of a received message or nest; those that are absent or of another size are none.
class NetlinkAttributes {
 public:
  NetlinkAttributes(nlmsghdr* message, std::size_t header_size, int max);
  NetlinkAttributes(nlattr* nest, int max);

  nlattr* find(int attribute) const { return found_[static_cast<std::size_t>(attribute)]; }
  std::optional<std::uint8_t> u8(int attribute) const;
  std::optional<std::uint32_t> u32(int attribute) const;
  std::string text(int attribute) const;
  IpAddress address(int attribute, Family family) const;

 private:
  std::vector<nlattr*> found_;
};

/// The fixed part of a received message; zeros where it is cut off.
template <class Header>
Header header_of(const nlmsghdr* message) {
  Header header{};
  const auto there = static_cast<std::size_t>(std::max(nlmsg_datalen(message), 0));
  std::memcpy(&header, nlmsg_data(message), std::min(sizeof header, there));
  return header;
}

}  // namespace adit::net
