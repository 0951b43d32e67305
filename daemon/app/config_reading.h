// SPDX-License-Identifier: MIT
// Reads a configuration beside the packets, in a thread of its own: thousands of routes take a tenth of a second, and a
// file system that is gone (NFS) may never answer.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <vector>

#include "config/reader.h"

namespace adit::app {

class ConfigReading {
 public:
  using Outcome = std::expected<config::Config, std::vector<config::Problem>>;

  /// Begins to read; where no thread is to be had, reads at once.
  ConfigReading(const std::filesystem::path& file, const config::ReadOptions& options);

  bool is_done() const;
  /// Once, when done.
  Outcome take();

 private:
  struct Work;
  std::shared_ptr<Work> work_;  ///< outlives this where the file does not come
};

}  // namespace adit::app
