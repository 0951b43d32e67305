// SPDX-License-Identifier: MIT
// Where log lines go: stderr, which under systemd is the journal. The journal has its own clock and wants to be told a
// line's weight in its own way.
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "config/config.h"

namespace adit::app {

std::shared_ptr<spdlog::logger> make_logger(config::LogLevel wanted);
void set_level(spdlog::logger& log, config::LogLevel wanted);

}  // namespace adit::app
