// SPDX-License-Identifier: MIT
// A name server for tests, on loopback, UDP, in the loop of whoever asks it: answers each question as it is told, or
// not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "net/event_loop.h"
#include "net/udp_socket.h"

namespace adit::net::test {

struct Question {
  std::string name;  ///< "vpn.example.net"
  Family family = Family::none;
  Bytes message;         ///< as it came, perhaps with an EDNS record behind the question
  std::size_t size = 0;  ///< of the message up to the end of the question
};

/// The whole answer, to be sent back; empty: silence.
using Answer = std::vector<std::uint8_t>;

class DnsServer {
 public:
  using Answerer = std::function<Answer(const Question&)>;
  DnsServer(EventLoop& loop, Answerer answerer, const IpAddress& address = *IpAddress::parse("127.0.0.1"),
            std::uint16_t port = 0);

  /// For ResolverOptions::servers.
  std::string address() const { return "127.0.0.1:" + std::to_string(socket_.local_port()); }
  int questions() const { return questions_; }

 private:
  void receive();

  UdpSocket socket_;
  Answerer answerer_;
  int questions_ = 0;
  Watch watch_;
};

enum class Rcode : std::uint8_t { ok = 0, servfail = 2, nxdomain = 3, refused = 5 };

Answer refuse(const Question& question, Rcode code);
/// One record for each address of the family that was asked for; none of them: an empty answer.
Answer answer(const Question& question, const std::vector<IpAddress>& addresses, std::uint32_t time_to_live);

}  // namespace adit::net::test
