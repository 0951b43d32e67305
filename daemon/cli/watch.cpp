// SPDX-License-Identifier: MIT
// The screen is ncurses': it knows terminals, redraws what changed, and follows their size.
#include "cli/watch.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "cli/commands.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "cli/watch_view.h"
#include "client/link_question.h"

// After everything else: it defines macros by common names.
#include <ncurses.h>

namespace adit::cli {
namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kInterval{1000};
/// A daemon that hangs must not keep the keys waiting for long.
constexpr std::chrono::seconds kWatchPatience{1};
constexpr int kControlC = 3;

/// From construction to destruction the terminal is ours.
class Terminal {
 public:
  Terminal() : screen_(::newterm(nullptr, stdout, stdin)) {
    if (screen_ == nullptr) return;
    ::raw();  // the keys that usually raise signals come as keys, so that the terminal is put back first
    ::noecho();
    ::keypad(::stdscr, TRUE);
    ::curs_set(0);
    if (!wants_colour(STDOUT_FILENO) || !::has_colors()) return;
    ::start_color();
    ::use_default_colors();
    for (const auto& [style, colour] :
         {std::pair{Style::good, COLOR_GREEN}, {Style::warning, COLOR_YELLOW}, {Style::bad, COLOR_RED}}) {
      ::init_pair(static_cast<short>(style), static_cast<short>(colour), -1);
    }
    coloured_ = true;
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    if (screen_ == nullptr) return;
    ::endwin();
    ::delscreen(screen_);
  }
  bool works() const { return screen_ != nullptr; }

  Screen size() const {
    Screen screen{.utf8 = speaks_utf8()};
    getmaxyx(::stdscr, screen.rows, screen.columns);
    return screen;
  }

  void draw(const std::vector<Line>& lines) const {
    ::erase();
    for (int row = 0; const auto& line : lines) {
      ::move(row++, 0);
      for (const auto& span : line) {
        ::attrset(attributes(span.style));
        ::addstr(span.text.c_str());
      }
    }
    ::refresh();
  }

  /// The next key; nothing when none is pressed until `then`.
  static std::optional<int> key(Clock::time_point then) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(then - Clock::now());
    ::timeout(static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    const int key = ::getch();
    return key == ERR ? std::nullopt : std::optional(key);
  }

 private:
  attr_t attributes(Style style) const {
    switch (style) {
      case Style::plain:
        return A_NORMAL;
      case Style::bold:
        return A_BOLD;
      case Style::dim:
        return coloured_ ? A_DIM : A_NORMAL;
      case Style::good:
      case Style::warning:
      case Style::bad:
        return coloured_ ? static_cast<attr_t>(COLOR_PAIR(static_cast<int>(style))) : A_NORMAL;
    }
    return A_NORMAL;
  }

  SCREEN* screen_;
  bool coloured_ = false;
};

bool hung_up() {
  pollfd input{.fd = STDIN_FILENO, .events = 0, .revents = 0};
  return ::poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

/// Which link is shown, of those that there are.
class Choice {
 public:
  explicit Choice(const std::vector<std::string>& named) : named_(named) { refresh(); }
  void refresh() {
    const auto shown = names_.empty() ? std::string() : names_[at_];
    names_ = named_.empty() ? client::running_links() : named_;
    const auto found = std::ranges::find(names_, shown);
    if (found != names_.end()) at_ = static_cast<std::size_t>(found - names_.begin());
    // One that was restarted comes back; until then it is shown as gone.
    if (found == names_.end() && !shown.empty())
      at_ = static_cast<std::size_t>(names_.insert(found, shown) - names_.begin());
  }
  void step(std::size_t by) {
    if (names_.empty()) return;
    const auto next = names_[(at_ + by) % names_.size()];
    names_ = named_.empty() ? client::running_links() : named_;
    const auto found = std::ranges::find(names_, next);
    at_ = found == names_.end() ? 0 : static_cast<std::size_t>(found - names_.begin());
  }
  void next() { step(1); }
  void previous() { step(names_.empty() ? 0 : names_.size() - 1); }
  bool none() const { return names_.empty(); }
  Watched begin() const { return {.name = names_[at_], .number = at_ + 1, .links = names_.size()}; }

 private:
  const std::vector<std::string>& named_;
  std::vector<std::string> names_;
  std::size_t at_ = 0;
};

/// Null: it was not understood, as by an older daemon that has none.
ordered_json part_of(const client::LinkAnswer& answer, const char* name) {
  if (!answer) return nullptr;
  const auto parsed = ordered_json::parse(*answer, nullptr, false);
  return parsed.is_object() && parsed.contains(name) ? parsed.at(name) : nullptr;
}

Watched look_at(const Choice& choice) {
  auto watched = choice.begin();
  const auto status = client::ask_link(watched.name, R"({"command":"status"})", kWatchPatience);
  if (!status) {
    watched.problem = status.error().sentence;
    return watched;
  }
  watched.status = part_of(status, "status");
  watched.history = part_of(client::ask_link(watched.name, R"({"command":"history"})", kWatchPatience), "history");
  watched.problem = "its answer was not understood: are adit and aditd of one version?";
  return watched;
}

std::vector<Line> frame_of(Watched& watched, const Screen& screen) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  try {
    return watch_frame(watched, screen, seconds);
  } catch (const ordered_json::exception&) {
    watched.status = nullptr;
    return watch_frame(watched, screen, seconds);
  }
}

/// True: whoever looks has seen enough.
bool obey(int key, Choice& choice) {
  switch (key) {
    case 'n':
    case '\t':
    case KEY_RIGHT:
    case KEY_DOWN:
      choice.next();
      return false;
    case 'p':
    case KEY_BTAB:
    case KEY_LEFT:
    case KEY_UP:
      choice.previous();
      return false;
    default:
      return key == 'q' || key == 'Q' || key == kControlC;
  }
}

}  // namespace

int watch(const std::vector<std::string>& names, Context& context) {
  if (::isatty(STDIN_FILENO) != 1 || context.out_fd < 0 || ::isatty(context.out_fd) != 1) {
    say(context.err, "adit status: --watch needs a terminal; for scripts there is --json\n");
    return kWrongUsage;
  }
  Choice choice(names);
  if (choice.none()) {
    say(context.err, "adit status: {}\n", client::no_running_links());
    return kFailed;
  }
  std::setlocale(LC_CTYPE, "");
  std::setlocale(LC_TIME, "");
  const Terminal terminal;
  if (!terminal.works()) {
    const char* const type = std::getenv("TERM");
    say(context.err, "adit status: the terminal is of a type nobody knows here ({}): set TERM, as TERM=xterm\n",
        type == nullptr ? "TERM is not set" : type);
    return kFailed;
  }

  std::optional<std::pair<std::string, Earlier>> earlier;
  auto looked = Clock::now();
  for (;;) {
    auto watched = look_at(choice);
    const auto now = Clock::now();
    if (earlier && earlier->first == watched.name) watched.earlier = earlier->second;
    watched.seconds = std::chrono::duration<double>(now - looked).count();
    looked = now;
    terminal.draw(frame_of(watched, terminal.size()));
    earlier.reset();
    if (!watched.status.is_null()) earlier.emplace(watched.name, look(watched.status));

    const auto then = now + kInterval;
    while (Clock::now() < then) {
      const auto key = Terminal::key(then);
      if (!key && hung_up()) return kDone;
      if (!key) break;
      if (*key == KEY_RESIZE) {
        terminal.draw(frame_of(watched, terminal.size()));
        continue;
      }
      if (obey(*key, choice)) return kDone;
      if (choice.begin().name != watched.name) break;
    }
    choice.refresh();
  }
}

}  // namespace adit::cli
