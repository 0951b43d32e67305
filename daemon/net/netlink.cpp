// SPDX-License-Identifier: MIT
// libnl's own error codes forget which errno they were made of, so the verdict is taken from the message itself.
#include "net/netlink.h"

#include <linux/netlink.h>
#include <netlink/handlers.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <vector>

#include "net/io.h"
#include "net/netlink_message.h"
#include "net/netlink_port.h"
#include "net/system.h"

namespace adit::net {
namespace {

/// Requests in one system call: at first, and at most, which take a millisecond or so.
constexpr std::size_t kFirstBatch = 4;
constexpr std::size_t kBatch = 64;
/// What took longer than that is followed by fewer at a time: packets wait meanwhile.
constexpr Duration kLongBatch = std::chrono::milliseconds(20);
/// libnl numbers its own requests from a random number; a mix-up would only be seen by who waits for both at once.
constexpr std::uint32_t kBatchSequence = 0x4000'0000;
constexpr std::size_t kAnswerBuffer = 32 << 10;
constexpr int kRequestBuffer = 256 << 10;

/// A dump that was disturbed by a change is asked for again that often.
constexpr int kMaxTries = 5;

struct Answer {
  std::uint32_t sequence = 0;  // of the request
  bool complete = false;
  bool disturbed = false;
  NetlinkError error;
  std::vector<std::vector<std::uint8_t>> messages;
};

/// What a message of type NLMSG_ERROR says; null: it is too short to.
const nlmsgerr* verdict_of(const nlmsghdr* message) {
  if (nlmsg_valid_hdr(message, sizeof(nlmsgerr)) == 0) return nullptr;
  return static_cast<const nlmsgerr*>(nlmsg_data(message));
}

std::string explanation_of(nlmsghdr* message, const nlmsgerr& verdict) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  // Between verdict and explanation stands our own request, unless the kernel left its body out.
  const bool capped = (message->nlmsg_flags & NLM_F_CAPPED) != 0;
  const std::size_t request = capped ? NLMSG_HDRLEN : verdict.msg.nlmsg_len;
  if (request < NLMSG_HDRLEN || request > message->nlmsg_len) return {};
  const auto before = sizeof verdict + NLMSG_ALIGN(request) - NLMSG_HDRLEN;
  return NetlinkAttributes(message, before, NLMSGERR_ATTR_MAX).text(NLMSGERR_ATTR_MSG);
}

/// libnl has seen to it that the verdict is whole.
int on_error(sockaddr_nl*, nlmsgerr* verdict, void* argument) {
  auto& answer = *static_cast<Answer*>(argument);
  auto* message = reinterpret_cast<nlmsghdr*>(reinterpret_cast<std::uint8_t*>(verdict) - NLMSG_HDRLEN);
  answer.error = {-verdict->error, explanation_of(message, *verdict)};
  answer.complete = true;
  return NL_STOP;
}

/// What is left over of an earlier exchange is passed by. libnl's own check counts a request that could not be sent,
/// and would for ever wait for its answer before it takes another one.
int is_answer(nl_msg* message, void* argument) {
  return nlmsg_hdr(message)->nlmsg_seq == static_cast<const Answer*>(argument)->sequence ? NL_OK : NL_SKIP;
}

int on_message(nl_msg* message, void* argument) {
  const auto* header = nlmsg_hdr(message);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(header);
  static_cast<Answer*>(argument)->messages.emplace_back(bytes, bytes + header->nlmsg_len);
  return NL_OK;
}

int on_disturbed(nl_msg*, void* argument) {
  static_cast<Answer*>(argument)->disturbed = true;
  return NL_OK;
}

int on_acknowledged(nl_msg*, void* argument) {
  static_cast<Answer*>(argument)->complete = true;
  return NL_STOP;
}

/// The end of a dump; a dump that failed says so only here.
int on_finished(nl_msg* message, void* argument) {
  auto& answer = *static_cast<Answer*>(argument);
  auto* header = nlmsg_hdr(message);
  int status = 0;
  if (nlmsg_datalen(header) >= static_cast<int>(sizeof status)) std::memcpy(&status, nlmsg_data(header), sizeof status);
  if (status < 0) answer.error = {-status, {}};
  answer.complete = true;
  return NL_STOP;
}

Answer exchange(nl_sock* socket, nl_msg* message, const Netlink& netlink) {
  Answer answer;
  nlmsg_hdr(message)->nlmsg_seq = NL_AUTO_SEQ;  // a new number also when it is sent again
  if (nl_send_auto(socket, message) < 0) {
    answer.error = {errno, "the request could not be sent"};
    return answer;
  }
  answer.sequence = nlmsg_hdr(message)->nlmsg_seq;
  nl_cb* callbacks = nl_cb_alloc(NL_CB_DEFAULT);
  nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, &answer);
  nl_cb_set(callbacks, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, is_answer, &answer);
  nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_message, &answer);
  nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_acknowledged, &answer);
  nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_finished, &answer);
  nl_cb_set(callbacks, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_disturbed, &answer);
  while (!answer.complete) {
    if (nl_recvmsgs(socket, callbacks) < 0 && !answer.complete) {
      answer.error = {EPROTO, "the kernel's answer could not be read"};
      break;
    }
    if (!answer.complete) netlink.between();
  }
  nl_cb_put(callbacks);
  return answer;
}

}  // namespace

std::string describe(const NetlinkError& error) {
  auto text = describe(error.code);
  if (!error.explanation.empty()) text += ": " + error.explanation;
  if (error.code == EPERM) {
    text += "; adit needs CAP_NET_ADMIN: run as root, or by the unit (`systemctl start adit@NAME`)";
  }
  return text;
}

bool is_missing_family(const NetlinkError& error) {
  return error.code == EAFNOSUPPORT || error.code == EOPNOTSUPP;
}

namespace {

struct OwnPorts {
  std::mutex mutex;
  std::vector<std::uint32_t> all;
};

OwnPorts& own_ports() {
  static OwnPorts ports;
  return ports;
}

}  // namespace

bool is_port_of_ours(std::uint32_t port) {
  auto& ports = own_ports();
  const std::scoped_lock lock(ports.mutex);
  return std::ranges::find(ports.all, port) != ports.all.end();
}

void NetlinkSocketDeleter::operator()(nl_sock* socket) const {
  auto& ports = own_ports();
  {
    const std::scoped_lock lock(ports.mutex);
    std::erase(ports.all, nl_socket_get_local_port(socket));
  }
  nl_socket_free(socket);
}

Result<Netlink> Netlink::open() {
  NetlinkSocket socket(nl_socket_alloc());
  if (!socket) return fail("out of memory for a netlink socket");
  if (const int error = nl_connect(socket.get(), NETLINK_ROUTE); error < 0) {
    return fail("cannot talk to the kernel about routes (netlink): {}", nl_geterror(error));
  }
  {
    auto& ports = own_ports();
    const std::scoped_lock lock(ports.mutex);
    ports.all.push_back(nl_socket_get_local_port(socket.get()));
  }
  // For a batch's answers, each of which counts for more than its size.
  nl_socket_set_buffer_size(socket.get(), kRequestBuffer, 0);
  const int on = 1;
  const int fd = nl_socket_get_fd(socket.get());
  // Explanations, and dumps that the kernel filters: kernels without them answer more tersely and at more length.
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  return Netlink(std::move(socket));
}

NetlinkResult<> Netlink::request(NetlinkMessage message) {
  return query(std::move(message), [](nlmsghdr*) {});
}

namespace {

/// Of a batch of so many requests.
NetlinkResult<> take_verdicts(int fd, std::vector<std::uint8_t>& answers, std::size_t size,
                              const std::function<void(std::size_t, const NetlinkError&)>& done) {
  for (std::size_t answered = 0; answered < size;) {
    const auto received = recv(fd, answers.data(), answers.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return std::unexpected(NetlinkError{errno, "the kernel's answers could not be read"});
    auto rest = static_cast<int>(received);
    auto* answer = reinterpret_cast<nlmsghdr*>(answers.data());
    for (; nlmsg_ok(answer, rest) != 0; answer = nlmsg_next(answer, &rest)) {
      const auto index = answer->nlmsg_seq - kBatchSequence;
      if (answer->nlmsg_type != NLMSG_ERROR || index >= size) continue;
      const auto* verdict = verdict_of(answer);
      if (verdict == nullptr) return std::unexpected(NetlinkError{EPROTO, "the kernel's answer is cut off"});
      done(index, {-verdict->error, verdict->error == 0 ? std::string() : explanation_of(answer, *verdict)});
      ++answered;
    }
  }
  return {};
}

}  // namespace

NetlinkResult<> Netlink::request_each(std::size_t count, const std::function<NetlinkMessage(std::size_t)>& make,
                                      const std::function<void(std::size_t, const NetlinkError&)>& done) {
  const int fd = nl_socket_get_fd(socket_.get());
  std::vector<std::uint8_t> requests;
  std::vector<std::uint8_t> answers(kAnswerBuffer);
  // Each request waits for a lock that the whole host shares, and who makes and ends containers holds it for long.
  std::size_t batch = kFirstBatch;
  for (std::size_t first = 0, size = 0; first < count; first += size) {
    size = std::min(batch, count - first);
    const auto begun = boot_now();
    requests.clear();
    for (std::size_t i = 0; i < size; ++i) {
      auto message = make(first + i);
      auto* header = nlmsg_hdr(message.get());
      header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
      header->nlmsg_seq = kBatchSequence + static_cast<std::uint32_t>(i);
      header->nlmsg_pid = nl_socket_get_local_port(socket_.get());
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(header);
      requests.insert(requests.end(), bytes, bytes + NLMSG_ALIGN(header->nlmsg_len));
    }
    if (send(fd, requests.data(), requests.size(), 0) < 0) {
      return std::unexpected(NetlinkError{errno, "the requests could not be sent"});
    }
    const auto tell = [&](std::size_t index, const NetlinkError& error) { done(first + index, error); };
    if (auto answered = take_verdicts(fd, answers, size, tell); !answered) return answered;
    batch =
        boot_now() - begun > kLongBatch ? std::max<std::size_t>(batch / 4, 1) : std::min(batch + kFirstBatch, kBatch);
    between();
  }
  return {};
}

NetlinkResult<> Netlink::query(NetlinkMessage message, const std::function<void(nlmsghdr*)>& each) {
  Answer answer;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    answer = exchange(socket_.get(), message.get(), *this);
    if (!answer.disturbed) break;
  }
  if (answer.error.code != 0) return std::unexpected(answer.error);
  for (auto& bytes : answer.messages) each(reinterpret_cast<nlmsghdr*>(bytes.data()));
  return {};
}

NetlinkResult<bool> Netlink::query_some(NetlinkMessage message, std::size_t most,
                                        const std::function<void(nlmsghdr*)>& each) {
  const int fd = nl_socket_get_fd(socket_.get());
  if (!goes_on_) {
    auto* header = nlmsg_hdr(message.get());
    header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = kBatchSequence;
    header->nlmsg_pid = nl_socket_get_local_port(socket_.get());
    if (send(fd, header, header->nlmsg_len, 0) < 0) {
      return std::unexpected(NetlinkError{errno, "the request could not be sent"});
    }
  }
  goes_on_ = true;
  std::vector<std::uint8_t> answers(kAnswerBuffer);
  for (std::size_t count = 0; count < most;) {
    // What is next is there as soon as the last was taken.
    const auto received = recv(fd, answers.data(), answers.size(), MSG_DONTWAIT);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) {
      goes_on_ = received < 0 && errno == ENOBUFS;
      return std::unexpected(NetlinkError{errno, "the kernel's answer could not be read"});
    }
    auto rest = static_cast<int>(received);
    auto* answer = reinterpret_cast<nlmsghdr*>(answers.data());
    for (; nlmsg_ok(answer, rest) != 0; answer = nlmsg_next(answer, &rest), ++count) {
      if (answer->nlmsg_type == NLMSG_DONE || answer->nlmsg_type == NLMSG_ERROR) {
        goes_on_ = false;
        const auto* verdict = answer->nlmsg_type == NLMSG_ERROR ? verdict_of(answer) : nullptr;
        if (verdict != nullptr && verdict->error != 0) return std::unexpected(NetlinkError{-verdict->error, {}});
        return true;
      }
      each(answer);
    }
  }
  return false;
}

}  // namespace adit::net
