// SPDX-License-Identifier: MIT
#include "service/logging.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <mutex>
#include <utility>

#include "service/line_output.h"

namespace adit::service {
namespace {

namespace level = spdlog::level;

level::level_enum to_spdlog(Severity severity) {
  switch (severity) {
    case Severity::trace:
      return level::trace;
    case Severity::debug:
      return level::debug;
    case Severity::info:
      return level::info;
    case Severity::warn:
      return level::warn;
    case Severity::error:
      return level::err;
  }
  return level::info;
}

/// Lines from all over the daemon, which have no fields of their own.
class JournalLog final : public Log {
 public:
  explicit JournalLog(std::shared_ptr<Journal> journal) : journal_(std::move(journal)) {}

 private:
  void put(Severity severity, std::string_view line) override { journal_->write(severity, line); }

  std::shared_ptr<Journal> journal_;
};

/// spdlog's own waits for whoever reads stderr.
class StderrSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    output_.write({line.data(), line.size()});
  }
  void flush_() override {}

 private:
  LineOutput output_{STDERR_FILENO};
};

class StderrLog final : public Log {
 public:
  StderrLog() : logger_("aditd", std::make_shared<StderrSink>()) {
    logger_.set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
    logger_.set_level(level::trace);  // what is wanted has been asked before
  }

 private:
  void put(Severity severity, std::string_view line) override { logger_.log(to_spdlog(severity), line); }

  spdlog::logger logger_;
};

}  // namespace

void set_threshold(Log& log, config::LogLevel wanted) {
  switch (wanted) {
    case config::LogLevel::trace:
      return log.set_threshold(Severity::trace);
    case config::LogLevel::debug:
      return log.set_threshold(Severity::debug);
    case config::LogLevel::info:
      return log.set_threshold(Severity::info);
    case config::LogLevel::warn:
      return log.set_threshold(Severity::warn);
    case config::LogLevel::error:
      return log.set_threshold(Severity::error);
  }
}

Logging make_log(const config::Config& config) {
  Logging logging;
  if (stderr_is_journal()) {
    logging.journal = std::make_shared<Journal>(config.name, crypto::to_base64(config.peer.public_key));
    logging.log = std::make_shared<JournalLog>(logging.journal);
  } else {
    logging.log = std::make_shared<StderrLog>();
  }
  set_threshold(*logging.log, config.log_level);
  return logging;
}

}  // namespace adit::service
