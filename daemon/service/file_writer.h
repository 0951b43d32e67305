// SPDX-License-Identifier: MIT
// Small files, replaced whole, on a disk that may not answer: a dead network file system must not hold up packets. A
// thread of its own does the writing, from the first file on.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"

namespace adit::service {

/// A reader, or a start after a crash, sees the old content or the new one, never half of it. Waits as long as it
/// takes.
Result<> replace_file(const std::filesystem::path& path, const std::string& content);

class FileWriter {
 public:
  /// A disk that takes longer than that does its work later, and nobody waits for it again until it has.
  static constexpr std::chrono::milliseconds kPatience{20};
  /// At the end what is still to be written gets this long.
  static constexpr std::chrono::seconds kLastPatience{1};

  explicit FileWriter(std::chrono::milliseconds patience = kPatience);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  /// As replace_file. Of several contents for one file that wait, the last is written. The error is a sentence.
  Result<> write(const std::filesystem::path& path, const std::string& content);
  /// Likewise, and nobody waits: the error is that of the last file written this way, of whatever path.
  Result<> write_later(const std::filesystem::path& path, const std::string& content);

 private:
  struct Work;
  bool start();
  static void run(const std::shared_ptr<Work>& work);

  std::chrono::milliseconds patience_;
  std::shared_ptr<Work> work_;  ///< outlives this where the disk does not answer
};

}  // namespace adit::service
