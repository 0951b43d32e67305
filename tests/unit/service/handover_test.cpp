// SPDX-License-Identifier: MIT
#include "service/handover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace adit::service {
namespace {

SessionFacts usual() {
  return {.boot = "boot-1",
          .sockets = "sockets",
          .endpoints = crypto::Hash{1, 2, 3},
          .tun_existed = true,
          .tun_moved = true,
          .link = {.name = {}, .mtu = 1300, .queue_length = 20, .up = true, .multicast = true, .address_generation = 1},
          .mtu = 1420};
}

FileDescriptor written(const SessionFacts& facts = usual()) {
  tunnel::SavedTunnelHolder holder;
  holder.saved.sessions[1].present = true;
  holder.saved.sessions[1].next_counter = 77;
  auto file = write_session(holder.saved, facts);
  EXPECT_TRUE(file) << file.error().message;
  return std::move(*file);
}

TEST(Handover, WhatWasWrittenIsReadOnce) {
  const auto file = written();
  const FileDescriptor second(dup(file.get()));  // as the service manager has one
  tunnel::SavedTunnelHolder holder;
  const auto facts = consume_session(file, holder.saved);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->boot, "boot-1");
  EXPECT_EQ(facts->sockets, "sockets");
  EXPECT_EQ(facts->endpoints, usual().endpoints);
  EXPECT_TRUE(facts->tun_existed);
  EXPECT_TRUE(facts->tun_moved);
  EXPECT_EQ(facts->link.mtu, 1300u);
  EXPECT_EQ(facts->link.queue_length, 20u);
  EXPECT_TRUE(facts->link.up);
  EXPECT_TRUE(facts->link.multicast);
  EXPECT_EQ(facts->link.address_generation, 1);
  EXPECT_EQ(facts->mtu, 1420u);
  EXPECT_EQ(holder.saved.sessions[1].next_counter, 77u);

  tunnel::SavedTunnelHolder again;
  EXPECT_FALSE(consume_session(file, again.saved));
  EXPECT_FALSE(consume_session(second, again.saved));
  EXPECT_FALSE(again.saved.sessions[1].present);
}

TEST(Handover, AnInterfaceWithoutIpv6IsStillOneWithoutInTheNextRun) {
  auto facts = usual();
  facts.link = {.name = {}, .mtu = 1500, .queue_length = 500};
  tunnel::SavedTunnelHolder holder;
  const auto read = consume_session(written(facts), holder.saved);
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
  EXPECT_FALSE(consume_session(read_only, holder.saved));
  EXPECT_FALSE(holder.saved.sessions[1].present);
}

TEST(Handover, WhatIsNoSessionIsNotTakenForOne) {
  tunnel::SavedTunnelHolder holder;
  EXPECT_FALSE(consume_session(FileDescriptor(), holder.saved));
  const FileDescriptor cut(written());
  struct stat status{};
  ASSERT_EQ(fstat(cut.get(), &status), 0);
  ASSERT_EQ(ftruncate(cut.get(), status.st_size - 1), 0);
  EXPECT_FALSE(consume_session(cut, holder.saved));
  const FileDescriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(consume_session(null, holder.saved));
}

TEST(Handover, FactsThatDoNotFitAreAnErrorAndNotCut) {
  const tunnel::SavedTunnelHolder holder;
  EXPECT_FALSE(write_session(holder.saved, {.boot = std::string(1000, 'x')}));
  EXPECT_FALSE(write_session(holder.saved, {.sockets = std::string(1000, 'x')}));
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
