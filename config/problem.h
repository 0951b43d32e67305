// SPDX-License-Identifier: MIT
// What is wrong with a configuration file, and where. A reason is a sentence that says how to mend it, and never
// contains a secret.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace adit::config {

/// A spot in the file and the key it belongs to.
struct Place {
  int line = 0;     ///< from 1; 0: the file as a whole
  int column = 0;   ///< from 1, in bytes
  std::string key;  ///< "peer.endpoint", "routes[2].to"; empty: the file as a whole
};

struct Problem {
  std::string file;
  int line = 0;     ///< from 1; 0: the file as a whole
  int column = 0;   ///< from 1, in bytes
  std::string key;  ///< "peer.endpoint", "routes[2].to"; empty: the file as a whole
  std::string reason;
  bool may_pass = false;  ///< it is about what another program may be about to write
};

/// `FILE:LINE:COL: key.path: reason`; without LINE:COL where the file as a whole is meant, without a key likewise.
std::string to_string(const Problem& problem);

/// Gathers the problems and warnings of one file as they are found.
class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  void add(const Place& place, std::string reason, bool may_pass = false) {
    insert(errors_, place, std::move(reason), may_pass);
  }
  void warn(const Place& place, std::string reason) { insert(warnings_, place, std::move(reason), false); }
  bool empty() const { return errors_.empty(); }

  /// In the file's order.
  std::vector<Problem> take_errors();
  std::vector<Problem> take_warnings();

 private:
  /// By line and column; those of one spot stay in the order they were found in.
  using InFileOrder = std::multimap<std::pair<int, int>, Problem>;

  void insert(InFileOrder& problems, const Place& place, std::string reason, bool may_pass) const;

  std::string file_;
  InFileOrder errors_;
  InFileOrder warnings_;
};

}  // namespace adit::config
