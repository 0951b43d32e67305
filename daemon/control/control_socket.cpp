// SPDX-License-Identifier: MIT
#include "control/control_socket.h"

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "control/control_protocol.h"
#include "control/wg_protocol.h"
#include "net/io.h"

namespace adit::control {
namespace {

constexpr int kBacklog = 16;
constexpr std::size_t kAcceptsPerTurn = 16;
constexpr std::size_t kReadsPerTurn = 4;
constexpr std::size_t kAnswersPerTurn = 8;
constexpr const char* kGroup = "adit";
constexpr const char* kSharedUser = "adit";
constexpr Duration kPause = std::chrono::seconds(1);

template <class... Args>
[[noreturn]] void give_up(fmt::format_string<Args...> format, Args&&... args) {
  throw std::runtime_error(fmt::format(format, std::forward<Args>(args)...));
}

/// Takes the first `size` bytes out, and leaves no copy of them behind.
void wipe_front(std::string& text, std::size_t size) {
  text.erase(0, size);
  const auto left = text.size();
  text.resize(left + size);
  explicit_bzero(text.data() + left, size);
  text.resize(left);
}

std::string mend(const ControlProtocol& protocol) {
  return fmt::format("make the folder and let this user write it (under systemd: RuntimeDirectory={}), or set {}",
                     protocol.runtime_directory, protocol.variable);
}

sockaddr_un address_of(const std::filesystem::path& path, const ControlProtocol& protocol) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const auto& text = path.native();
  if (text.size() >= sizeof address.sun_path) {
    give_up("the control socket's path {} is longer than the {} bytes a socket's may be: set {} to a shorter folder",
            text, sizeof address.sun_path - 1, protocol.variable);
  }
  text.copy(address.sun_path, text.size());
  return address;
}

FileDescriptor make_socket() {
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) give_up("cannot make a control socket: {}", net::describe(errno));
  return fd;
}

bool somebody_listens(const sockaddr_un& address) {
  const auto probe = make_socket();
  const int result = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  // EAGAIN: it does, and is busy.
  return result == 0 || errno == EAGAIN;
}

/// Not those of a group that somebody's account happens to have, which may be everybody's.
bool may_group_ask(const ControlProtocol& protocol) {
  if (!protocol.for_group) return false;
  const group* const own = ::getgrgid(::getegid());
  return own != nullptr && std::string_view(own->gr_name) == kGroup;
}

/// No moment exists in which others could connect: the file is made without permissions for them.
int bind_privately(int fd, const sockaddr_un& address, bool for_group) {
  const auto before = ::umask(for_group ? 0117 : 0177);
  const int result = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  return result == 0 ? 0 : error;
}

bool is_user_shared() {
  const passwd* const own = ::getpwuid(::geteuid());
  return own != nullptr && std::string_view(own->pw_name) == kSharedUser;
}

/// Whoever made the connection, whoever has it now.
bool is_owner(int fd, bool root_alone) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || (!root_alone && peer.uid == ::geteuid());
}

std::uint64_t inode_of(const std::filesystem::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

const ControlProtocol kJsonLines{
    .end = "\n",
    .too_long = [] { return error_answer(fmt::format("a request has at most {} bytes", ControlSocket::kMaxRequest)); },
    .max_request = ControlSocket::kMaxRequest,
    .reads_on = false,
    .subscribes = asks_for_events,
    .refusal = refusal_to_others,
    .for_group = true,
    .has_keys = false,
    .runtime_directory = "adit",
    .variable = "ADIT_RUN_DIR"};
const ControlProtocol kWgParagraphs{.end = "\n\n",
                                    .too_long = [] { return errno_line(E2BIG); },
                                    .max_request = ControlSocket::kMaxWgRequest,
                                    .reads_on = true,
                                    .subscribes = nullptr,
                                    .refusal = [](std::string_view) { return errno_line(EACCES); },
                                    .for_group = false,
                                    .has_keys = true,
                                    .runtime_directory = "adit-wg",
                                    .variable = "ADIT_WG_DIR"};

ControlSocket::Client::~Client() {
  explicit_bzero(input.data(), input.size());
  explicit_bzero(output.data(), output.size());
}

ControlSocket::ControlSocket(net::EventLoop& loop, const std::filesystem::path& directory, const std::string& name,
                             Answer answer, const ControlProtocol& protocol)
    : loop_(loop),
      path_(directory / (name + ".sock")),
      answer_(std::move(answer)),
      protocol_(protocol),
      for_root_alone_(protocol.has_keys && is_user_shared()),
      resume_(loop, [this] { watch_.set_events(EPOLLIN); }) {
  open();
}

void ControlSocket::open() {
  const auto directory = path_.parent_path();
  std::error_code error;
  if (std::filesystem::create_directories(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms(0755), error);
  }
  if (error)
    give_up("cannot make {} for the control socket ({}): {}", directory.string(), error.message(), mend(protocol_));
  bind();
  watch_ = loop_.watch(fd_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

/// Who has connected stays so.
std::optional<Result<>> ControlSocket::come_back() {
  struct stat status{};
  const bool there = ::lstat(path_.c_str(), &status) == 0;
  if (!there && errno != ENOENT) return std::nullopt;
  if (there && status.st_ino != inode_) {
    return still_lost(fmt::format(
        "what stands there now is somebody else's, and answers in this link's name: see whose it is (`ss -xlp "
        "src {}`), end that, and remove the file",
        path_.string()));
  }
  if (there) {
    lost_.clear();
    return std::nullopt;
  }
  auto before = std::exchange(fd_, {});
  try {
    open();
    lost_.clear();
    return Result<>();
  } catch (const std::runtime_error& error) {
    if (inode_ != 0 && inode_of(path_) == inode_) ::unlink(path_.c_str());
    fd_ = std::move(before);
    return still_lost(error.what());
  }
}

/// Told once.
std::optional<Result<>> ControlSocket::still_lost(std::string why) {
  if (why == lost_) return std::nullopt;
  lost_ = std::move(why);
  return fail("{}", lost_);
}

ControlSocket::~ControlSocket() {
  if (inode_ != 0 && inode_of(path_) == inode_) ::unlink(path_.c_str());
}

void ControlSocket::bind() {
  const auto address = address_of(path_, protocol_);
  fd_ = make_socket();
  const bool for_group = may_group_ask(protocol_);
  int error = bind_privately(fd_.get(), address, for_group);
  if (error == EADDRINUSE) {
    if (somebody_listens(address)) {
      give_up("another aditd serves {}: stop it first (it answers at {})", path_.stem().string(), path_.string());
    }
    ::unlink(path_.c_str());
    error = bind_privately(fd_.get(), address, for_group);
  }
  if (error != 0)
    give_up("cannot make the control socket {} ({}): {}", path_.string(), net::describe(error), mend(protocol_));
  inode_ = inode_of(path_);
  if (::listen(fd_.get(), kBacklog) != 0) {
    const int reason = errno;
    ::unlink(path_.c_str());
    give_up("cannot listen at {}: {}", path_.string(), net::describe(reason));
  }
}

void ControlSocket::accept() {
  for (std::size_t i = 0; i < kAcceptsPerTurn; ++i) {
    FileDescriptor fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      add(std::move(fd));
      continue;
    }
    if (errno == ECONNABORTED || errno == EINTR) continue;
    if (errno == EAGAIN) return;
    // Out of descriptors or memory. The client waits in the kernel, and the event would come again at once.
    pause_accepting();
    return;
  }
}

void ControlSocket::pause_accepting() {
  if (!clients_.empty()) clients_.pop_front();
  watch_.set_events(0);
  resume_.set(loop_.now() + kPause);
}

void ControlSocket::add(FileDescriptor fd) {
  if (clients_.size() >= kMaxClients) {
    // Rather one that asks once more than one that waits for what happens.
    const auto asking = std::ranges::find_if(clients_, [](const Client& each) { return !each.subscribed; });
    clients_.erase(asking == clients_.end() ? clients_.begin() : asking);
  }
  const auto client = clients_.emplace(clients_.end());
  client->fd = std::move(fd);
  client->is_owner = is_owner(client->fd.get(), for_root_alone_);
  try {
    client->watch =
        loop_.watch(client->fd.get(), EPOLLIN, [this, client](std::uint32_t events) { serve(client, events); });
  } catch (const std::system_error&) {  // out of memory: it may come again
    clients_.erase(client);
  }
}

void ControlSocket::serve(ClientPlace client, std::uint32_t events) {
  clients_.splice(clients_.end(), clients_, client);
  const bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && wants_more(*client);
  // One that has closed its sending half may go on reading; gone altogether it would wake us for ever.
  const bool gone = client->finished && (events & (EPOLLHUP | EPOLLERR)) != 0;
  bool alive = !gone && (!readable || receive(*client));
  if (alive) {
    answer_requests(*client);
    alive = send(*client);
  }
  const bool more_requests = client->input.find(protocol_.end) != std::string::npos;
  const bool busy = more_requests || !client->output.empty();
  if (!alive || (client->finished && !busy && !client->subscribed)) {
    clients_.erase(client);
    return;
  }
  // A request that waits for its turn asks to be woken as soon as there is room for its answer, which may be now.
  client->watch.set_events((busy ? EPOLLOUT : 0U) | (wants_more(*client) ? EPOLLIN : 0U));
}

bool ControlSocket::wants_more(const Client& client) const {
  return !client.finished && client.input.size() <= protocol_.max_request && client.output.size() < kMaxUnread;
}

/// False: the connection is broken.
bool ControlSocket::receive(Client& client) const {
  constexpr std::size_t kPart = 16 * 1024;
  // Growing would leave copies of keys behind. Memory that nothing is written to is not taken.
  client.input.reserve(protocol_.max_request + kPart + 1);
  for (std::size_t i = 0; i < kReadsPerTurn; ++i) {
    const auto had = client.input.size();
    client.input.resize(had + kPart);
    const auto size = ::recv(client.fd.get(), client.input.data() + had, kPart, 0);
    const int error = errno;
    client.input.resize(had + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    if (size < 0) return error == EAGAIN || error == EINTR;
    if (size == 0) {
      client.finished = true;  // it may still read: `echo ... | socat` closes its sending half
      return true;
    }
    if (client.input.size() > protocol_.max_request) return true;
  }
  return true;
}

/// `wg` writes all of its request before it reads: closed in between, it would be killed by the signal for that, and
/// nobody would learn why.
void ControlSocket::answer_too_long(Client& client, std::size_t end) const {
  if (!protocol_.reads_on) {
    // Where the next request begins is anybody's guess.
    client.output += protocol_.too_long();
    client.output += protocol_.end;
    wipe_front(client.input, client.input.size());
    client.finished = true;
  } else if (end == std::string::npos) {
    client.too_long = true;
    wipe_front(client.input, client.input.size() - std::min(client.input.size(), protocol_.end.size() - 1));
  } else {
    client.too_long = false;
    client.output += protocol_.too_long();
    client.output += protocol_.end;
    wipe_front(client.input, end + protocol_.end.size());
  }
}

/// Answers what is complete, a few requests at a time and as long as the answers find room.
void ControlSocket::answer_requests(Client& client) {
  for (std::size_t i = 0; i < kAnswersPerTurn && client.output.size() < kMaxUnread; ++i) {
    const auto end = client.input.find(protocol_.end);
    if (client.too_long || std::min(end, client.input.size()) > protocol_.max_request) {
      answer_too_long(client, end);
      if (client.too_long || client.finished) return;
      continue;
    }
    if (end == std::string::npos) return;
    const auto request = std::string_view(client.input).substr(0, end);
    auto answer = client.is_owner ? std::string() : protocol_.refusal(request);
    if (answer.empty()) {
      answer = answer_(request);
      client.subscribed |= protocol_.subscribes != nullptr && protocol_.subscribes(request);
    }
    client.output += answer;
    client.output += protocol_.end;
    explicit_bzero(answer.data(), answer.size());
    wipe_front(client.input, end + protocol_.end.size());
  }
}

void ControlSocket::publish(std::string_view line, std::string (*lost)(std::uint64_t count)) {
  for (auto next = clients_.begin(); next != clients_.end();) {
    const auto client = next++;
    if (!client->subscribed) continue;
    if (client->output.size() + line.size() > kMaxUnread) {
      ++client->lost;
      continue;
    }
    if (const auto count = std::exchange(client->lost, 0); count != 0) {
      client->output += lost(count);
      client->output += protocol_.end;
    }
    client->output += line;
    client->output += protocol_.end;
    client->watch.set_events(EPOLLOUT | (wants_more(*client) ? EPOLLIN : 0U));
  }
}

/// False: the connection is broken.
bool ControlSocket::send(Client& client) {
  while (!client.output.empty()) {
    const auto size = ::send(client.fd.get(), client.output.data(), client.output.size(), MSG_NOSIGNAL);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    wipe_front(client.output, static_cast<std::size_t>(size));
  }
  return true;
}

}  // namespace adit::control
