// SPDX-License-Identifier: MIT
// Reading a YAML tree with types: a Cursor is one value and its place, a Section is a mapping whose keys are checked
// against the table in keys.h. Whatever does not fit is reported once, and the caller gets nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/problem.h"
#include "config/yaml_tree.h"

namespace adit::config {

/// A value and where it stands in the file.
template <class T>
struct At {
  T value;
  Place place;
};

class Section;

class Cursor {
 public:
  /// `key`: the value's path. A value that is not there (`key:` alone) is placed at its key.
  Cursor(const Node& node, Place place, Problems& problems)
      : node_(&node), place_(std::move(place)), problems_(&problems) {}

  const Place& place() const { return place_; }
  Node::Kind kind() const { return node_->kind; }
  /// A scalar of just this word; says nothing of what else it may be.
  bool is(std::string_view word) const { return node_->kind == Node::Kind::scalar && node_->text == word; }
  /// A scalar without quotes, in which a '#' behind a space begins a comment.
  bool is_plain() const { return node_->kind == Node::Kind::scalar && !node_->quoted; }
  /// Of a mapping with one key: that, whether it is one of ours or not.
  std::optional<std::string_view> only_key() const;
  Problems& problems() const { return *problems_; }
  void problem(std::string reason, bool may_pass = false) const { problems_->add(place_, std::move(reason), may_pass); }

  /// Text: a scalar in quotes, or one that YAML does not take for a number or a boolean.
  std::optional<std::string_view> text() const;
  /// Any scalar as it is written, for values that may be a number or a word.
  std::optional<std::string_view> word() const;
  /// A whole number from `min` to `max`, not in quotes. `besides`: a word the caller takes too, for the message.
  std::optional<std::uint32_t> number(std::uint32_t min, std::uint32_t max, std::string_view besides = {}) const;
  /// true or false, not in quotes.
  std::optional<bool> boolean() const;
  /// The elements of a list, at most `max` so that comparing all with all stays cheap. `example` shows one, in the
  /// words of the problem.
  std::optional<std::vector<Cursor>> items(std::string_view example, std::size_t max) const;
  std::optional<Section> section() const;

  /// `text()` or `word()`, made into a value by `parse`, whose error becomes the problem.
  template <class T>
  std::optional<At<T>> parse_text(Result<T> (*parse)(std::string_view)) const {
    return parse_with(text(), parse);
  }
  template <class T>
  std::optional<At<T>> parse_word(Result<T> (*parse)(std::string_view)) const {
    return parse_with(word(), parse);
  }

 private:
  template <class T>
  std::optional<At<T>> parse_with(std::optional<std::string_view> written, Result<T> (*parse)(std::string_view)) const {
    if (!written) return std::nullopt;
    auto value = parse(*written);
    if (!value) {
      problem(std::move(value.error().message) + hint_of_lines());
      return std::nullopt;
    }
    return At<T>{std::move(*value), place_};
  }

  /// What to add where the value is of several lines, though it does not look so.
  std::string hint_of_lines() const;
  /// Reports a value of another kind than wanted; false if it is one.
  bool expect(Node::Kind kind, std::string_view wanted) const;

  const Node* node_;
  Place place_;
  Problems* problems_;
};

class Section {
 public:
  /// Reports unknown, repeated and not yet supported keys of a mapping. `place.key` is the section's path.
  Section(const Node& mapping, Place place, Problems& problems);

  const Place& place() const { return place_; }
  Problems& problems() const { return *problems_; }

  std::optional<Cursor> find(std::string_view name) const;
  /// The same, but reports a missing key; `hint` says what it is for.
  std::optional<Cursor> require(std::string_view name, std::string_view hint) const;

 private:
  void admit(const Node& key, const Node& value);

  struct Value {
    std::string_view name;
    int key_line = 0;
    Cursor cursor;
  };

  Place place_;
  Problems* problems_;
  std::vector<Value> values_;
};

}  // namespace adit::config
