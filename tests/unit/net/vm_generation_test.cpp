// SPDX-License-Identifier: MIT
#include "net/vm_generation.h"

#include <gtest/gtest.h>

#include <string>

namespace adit::net {
namespace {

using std::string_literals::operator""s;
using std::chrono_literals::operator""ms;

// As the kernel's drivers/virt/vmgenid.c has it sent, by ACPI and by a device tree.
const auto kAcpi =
    "change@/devices/LNXSYSTM:00/LNXSYBUS:00/VMGENCTR:00\0ACTION=change\0"
    "DEVPATH=/devices/LNXSYSTM:00/LNXSYBUS:00/VMGENCTR:00\0SUBSYSTEM=acpi\0NEW_VMGENID=1\0SEQNUM=1714\0"s;
const auto kLast = "change@/devices/platform/vmgenid\0ACTION=change\0NEW_VMGENID=1"s;

TEST(VmGeneration, ANewOneIsWhatTheKernelSaysItIs) {
  EXPECT_TRUE(is_new_vm_generation(kAcpi));
  EXPECT_TRUE(is_new_vm_generation(kLast));
}

TEST(VmGeneration, NothingElseIsOne) {
  for (const auto& other :
       {""s, "\0"s, "change@/devices/x"s, "change@/devices/x\0ACTION=change\0SUBSYSTEM=acpi\0SEQNUM=3\0"s,
        "change@/x\0NEW_VMGENID=0\0"s, "change@/x\0NEW_VMGENID=1x\0"s, "change@/x\0XNEW_VMGENID=1\0"s,
        "change@/NEW_VMGENID=1\0"s, "add@/x\0NEW_VMGENID=1\0"s, "NEW_VMGENID=1\0"s, "libudev\0NEW_VMGENID=1\0"s}) {
    EXPECT_FALSE(is_new_vm_generation(other)) << other;
  }
}

TEST(VmGeneration, IsHeardOfWhereThereAreUevents) {
  EventLoop loop;
  int heard = 0;
  const VmGenerationWatch watch(loop, [&heard] { ++heard; });
  EXPECT_TRUE(watch.works());
  loop.run_once(0ms);
  EXPECT_EQ(heard, 0);
}

}  // namespace
}  // namespace adit::net
