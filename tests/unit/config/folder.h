// SPDX-License-Identifier: MIT
// A folder for the files of one test, gone with it, and the keys that the tests' files are full of.
#pragma once

#include <fmt/core.h>
#include <sys/stat.h>

#include <cstdlib>
#include <expected>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "config/reader.h"

namespace adit::config {

// Made for the tests alone.
inline constexpr std::string_view kOurPrivateKey = "2BO4c0XAbZUVu1qN0kaKiU1qWA9F4692YrMi0aIpx1Q=";
inline constexpr std::string_view kOurPublicKey = "yOhksr7d58PY7r+xHz+3hcM3ZohfWUIPiIXRraMjdms=";
inline constexpr std::string_view kPeerPublicKey = "rpvIuiqU85fsmv4kvk55KkS3/jEfjtozVrHa5QdAXE4=";
inline constexpr std::string_view kPresharedKey = "6c5tf9C3ApZmkCgMmwzq7fZnvqKkYcwzXc+ybDu5LvI=";

/// A file's text from its sections. As they stand they are valid: interface is line 1, local 3, peer 5, the rest
/// starts at line 7.
struct Parts {
  std::string interface = "  addresses: [10.9.0.1/30]\n";
  std::string local = fmt::format("  private_key: {}\n", kOurPrivateKey);
  std::string peer = fmt::format("  public_key: {}\n", kPeerPublicKey);
  std::string rest;

  std::string text() const { return fmt::format("interface:\n{}local:\n{}peer:\n{}{}", interface, local, peer, rest); }
};

/// A file's text with a section of one line besides.
inline std::string with_section(std::string_view name, std::string_view line) {
  return Parts{.rest = fmt::format("{}:\n  {}\n", name, line)}.text();
}

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "adit-config-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  std::filesystem::path write(std::string_view name, std::string_view text, mode_t mode = 0600) const {
    const auto file = path_ / name;
    std::ofstream(file, std::ios::binary) << text;
    ::chmod(file.c_str(), mode);
    return file;
  }

  /// Writes `text` as link.yaml and reads it.
  auto read(std::string_view text, mode_t mode = 0600, const ReadOptions& options = {}) const {
    return read_config(write("link.yaml", text, mode), options);
  }

  /// The problems of `text` as link.yaml, without the folder's name: "link.yaml:1:2: key: reason".
  std::vector<std::string> problems(std::string_view text, mode_t mode = 0600) const { return texts(read(text, mode)); }

  std::vector<std::string> texts(const std::expected<Config, std::vector<Problem>>& read) const {
    std::vector<std::string> result;
    if (!read) {
      for (const auto& problem : read.error()) result.push_back(without_folder(to_string(problem)));
    }
    return result;
  }

  std::string without_folder(std::string text) const {
    const auto prefix = path_.string() + "/";
    for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) text.erase(at, prefix.size());
    return text;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace adit::config
