// SPDX-License-Identifier: MIT
// Where log lines go: the journal, when stderr leads there, else stderr.
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "app/journal.h"
#include "config/config.h"

namespace adit::app {

struct Log {
  std::shared_ptr<Journal> journal;  ///< where the logger's lines go; none: to stderr
  std::shared_ptr<spdlog::logger> logger;
};

Log make_log(const config::Config& config);
void set_level(spdlog::logger& log, config::LogLevel wanted);

}  // namespace adit::app
