// SPDX-License-Identifier: MIT
#include "app/config_reading.h"

#include <atomic>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "crypto/wipe_stack.h"

namespace adit::app {

struct ConfigReading::Work {
  std::optional<Outcome> outcome;
  std::atomic<bool> done = false;
};

ConfigReading::ConfigReading(const std::filesystem::path& file, const config::ReadOptions& options)
    : work_(std::make_shared<Work>()) {
  const auto read = [work = work_, file, options] {
    {
      const crypto::WipedStack wiped(crypto::kConfigStack);  // a thread's stack is kept for the next one
      work->outcome = config::read_config(file, options);
    }
    work->done = true;
  };
  try {
    std::thread(read).detach();
  } catch (const std::system_error&) {
    read();
  }
}

bool ConfigReading::is_done() const {
  return work_->done;
}

ConfigReading::Outcome ConfigReading::take() {
  return std::move(*work_->outcome);
}

}  // namespace adit::app
