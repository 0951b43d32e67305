// SPDX-License-Identifier: MIT
#include "net/dns_server.h"

namespace adit::net::test {
namespace {

constexpr std::size_t kHeaderSize = 12;
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeAaaa = 28;

/// The only question of a message that c-ares made: no need to doubt it.
Question parse(Bytes message) {
  Question question{.message = message};
  auto rest = message.subspan(kHeaderSize);
  while (rest[0] != 0) {
    if (!question.name.empty()) question.name += '.';
    question.name.append(reinterpret_cast<const char*>(rest.data()) + 1, rest[0]);
    rest = rest.subspan(1 + rest[0]);
  }
  const auto type = load_be16(rest.data() + 1);
  question.size = static_cast<std::size_t>(rest.data() + 5 - message.data());
  question.family = type == kTypeA ? Family::v4 : type == kTypeAaaa ? Family::v6 : Family::none;
  return question;
}

void append_be16(Answer& answer, std::size_t value) {
  answer.push_back(static_cast<std::uint8_t>(value >> 8));
  answer.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace

DnsServer::DnsServer(EventLoop& loop, Answerer answerer, const IpAddress& address, std::uint16_t port)
    : socket_(UdpSocket::open({.family = address.family(), .address = address, .port = port}).value()),
      answerer_(std::move(answerer)),
      watch_(loop.watch(socket_.fd(), EPOLLIN, [this](std::uint32_t) { receive(); })) {}

void DnsServer::receive() {
  std::vector<std::uint8_t> buffer(kMaxDatagram);
  const MutableBytes bytes = buffer;
  std::vector<Datagram> datagrams;
  while (socket_.receive({&bytes, 1}, datagrams).count != 0) {
    for (const auto& datagram : std::exchange(datagrams, {})) {
      ++questions_;
      const auto reply = answerer_(parse(datagram.bytes));
      const OutboundDatagram answer{reply};
      if (!reply.empty()) socket_.send(datagram.path, {&answer, 1});
    }
  }
}

Answer refuse(const Question& question, Rcode code) {
  Answer answer(question.message.begin(), question.message.begin() + static_cast<std::ptrdiff_t>(question.size));
  store_be16(&answer[10], 0);  // no EDNS from us
  answer[2] |= 0x80;           // a response
  answer[3] = static_cast<std::uint8_t>(0x80 | static_cast<std::uint8_t>(code));
  return answer;
}

Answer answer(const Question& question, const std::vector<IpAddress>& addresses, std::uint32_t time_to_live) {
  auto reply = refuse(question, Rcode::ok);
  std::uint16_t count = 0;
  for (const auto& address : addresses) {
    if (address.family() != question.family) continue;
    ++count;
    append_be16(reply, 0xc000 + kHeaderSize);  // the name that was asked for
    append_be16(reply, address.is_v4() ? kTypeA : kTypeAaaa);
    append_be16(reply, 1);  // IN
    append_be16(reply, time_to_live >> 16);
    append_be16(reply, time_to_live & 0xffff);
    append_be16(reply, address.bytes().size());
    reply.insert(reply.end(), address.bytes().begin(), address.bytes().end());
  }
  store_be16(&reply[6], count);
  return reply;
}

}  // namespace adit::net::test
