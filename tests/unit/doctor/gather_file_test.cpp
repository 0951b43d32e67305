// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "config/folder.h"
#include "doctor/gather.h"

namespace adit::doctor {
namespace {

using config::Folder;
using config::Parts;

Facts facts_of(const std::filesystem::path& file) {
  Facts facts;
  facts.file = file;
  gather_file(facts);
  return facts;
}

TEST(GatherFile, HasTheFilesPermissionsAndWhatIsInIt) {
  const Folder folder;
  for (const ::mode_t mode : {0600U, 0640U, 0604U}) {
    const auto facts = facts_of(folder.write("office.yaml", Parts().text(), mode));
    EXPECT_EQ(facts.file_facts.mode, mode);
    EXPECT_NE(facts.file_facts.owner, "");
  }
  const auto facts = facts_of(folder.write("office.yaml", Parts().text()));
  EXPECT_EQ(facts.file_facts.state, FileState::valid);
  ASSERT_NE(facts.config(), nullptr);
  EXPECT_EQ(facts.config()->interface.name, "office");
}

TEST(GatherFile, ToldApartAreAFileWithMistakesAndNone) {
  const Folder folder;
  const auto broken = facts_of(folder.write("office.yaml", Parts{.local = "  private_kee: x\n"}.text()));
  EXPECT_EQ(broken.file_facts.state, FileState::invalid);
  EXPECT_FALSE(broken.file_facts.problems.empty());
  EXPECT_EQ(broken.config(), nullptr);
  const auto missing = facts_of(folder / "branch.yaml");
  EXPECT_EQ(missing.file_facts.state, FileState::missing);
  EXPECT_EQ(missing.file_facts.mode, 0U);
}

}  // namespace
}  // namespace adit::doctor
