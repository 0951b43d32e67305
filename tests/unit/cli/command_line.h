// SPDX-License-Identifier: MIT
// Runs `adit` within the test, with a random source that repeats itself from run to run.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace adit::cli {

class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(unsigned seed = 1) : generator_(seed) {}
  void fill(MutableBytes out) override {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(generator_());
  }

 private:
  std::mt19937 generator_;
};

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

inline Outcome adit(const std::vector<std::string>& arguments, const std::string& input = "", int out_fd = -1) {
  static SeededRandom random;
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Context context{in, out, err, random, out_fd};
  std::vector<const char*> argv{"adit"};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  const int status = run(static_cast<int>(argv.size()), argv.data(), context);
  return {status, out.str(), err.str()};
}

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "adit-cli-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string operator/(std::string_view name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }
  bool empty() const { return std::filesystem::is_empty(path_); }

  std::string write(std::string_view name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    std::filesystem::permissions(path_ / name, std::filesystem::perms(0600));
    return *this / name;
  }
  std::string text(std::string_view name) const {
    std::ostringstream all;
    all << std::ifstream(path_ / name, std::ios::binary).rdbuf();
    return all.str();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace adit::cli
