// SPDX-License-Identifier: MIT
// What a link notes in the run folder for a run after it. The folder is the daemons' own user's, and a daemon that is
// still root must not be led elsewhere by what stands there.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace adit::host {

/// At most 64 KB of it. Empty: there is none, or what bears its name is no ordinary file.
std::string read_note(const std::filesystem::path& file);
/// In place of what bears its name, whatever that is, and whole or not at all; for everybody to read. False: it cannot
/// be had.
bool write_note(const std::filesystem::path& file, std::string_view text);
void remove_note(const std::filesystem::path& file);

}  // namespace adit::host
