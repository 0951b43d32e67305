// SPDX-License-Identifier: MIT
// A request to a link by its name, and why there is no answer in a sentence with the next step.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "client/control_client.h"

namespace adit::client {

/// Where the unit has the links' files from.
inline constexpr const char* kFiles = "/etc/adit";

struct NoAnswer {
  AskFailure kind{};
  std::string sentence;
};
using LinkAnswer = std::expected<std::string, NoAnswer>;

/// The links that have a control socket, in order.
std::vector<std::string> running_links();
/// What to say where there are none, with the next step: begin, start one, or ask as somebody who may know.
std::string no_running_links();

/// Whether the unit has a file for a link of that name; none: this user may not see that. `files`: for tests.
std::optional<bool> has_file(const std::string& name, const std::filesystem::path& files = kFiles);

LinkAnswer ask_link(const std::string& name, std::string_view request, std::chrono::seconds patience);
/// All at once: an answer for each name, within `patience` for all of them together.
std::vector<LinkAnswer> ask_links(const std::vector<std::string>& names, std::string_view request,
                                  std::chrono::seconds patience);

/// A connection to a link, on which the answer to `request` is many lines.
std::expected<FileDescriptor, NoAnswer> listen_to_link(const std::string& name, std::string_view request);

}  // namespace adit::client
