// SPDX-License-Identifier: MIT
#include "client/link_question.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "namespace.h"
#include "temporary_directory.h"

namespace adit::client {
namespace {

TEST(HasFile, IsNotKnownToWhomTheFolderIsClosed) {
  const test::TemporaryDirectory folder;
  const auto& files = folder.path();
  std::ofstream(files / "office.yaml") << "peer:";
  EXPECT_EQ(has_file("office", files), true);
  EXPECT_EQ(has_file("ofice", files), false);
  EXPECT_EQ(has_file("office", files / "none"), false);
  std::filesystem::permissions(files, std::filesystem::perms::none);
  std::thread([&files] {
    net::test::drop_capabilities();  // root's, for whom no folder is closed
    EXPECT_EQ(has_file("office", files), std::nullopt);
  }).join();
  std::filesystem::permissions(files, std::filesystem::perms::owner_all);
}

}  // namespace
}  // namespace adit::client
