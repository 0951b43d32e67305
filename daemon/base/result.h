// SPDX-License-Identifier: MIT
// A value or a sentence. Errors that reach people are whole sentences which name the place and the next step;
// whoever passes one up may put its own place in front with `fail("{}: {}", place, error.message)`.
#pragma once

#include <fmt/core.h>

#include <expected>
#include <string>
#include <utility>

namespace adit {

struct Error {
  std::string message;
};

template <class T = void>
using Result = std::expected<T, Error>;

template <class... Args>
std::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace adit
