// SPDX-License-Identifier: MIT
// As long as one of these lives, this process gets no descriptor.
#pragma once

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <system_error>

namespace adit::test {

class NoDescriptors {
 public:
  NoDescriptors() {
    // UBSan asks for an object's type through a pipe, unless it knows the answer: what fails for want of a descriptor
    // could not say so.
    EXPECT_NE(fmt::format("{} {}", "errno", EMFILE), "");
    EXPECT_NE(std::error_code(EMFILE, std::system_category()).message(), "");
    EXPECT_NE(std::error_code(EMFILE, std::generic_category()).message(), "");
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit none{.rlim_cur = 3, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace adit::test
