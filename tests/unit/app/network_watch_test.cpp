// SPDX-License-Identifier: MIT
#include "app/network_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adit::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NetworkWatch, OfAnotherNamespaceOnlyTheInterfaceIsKnownHere) {
  const auto seen = seen_from_here({.links_deleted = {2, 7}, .links_up = {2, 3}, .links_down = {7}, .routes = true}, 7);
  EXPECT_THAT(seen.links_deleted, ElementsAre(net::kElsewhere));
  EXPECT_THAT(seen.links_up, IsEmpty()) << "numbers of other interfaces are other interfaces' here";
  EXPECT_THAT(seen.links_down, ElementsAre(net::kElsewhere));
  EXPECT_TRUE(seen.routes);
  EXPECT_FALSE(seen.addresses || seen.overrun);
}

}  // namespace
}  // namespace adit::app
