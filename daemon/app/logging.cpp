// SPDX-License-Identifier: MIT
#include "app/logging.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <utility>

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

/// Lines from all over the daemon, which have no fields of their own.
class JournalSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit JournalSink(std::shared_ptr<Journal> journal) : journal_(std::move(journal)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    journal_->write(line.level, {line.payload.data(), line.payload.size()});
  }
  void flush_() override {}

 private:
  std::shared_ptr<Journal> journal_;
};

}  // namespace

void set_level(spdlog::logger& log, config::LogLevel wanted) {
  log.set_level(to_spdlog(wanted));
}

Log make_log(const config::Config& config) {
  Log log;
  spdlog::sink_ptr sink;
  if (stderr_is_journal()) {
    log.journal = std::make_shared<Journal>(config.name, crypto::to_base64(config.peer.public_key));
    sink = std::make_shared<JournalSink>(log.journal);
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
    sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
  }
  log.logger = std::make_shared<spdlog::logger>("aditd", std::move(sink));
  set_level(*log.logger, config.log_level);
  return log;
}

}  // namespace adit::app
