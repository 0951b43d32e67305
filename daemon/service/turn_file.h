// SPDX-License-Identifier: MIT
// One short line that must outlive a power cut: written in turns to NAME and NAME.2, each with a number that rises and
// a checksum. Whatever becomes of the one that was being written, the other is whole, and it is one turn old.
//
//   LINE #NUMBER CHECKSUM      a file of an earlier release has LINE alone
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

namespace adit::service {

class TurnFile {
 public:
  explicit TurnFile(const std::filesystem::path& path);

  struct Content {
    std::optional<std::string> line;  ///< the newest that is whole; none: there is none
    bool checked = false;             ///< its checksum was right: not of an earlier release
    bool damaged = false;             ///< one is there and not whole: there may have been a newer line
    std::optional<int> error;         ///< one is there and cannot be read (errno)
  };
  /// The turns go on from there.
  Content read();

  struct Turn {
    std::filesystem::path file;
    std::string content;
  };
  /// What is to be written next, and where. `line`: one, without its end.
  Turn next(const std::string& line);

  const std::filesystem::path& path() const { return files_[0]; }

 private:
  std::array<std::filesystem::path, 2> files_;
  std::uint64_t number_ = 0;  ///< of the last turn
  std::size_t turn_ = 1;      ///< whose it was
};

}  // namespace adit::service
