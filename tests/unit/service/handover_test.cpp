// SPDX-License-Identifier: MIT
#include "service/handover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace adit::service {
namespace {

SessionFacts usual() {
  return {.boot = "boot-1",
          .endpoints = crypto::Hash{1, 2, 3},
          .tun_existed = true,
          .tun_moved = true,
          .link = {.name = {},
                   .mtu = 1300,
                   .queue_length = 20,
                   .up = true,
                   .multicast = true,
                   .address_generation = 1,
                   .bridge = 5},
          .bridge = 6,
          .mtu = 1420,
          .suspended = std::chrono::milliseconds(5250),
          .down_ran = true};
}

constexpr Instant kNow{std::chrono::hours(1)};

FileDescriptor written(const SessionFacts& facts = usual()) {
  tunnel::SavedTunnelHolder holder;
  holder.saved.sessions[1].present = true;
  holder.saved.sessions[1].next_counter = 77;
  holder.saved.sessions[1].created = kNow;
  auto& status = holder.saved.status;
  status.handshake_at = kNow;
  status.handshake_time = {std::chrono::hours(24 * 365 * 70)};  // 2040
  status.reached_at = kNow;
  status.large = 9;
  status.problem = tunnel::HandshakeProblem{.reason = tunnel::DropReason::wrong_key,
                                            .from = Endpoint::parse("[2001:db8::1]:7").value(),
                                            .key = {},
                                            .when = status.handshake_time,
                                            .by_peer = true};
  holder.saved.path.remote = Endpoint::parse("192.0.2.7:51820").value();
  holder.saved.path.remote.scope = 3;
  holder.saved.keepalive = std::chrono::seconds(25);
  auto file = make_session_file().value();
  const auto done = write_session(file, holder.saved, facts);
  EXPECT_TRUE(done) << done.error().message;
  return file;
}

TEST(Handover, WhatWasWrittenIsReadOnce) {
  const auto file = written();
  const FileDescriptor second(dup(file.get()));  // as the service manager has one
  tunnel::SavedTunnelHolder holder;
  const auto facts = consume_session(file, holder.saved, kNow);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->boot, "boot-1");
  EXPECT_TRUE(facts->session);
  EXPECT_EQ(facts->endpoints, usual().endpoints);
  EXPECT_TRUE(facts->tun_existed);
  EXPECT_TRUE(facts->tun_moved);
  EXPECT_EQ(facts->link.mtu, 1300u);
  EXPECT_EQ(facts->link.queue_length, 20u);
  EXPECT_TRUE(facts->link.up);
  EXPECT_TRUE(facts->link.multicast);
  EXPECT_EQ(facts->link.address_generation, 1);
  EXPECT_EQ(facts->link.bridge, 5u);
  EXPECT_EQ(facts->bridge, 6u);
  EXPECT_EQ(facts->mtu, 1420u);
  EXPECT_EQ(facts->suspended, std::chrono::milliseconds(5250));
  EXPECT_TRUE(facts->down_ran);
  EXPECT_EQ(holder.saved.sessions[1].next_counter, 77u);
  EXPECT_EQ(holder.saved.sessions[1].created, kNow);
  EXPECT_FALSE(holder.saved.sessions[0].present);
  const auto& status = holder.saved.status;
  EXPECT_EQ(status.handshake_time, WallTime{std::chrono::hours(24 * 365 * 70)});
  EXPECT_EQ(status.heard_at, std::nullopt);
  EXPECT_EQ(status.reached_at, kNow);
  EXPECT_EQ(status.large, 9U);
  ASSERT_TRUE(status.problem);
  EXPECT_EQ(status.problem->reason, tunnel::DropReason::wrong_key);
  EXPECT_EQ(to_string(status.problem->from), "[2001:db8::1]:7");
  EXPECT_TRUE(status.problem->by_peer);
  auto remote = Endpoint::parse("192.0.2.7:51820").value();
  remote.scope = 3;
  EXPECT_EQ(holder.saved.path.remote, remote);
  EXPECT_EQ(holder.saved.keepalive, std::chrono::seconds(25));

  tunnel::SavedTunnelHolder again;
  EXPECT_FALSE(consume_session(file, again.saved, kNow));
  EXPECT_FALSE(consume_session(second, again.saved, kNow));
  EXPECT_FALSE(again.saved.sessions[1].present);
}

TEST(Handover, AnInterfaceWithoutIpv6IsStillOneWithoutInTheNextRun) {
  auto facts = usual();
  facts.link = {.name = {}, .mtu = 1500, .queue_length = 500};
  tunnel::SavedTunnelHolder holder;
  const auto read = consume_session(written(facts), holder.saved, kNow);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->link.up);
  EXPECT_FALSE(read->link.multicast);
  EXPECT_EQ(read->link.address_generation, std::nullopt);
}

TEST(Handover, NobodyCanWriteItButWhoMadeIt) {
  const auto file = written();
  EXPECT_EQ(pwrite(file.get(), "x", 1, 0), -1);
  EXPECT_EQ(ftruncate(file.get(), 1 << 20), -1);
}

TEST(Handover, WhatCannotBeEmptiedIsNotUsed) {
  const auto file = written();
  const FileDescriptor read_only(open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(read_only);
  tunnel::SavedTunnelHolder holder;
  EXPECT_FALSE(consume_session(read_only, holder.saved, kNow));
  EXPECT_FALSE(holder.saved.sessions[1].present);
}

TEST(Handover, WhatIsNoSessionIsNotTakenForOne) {
  tunnel::SavedTunnelHolder holder;
  EXPECT_FALSE(consume_session(FileDescriptor(), holder.saved, kNow));
  const FileDescriptor cut(written());
  struct stat status{};
  ASSERT_EQ(fstat(cut.get(), &status), 0);
  ASSERT_EQ(ftruncate(cut.get(), status.st_size - 1), 0);
  EXPECT_FALSE(consume_session(cut, holder.saved, kNow)->session);
  const FileDescriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(consume_session(null, holder.saved, kNow));
}

/// The bytes of `file`, with some changed, as a file of their own.
FileDescriptor forged(const FileDescriptor& file, const std::function<void(std::string&)>& change) {
  std::string bytes(1 << 16, '\0');
  bytes.resize(static_cast<std::size_t>(pread(file.get(), bytes.data(), bytes.size(), 0)));
  change(bytes);
  auto other = make_session_file().value();
  EXPECT_EQ(write(other.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return other;
}

TEST(Handover, AnotherReleasesSessionIsNotUsedAndItsFactsAre) {
  const auto other = forged(written(), [](std::string& bytes) {
    const auto at = bytes.find("session=") + 8;
    bytes[at] = bytes[at] == '0' ? '1' : '0';
    bytes.insert(bytes.find("\nmtu=") + 1, "colour=blue\n");  // which we know nothing of
    bytes.erase(bytes.find("down_ran=1\n"), 11);              // and one that it knows nothing of
  });
  tunnel::SavedTunnelHolder holder;
  const auto facts = consume_session(other, holder.saved, kNow);
  ASSERT_TRUE(facts);
  EXPECT_FALSE(facts->session);
  EXPECT_EQ(facts->boot, "boot-1");
  EXPECT_EQ(facts->mtu, 1420u);
  EXPECT_TRUE(facts->tun_existed);
  EXPECT_FALSE(facts->down_ran);
}

TEST(Handover, OfWhoDoesNotSayWhenItWasLastAtWorkAnySuspendIsLater) {
  const auto other =
      forged(written(), [](std::string& bytes) { bytes.erase(bytes.find("suspended=5250000000\n"), 21); });
  tunnel::SavedTunnelHolder holder;
  const auto facts = consume_session(other, holder.saved, kNow);
  ASSERT_TRUE(facts);
  EXPECT_TRUE(facts->session);
  EXPECT_EQ(facts->suspended, Duration::zero());
}

TEST(Handover, FactsInAnotherFormAreNotRead) {
  tunnel::SavedTunnelHolder holder;
  const auto changed = [&](const std::function<void(std::string&)>& change) {
    return consume_session(forged(written(), change), holder.saved, kNow).has_value();
  };
  EXPECT_TRUE(changed([](std::string&) {}));
  EXPECT_FALSE(changed([](std::string& bytes) { ++bytes[bytes.find('\n') - 1]; })) << "of a later version";
  EXPECT_FALSE(changed([](std::string& bytes) { bytes.erase(0, bytes.find('\n') + 1); })) << "of none";
  EXPECT_FALSE(holder.saved.sessions[0].present);
}

TEST(Handover, WhatIsNoValueOfItsTypeIsRefused) {
  const auto begin = [](const std::string& bytes) { return bytes.find("\n\n") + 2; };
  constexpr std::size_t kPresent = 64;  // behind two keys: whether there is a next session
  constexpr std::size_t kRole = kPresent + 1 + 64 + 8;
  constexpr std::size_t kCreated = kRole + 1;
  for (const auto& [place, value] :
       {std::pair{kPresent, 2}, {kPresent, 0xff}, {kRole, 2}, {kCreated + 7, 0x80}, {kCreated + 7, 0x10}}) {
    const auto other =
        forged(written(), [&](std::string& bytes) { bytes[begin(bytes) + place] = static_cast<char>(value); });
    tunnel::SavedTunnelHolder holder;
    const auto facts = consume_session(other, holder.saved, kNow);
    ASSERT_TRUE(facts);
    EXPECT_FALSE(facts->session) << place;
  }
  const auto same = forged(written(), [&](std::string& bytes) { bytes[begin(bytes) + kPresent] = 1; });
  tunnel::SavedTunnelHolder holder;
  EXPECT_TRUE(consume_session(same, holder.saved, kNow)->session);
}

TEST(Handover, FactsThatDoNotFitAreAnErrorAndNotCut) {
  const tunnel::SavedTunnelHolder holder;
  EXPECT_FALSE(write_session(make_session_file().value(), holder.saved, {.boot = std::string(1000, 'x')}));
  EXPECT_FALSE(write_session(make_session_file().value(), holder.saved, {.boot = "a\nmtu=1"}));
}

/// Stands in for the service manager until it is asked whether it has all: the names under which descriptors came.
class Store {
 public:
  Store() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_ = "@adit-handover-" + std::to_string(getpid());
    std::memcpy(address.sun_path + 1, name_.data() + 1, name_.size() - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    thread_ = std::thread([this] { take(); });
  }
  const std::string& name() const { return name_; }
  std::vector<std::string> names() {
    thread_.join();
    return names_;
  }

 private:
  void take() {
    for (;;) {
      std::array<char, 256> text{};
      alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
      iovec part{.iov_base = text.data(), .iov_len = text.size()};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      const auto size = recvmsg(socket_.get(), &message, 0);
      if (size < 0) return;
      int fd = -1;
      if (const auto* const rights = CMSG_FIRSTHDR(&message)) std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
      const FileDescriptor passed(fd);  // closed: what the barrier waits for
      const std::string_view lines(text.data(), static_cast<std::size_t>(size));
      if (lines.starts_with("BARRIER")) return;
      EXPECT_TRUE(passed);
      names_.emplace_back(lines.substr(lines.find("FDNAME=") + 7));
    }
  }

  FileDescriptor socket_;
  std::string name_;
  std::vector<std::string> names_;
  std::thread thread_;
};

/// Should there be room for fewer, the link goes on with what came first.
TEST(Handover, TheFurtherQueuesOfTheInterfaceAreKeptBehindAllElse) {
  const auto some = [] { return FileDescriptor(::open("/dev/null", O_RDWR | O_CLOEXEC)); };
  Estate estate{
      .tun = some(), .tun_queues = {}, .tun_writer = some(), .udp4 = some(), .udp6 = {}, .session = written()};
  for (int i = 0; i < 3; ++i) estate.tun_queues.push_back(some());
  Store manager;
  setenv("NOTIFY_SOCKET", manager.name().c_str(), 1);
  EXPECT_TRUE(store(estate));
  unsetenv("NOTIFY_SOCKET");
  EXPECT_EQ(manager.names(), (std::vector<std::string>{"tun", "udp4", "session", "queue", "tun", "tun", "tun"}));
}

TEST(Handover, QueuesOfTheInterfaceAreTakenInWhateverOrderTheyCome) {
  const auto take = [] {
    const FileDescriptor some(fcntl(::open("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, 100));
    for (int place = 3; place < 8; ++place) dup2(some.get(), place);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "5", 1);
    setenv("LISTEN_FDNAMES", "tun:queue:tun:udp4:tun", 1);
    const auto estate = take_estate();
    const bool all = estate.tun.get() == 3 && estate.tun_writer.get() == 4 && estate.udp4.get() == 6;
    _exit(all && estate.tun_queues.size() == 2 ? 0 : 1);
  };
  EXPECT_EXIT(take(), testing::ExitedWithCode(0), "");
}

TEST(Handover, EachQueueNeedsDescriptorsOfItsOwn) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit tight{.rlim_cur = 20, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  EXPECT_FALSE(why_no_successor(1));
  const auto why = why_no_successor(4);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->message, "a new run takes 24 descriptors, and 20 are allowed (ulimit -n)");
}

TEST(Handover, WithoutAServiceManagerNothingIsKeptAndNothingFound) {
  unsetenv("NOTIFY_SOCKET");
  unsetenv("LISTEN_PID");
  EXPECT_FALSE(take_estate().tun);
  Estate estate;
  estate.session = written();
  EXPECT_FALSE(store(estate));
  empty_store();
}

}  // namespace
}  // namespace adit::service
