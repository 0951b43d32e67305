// SPDX-License-Identifier: MIT
// Lines onto a descriptor that perhaps nobody reads: a full pipe, a terminal that was stopped. What finds no room is
// left out, and counted, and never waited for: the packet loop writes here.
#pragma once

#include <cstdint>
#include <string_view>

namespace adit::service {

class LineOutput {
 public:
  explicit LineOutput(int fd) : fd_(fd) {}

  /// `line` ends with its newline.
  void write(std::string_view line);
  /// Lines left out that the reader has not been told of.
  std::uint64_t lost() const { return lost_; }

 private:
  bool put(std::string_view text) const;

  int fd_;
  std::uint64_t lost_ = 0;
};

}  // namespace adit::service
