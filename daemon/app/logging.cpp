// SPDX-License-Identifier: MIT
#include "app/logging.h"

#include <fmt/core.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace adit::app {
namespace {

namespace level = spdlog::level;

level::level_enum to_spdlog(config::LogLevel wanted) {
  switch (wanted) {
    case config::LogLevel::trace:
      return level::trace;
    case config::LogLevel::debug:
      return level::debug;
    case config::LogLevel::info:
      return level::info;
    case config::LogLevel::warn:
      return level::warn;
    case config::LogLevel::error:
      return level::err;
  }
  return level::info;
}

/// stderr is what JOURNAL_STREAM names (systemd.exec): not so for a program started by a unit with its output
/// elsewhere.
bool writes_to_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  return stream != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
         fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

/// "<4>": the priority as sd-daemon has it.
class PriorityFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const char priority = message.level >= level::err    ? '3'
                          : message.level == level::warn ? '4'
                          : message.level == level::info ? '6'
                                                         : '7';
    for (const char letter : {'<', priority, '>'}) out.push_back(letter);
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<PriorityFlag>(); }
};

}  // namespace

void set_level(spdlog::logger& log, config::LogLevel wanted) {
  log.set_level(to_spdlog(wanted));
}

std::shared_ptr<spdlog::logger> make_logger(config::LogLevel wanted) {
  auto logger = std::make_shared<spdlog::logger>("aditd", std::make_shared<spdlog::sinks::stderr_sink_st>());
  logger->set_level(to_spdlog(wanted));
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  if (writes_to_journal()) {
    formatter->add_flag<PriorityFlag>('*').set_pattern("%*%v");
  } else {
    formatter->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
  }
  logger->set_formatter(std::move(formatter));
  return logger;
}

}  // namespace adit::app
