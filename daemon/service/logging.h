// SPDX-License-Identifier: MIT
// Where log lines go: the journal, when stderr leads there, else stderr.
#pragma once

#include <memory>

#include "base/log.h"
#include "config/config.h"
#include "service/journal.h"

namespace adit::service {

struct Logging {
  std::shared_ptr<Journal> journal;  ///< where the lines go; none: to stderr
  std::shared_ptr<Log> log;
};

Logging make_log(const config::Config& config);
void set_threshold(Log& log, config::LogLevel wanted);

}  // namespace adit::service
