// SPDX-License-Identifier: MIT
// Asks a running aditd over its control socket (docs/control-socket.md). Knows lines and sockets, not what they say.
#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.h"

namespace adit::client {

enum class AskFailure : std::uint8_t {
  no_socket,  ///< no such file
  nobody,     ///< a file, and nobody behind it: the daemon was killed
  forbidden,  ///< it is somebody else's
  no_answer,  ///< connected, but no answer in time
  broken,     ///< anything else
};

struct AskError {
  AskFailure kind{};
  int error = 0;  ///< errno, where there is one
};

/// The answer, without its newline.
using Answer = std::expected<std::string, AskError>;

Answer ask(const std::filesystem::path& socket, std::string_view request, std::chrono::milliseconds timeout);

/// Asks all of them at once, and waits for all of them together: one that says nothing costs the others no answer.
std::vector<Answer> ask_all(std::span<const std::filesystem::path> sockets, std::string_view request,
                            std::chrono::milliseconds timeout);

/// A connection on which the answer to `request` is many lines; non-blocking.
std::expected<FileDescriptor, AskError> subscribe(const std::filesystem::path& socket, std::string_view request);

}  // namespace adit::client
