// SPDX-License-Identifier: MIT
// A name with letters beyond ASCII as name servers are asked for it: xn--… (RFC 3492, RFC 5891).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace adit::config {

/// `name`, UTF-8, with each label that needs it in its ASCII form, in small letters. Nothing: it is not UTF-8, too
/// long, or has marks that would have to be joined with the letter before them first.
std::optional<std::string> to_ascii_name(std::string_view name);

}  // namespace adit::config
