// SPDX-License-Identifier: MIT
#include "config/yaml_tree.h"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <optional>
#include <sstream>
#include <utility>

#include "config/yaml_mistakes.h"

namespace adit::config {
namespace {

/// The schema nests four deep; the parser recurses, so a limit keeps `[[[[[[…` from using up the stack.
constexpr std::size_t kMaxDepth = 16;

/// Thrown by our handlers to stop the parser.
struct Stop {
  YAML::Mark mark;
  std::string reason;
};

Stop too_deep(const YAML::Mark& mark) {
  return {mark, fmt::format("is nested more than {} levels deep", kMaxDepth)};
}

Place place_of(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1, {}};
}

/// Whether the quote that opens at `at` is closed again: the parser takes the end of the file for a closing quote.
bool is_closed(std::string_view text, std::size_t at) {
  const char quote = at < text.size() ? text[at] : '\0';
  if (quote != '"' && quote != '\'') return true;
  for (auto i = at + 1; i < text.size(); ++i) {
    const bool doubled = quote == '\'' && text.substr(i, 2) == "''";
    const bool escaped = quote == '"' && text[i] == '\\';
    if (doubled || escaped) {
      ++i;
    } else if (text[i] == quote) {
      return true;
    }
  }
  return false;
}

/// Builds the tree from the parser's events. Events and not YAML::Load, because they show tags, anchors and repeated
/// keys as they are written, and because they can be stopped in time.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, Problems& problems) : text_(text), problems_(problems) {}

  Node take_root() { return std::move(root_); }

  /// The innermost list or mapping not yet closed.
  std::optional<Place> open() const {
    if (frames_.empty()) return std::nullopt;
    return Place{frames_.back().node.line, frames_.back().node.column, {}};
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    attach(node(Node::Kind::null, mark, "?", anchor));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    problems_.add(
        place_of(mark),
        "a value that begins with * is an alias to YAML, which is not supported; write the value out, or put it "
        "in quotes");
    attach(node(Node::Kind::broken, mark, "?", 0));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto scalar = node(Node::Kind::scalar, mark, tag, anchor);
    scalar.text = value;
    scalar.quoted = tag == "!";
    if (scalar.quoted && !is_closed(text_, static_cast<std::size_t>(mark.pos))) {
      throw Stop{mark, "the quote that opens here is never closed; close it"};
    }
    attach(std::move(scalar));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    push(node(Node::Kind::sequence, mark, tag, anchor), mark);
  }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    push(node(Node::Kind::mapping, mark, tag, anchor), mark);
  }

  void OnSequenceEnd() override { pop(); }
  void OnMapEnd() override { pop(); }

 private:
  struct Frame {
    Node node;
    std::optional<Node> key;  ///< of a mapping: read, its value not yet
  };

  Node node(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) {
      problems_.add(
          place_of(mark),
          "a value that begins with & is an anchor to YAML, which is not supported; write the value out where "
          "it is needed, or put it in quotes");
      kind = Node::Kind::broken;
    }
    // The parser gives "?" to plain scalars, lists and mappings, "!" to quoted scalars.
    if (tag != "?" && tag != "!") {
      problems_.add(place_of(mark),
                    "a value that begins with ! has a tag to YAML (!!str, !!binary), which is not supported; write the "
                    "plain value, or put it in quotes");
      kind = Node::Kind::broken;
    }
    Node made;
    made.kind = kind;
    made.line = mark.line + 1;
    made.column = mark.column + 1;
    return made;
  }

  void push(Node node, const YAML::Mark& mark) {
    if (frames_.size() == kMaxDepth) throw too_deep(mark);
    frames_.push_back({std::move(node), std::nullopt});
  }

  void pop() {
    auto done = std::move(frames_.back().node);
    frames_.pop_back();
    attach(std::move(done));
  }

  void attach(Node node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& parent = frames_.back();
    if (parent.node.kind == Node::Kind::sequence) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.node.kind == Node::Kind::broken) {
      return;
    } else if (!parent.key) {
      parent.key = std::move(node);
    } else {
      parent.node.entries.push_back({*std::exchange(parent.key, std::nullopt), std::move(node)});
    }
  }

  std::string_view text_;
  Problems& problems_;
  std::vector<Frame> frames_;
  Node root_;
};

/// Reads over a further document; all that counts is where it starts.
class Bystander : public YAML::EventHandler {
 public:
  YAML::Mark start;

  void OnDocumentStart(const YAML::Mark& mark) override { start = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnMapEnd() override { --depth_; }

 private:
  void enter(const YAML::Mark& mark) {
    if (++depth_ > kMaxDepth) throw too_deep(mark);
  }
  std::size_t depth_ = 0;
};

/// Where the parser ran out of input it has no position worth telling: then it is the bracket that was left open.
Place place_of(const YAML::Exception& error, const TreeBuilder& builder) {
  const bool ran_out = error.msg == YAML::ErrorMsg::END_OF_MAP_FLOW || error.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW;
  if (const auto open = builder.open(); ran_out && open) return *open;
  return error.mark.is_null() ? Place{1, 1, {}} : place_of(error.mark);
}

}  // namespace

Node parse_yaml(std::string_view text, Problems& problems) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark is no column of the first line
  std::istringstream input{std::string(text)};
  TreeBuilder builder(text, problems);
  Node broken;
  broken.kind = Node::Kind::broken;
  try {
    YAML::Parser parser(input);
    if (!parser.HandleNextDocument(builder)) {
      problems.add({1, 1, {}}, "is empty; docs/configuration.md shows what belongs in it");
      return broken;
    }
    Bystander second;
    if (parser.HandleNextDocument(second)) {
      problems.add(place_of(second.start),
                   "a second YAML document starts here; a file describes one link, so keep one");
    }
  } catch (const YAML::Exception& error) {
    auto mistake = explain_yaml(text, place_of(error, builder), error.msg);
    problems.add(mistake.place, std::move(mistake.reason));
    return broken;
  } catch (const Stop& stop) {
    problems.add(place_of(stop.mark), stop.reason);
    return broken;
  }
  return builder.take_root();
}

}  // namespace adit::config
