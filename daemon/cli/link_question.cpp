// SPDX-License-Identifier: MIT
#include "cli/link_question.h"

#include <fmt/core.h>

#include <cerrno>
#include <system_error>

#include "app/paths.h"

namespace adit::cli {
namespace {

std::string problem_text(const std::string& name, const std::filesystem::path& socket, const AskError& error,
                         std::chrono::seconds patience) {
  switch (error.kind) {
    case AskFailure::no_socket:
      return fmt::format(
          "there is no link {0} ({1} is missing): start it with `systemctl start adit@{0}`, or see "
          "`journalctl -u adit@{0}` why it ended",
          name, socket.string());
    case AskFailure::nobody:
      return fmt::format(
          "link {0} is not running (nobody answers at {1}): it was killed; see `journalctl -u "
          "adit@{0}`, start it with `systemctl start adit@{0}`",
          name, socket.string());
    case AskFailure::forbidden:
      return fmt::format("link {0} may only be asked by its owner: `sudo adit status {0}`", name);
    case AskFailure::no_answer:
      return fmt::format(
          "link {0} runs but does not answer within {1} s: see `journalctl -u adit@{0}`, or restart it "
          "with `systemctl restart adit@{0}`",
          name, patience.count());
    case AskFailure::broken:
      break;
  }
  return fmt::format("cannot ask link {} at {}: {}", name, socket.string(),
                     std::generic_category().message(error.error));
}

}  // namespace

std::expected<std::string, NoAnswer> ask_link(const std::string& name, std::string_view request,
                                              std::chrono::seconds patience) {
  const auto socket = app::run_directory() / (name + ".sock");
  const bool is_name = name.find('/') == std::string::npos;
  auto answer = is_name ? ask(socket, request, patience) : std::unexpected(AskError{AskFailure::no_socket, ENOENT});
  if (!answer) {
    return std::unexpected(NoAnswer{answer.error().kind, problem_text(name, socket, answer.error(), patience)});
  }
  return std::move(*answer);
}

}  // namespace adit::cli
