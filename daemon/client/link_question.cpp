// SPDX-License-Identifier: MIT
#include "client/link_question.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/paths.h"

namespace adit::client {
namespace {

std::string_view subcommand_of(std::string_view request) {
  for (const std::string_view each : {"reload", "events"}) {
    if (request.contains(each)) return each;
  }
  return "status";
}

std::string problem_text(const std::string& name, std::string_view request, const std::filesystem::path& socket,
                         const AskError& error, std::chrono::seconds patience) {
  switch (error.kind) {
    case AskFailure::no_socket:
      return fmt::format(
          "there is no link {0} ({1} is missing): start it with `systemctl restart adit@{0}`, which also helps where "
          "it runs and that file was removed, or see `journalctl -u adit@{0}` why it ended",
          name, socket.string());
    case AskFailure::nobody:
      return fmt::format(
          "link {0} is not running (nobody answers at {1}): it was killed; see `journalctl -u "
          "adit@{0}`, start it with `systemctl start adit@{0}`",
          name, socket.string());
    case AskFailure::forbidden:
      return fmt::format(
          "link {0} may be asked by its owner and the group adit, and changed by its owner: `sudo adit {1} {0}`", name,
          subcommand_of(request));
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

std::filesystem::path socket_of(const std::string& name) {
  return run_directory() / (name + ".sock");
}

}  // namespace

std::vector<std::string> running_links() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run_directory(), error)) {
    if (entry.path().extension() == ".sock") names.push_back(entry.path().stem());
  }
  std::ranges::sort(names);
  return names;
}

std::optional<bool> has_file(const std::string& name, const std::filesystem::path& files) {
  std::error_code error;
  const bool there = std::filesystem::exists(files / (name + ".yaml"), error);
  if (error == std::errc::permission_denied) return std::nullopt;
  return there;
}

std::string no_running_links() {
  std::error_code error;
  [[maybe_unused]] const std::filesystem::directory_iterator look(run_directory(), error);
  if (error == std::errc::permission_denied) {
    return fmt::format("whether links run here may not be seen: {} is closed to this user; try with sudo",
                       run_directory().string());
  }
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(kFiles, error)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().stem());
  }
  if (error == std::errc::permission_denied) {
    return "no link runs here, and only root may see whether there are files for one: `sudo adit status`, or begin "
           "with "
           "`adit pair --help`";
  }
  if (files.empty()) return "no links here; begin with `adit pair NAME=HOST NAME=HOST` (`adit pair --help`)";
  std::ranges::sort(files);
  return fmt::format(
      "no link runs here; {} {}: start it with `systemctl enable --now adit@{}`, or see `adit doctor {}` why it does "
      "not",
      fmt::format("{}/{}.yaml", kFiles, files.front()), files.size() == 1 ? "is there" : "and others are there",
      files.front(), files.front());
}

LinkAnswer ask_link(const std::string& name, std::string_view request, std::chrono::seconds patience) {
  return std::move(ask_links({name}, request, patience).front());
}

std::vector<LinkAnswer> ask_links(const std::vector<std::string>& names, std::string_view request,
                                  std::chrono::seconds patience) {
  std::vector<std::filesystem::path> sockets;
  // What leads out of the folder is no link's name, whoever answers there.
  const auto is_name = [](const std::string& name) { return name.find('/') == std::string::npos; };
  for (const auto& name : names) sockets.push_back(is_name(name) ? socket_of(name) : std::filesystem::path());
  auto answers = ask_all(sockets, request, patience);

  std::vector<LinkAnswer> result;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (answers[i]) {
      result.emplace_back(std::move(*answers[i]));
      continue;
    }
    const auto error = is_name(names[i]) ? answers[i].error() : AskError{AskFailure::no_socket, ENOENT};
    result.emplace_back(
        std::unexpected(NoAnswer{error.kind, problem_text(names[i], request, socket_of(names[i]), error, patience)}));
  }
  return result;
}

std::expected<FileDescriptor, NoAnswer> listen_to_link(const std::string& name, std::string_view request) {
  const auto socket = socket_of(name);
  auto connected = subscribe(socket, request);
  if (connected) return std::move(*connected);
  const auto& error = connected.error();
  return std::unexpected(NoAnswer{error.kind, problem_text(name, request, socket, error, std::chrono::seconds(1))});
}

}  // namespace adit::client
