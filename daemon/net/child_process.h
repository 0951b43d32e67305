// SPDX-License-Identifier: MIT
// A program beside the loop: started, listened to and, when it takes too long, ended, without the loop ever waiting for
// it. It gets an empty input, the environment it is given and no descriptor but the three; it leads a process group of
// its own, so that what it has started can be ended with it. Knows nothing of why it runs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/event_loop.h"

namespace adit::net {

struct ChildOptions {
  std::vector<std::string> words;        ///< the program, looked for in our own PATH, and its arguments
  std::vector<std::string> environment;  ///< NAME=value, all there is
  Duration timeout;
};

struct ChildEnd {
  enum class How : std::uint8_t {
    exited,     ///< `number`: the exit status
    signalled,  ///< `number`: the signal, and none of ours
    timed_out,  ///< and was ended
    cancelled,  ///< ended by cancel()
    escaped,    ///< not even SIGKILL ended it in time; nobody waits for it any more
  };
  How how = How::exited;
  int number = 0;
  std::uint64_t lines_left_out = 0;  ///< printed beyond kMaxLines

  bool succeeded() const { return how == How::exited && number == 0; }
};

/// What a child prints, cut into lines that are fit for a log: bounded, and harmless to a terminal.
class OutputLines {
 public:
  static constexpr std::size_t kMaxLine = 1000;  ///< bytes; the rest of the line is left out
  static constexpr std::uint64_t kMaxLines = 100;
  using Line = std::function<void(std::string_view line)>;

  explicit OutputLines(Line line) : line_(std::move(line)) {}
  void add(std::string_view bytes);
  /// There is no more: a line without its end is one too.
  void finish();
  std::uint64_t left_out() const { return count_ > kMaxLines ? count_ - kMaxLines : 0; }

 private:
  Line line_;
  std::string pending_;
  std::uint64_t count_ = 0;
};

/// `ended` is called once, last of all, from a callback of the loop; it may destroy the child. The destructor kills
/// what still runs, without waiting for it.
class ChildProcess {
 public:
  /// From SIGTERM to SIGKILL, and from that to looking away.
  static constexpr Duration kGrace = std::chrono::seconds(1);
  using Ended = std::function<void(const ChildEnd& end)>;

  /// The error says why the program could not be run ("No such file or directory").
  static Result<std::unique_ptr<ChildProcess>> start(EventLoop& loop, const ChildOptions& options,
                                                     OutputLines::Line line, Ended ended);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Ends it as its timeout would. `ended` is still called.
  void cancel() { terminate(ChildEnd::How::cancelled); }

 private:
  enum class Stage : std::uint8_t { running, terminating, killing, gone };
  enum class Read : std::uint8_t { some, nothing, over };

  ChildProcess(EventLoop& loop, OutputLines::Line line, Ended ended);
  Result<> spawn(const ChildOptions& options);
  void listen(Duration timeout);
  void terminate(ChildEnd::How why);
  void time_passed();
  Read read_some();
  void read_rest();
  void reap();
  void finish(ChildEnd end);
  void send(int signal) const;

  EventLoop& loop_;
  OutputLines lines_;
  Ended ended_;
  pid_t pid_ = -1;
  Stage stage_ = Stage::gone;
  ChildEnd::How why_ended_ = ChildEnd::How::exited;  ///< by us, if it is another
  FileDescriptor pidfd_;
  FileDescriptor output_;
  Watch end_watch_;
  Watch output_watch_;
  Timer timer_;
};

}  // namespace adit::net
