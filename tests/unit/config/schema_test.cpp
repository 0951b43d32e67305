// SPDX-License-Identifier: MIT
// Holds the reader, the JSON Schema and the examples together. That schema and reader also judge values alike is for
// tests/config/test_schema.py to show.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "config/folder.h"
#include "config/keys.h"
#include "crypto/backends.h"

namespace adit::config {
namespace {

const std::filesystem::path kConfigFolder = std::filesystem::path(ADIT_SOURCE_DIR) / "config";

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// The paths of all properties in a part of the schema, in the notation of keys.h.
void collect_keys(const nlohmann::json& schema, const nlohmann::json& part, const std::string& path,
                  std::set<std::string>& keys) {
  if (part.contains("$ref")) {
    const nlohmann::json::json_pointer there(part["$ref"].get<std::string>().substr(1));
    collect_keys(schema, schema[there], path, keys);
  }
  if (part.contains("properties")) {
    for (const auto& [name, property] : part["properties"].items()) {
      const auto key = join(path, name);
      keys.insert(key);
      collect_keys(schema, property, key, keys);
    }
  }
  if (part.contains("items")) collect_keys(schema, part["items"], path + "[]", keys);
  if (part.contains("oneOf")) {
    for (const auto& choice : part["oneOf"]) collect_keys(schema, choice, path, keys);
  }
}

TEST(Schema, HasExactlyTheKeysTheReaderSupports) {
  const auto file = nlohmann::json::parse(text_of(kConfigFolder / "adit.schema.json"));
  std::set<std::string> schema;
  collect_keys(file, file, "", schema);
  std::set<std::string> reader;
  for (const auto& key : known_keys()) reader.emplace(key);
  EXPECT_EQ(schema, reader);
}

TEST(Schema, NamesTheCryptoLibrariesThereAre) {
  const auto schema = nlohmann::json::parse(text_of(kConfigFolder / "adit.schema.json"));
  std::vector<std::string> names{"auto"};
  for (const auto name : crypto::backend_names()) names.emplace_back(name);
  EXPECT_EQ(schema["properties"]["tuning"]["properties"]["crypto"]["enum"], nlohmann::json(names));
}

TEST(Schema, LeavesNoObjectOpenToUnknownKeys) {
  const auto check = [](const auto& self, const nlohmann::json& part) -> void {
    if (part.is_object() && part.contains("properties")) {
      EXPECT_EQ(part.value("additionalProperties", true), false) << part.dump().substr(0, 200);
      for (const auto& property : part["properties"]) {
        EXPECT_TRUE(property.contains("description") || property.contains("items")) << property.dump();
      }
    }
    for (const auto& [name, inner] : part.items()) {
      // What goes with what: no object of its own.
      const bool is_condition = name == "if" || name == "then" || name == "else";
      if (inner.is_structured() && !is_condition) self(self, inner);
    }
  };
  check(check, nlohmann::json::parse(text_of(kConfigFolder / "adit.schema.json")));
}

TEST(Examples, AreReadWithoutProblemOrWarning) {
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kConfigFolder / "examples")) {
    if (!entry.is_regular_file()) continue;
    SCOPED_TRACE(entry.path());
    const auto text = text_of(entry.path());
    EXPECT_EQ(text.rfind("# yaml-language-server: $schema=../../adit.schema.json\n", 0), 0);

    // An example names key files and holds no secret, so it can be anybody's to read.
    const Folder folder;
    const std::regex key_file("(private_key|preshared_key)_file: (\\S+)");
    for (auto it = std::sregex_iterator(text.begin(), text.end(), key_file); it != std::sregex_iterator(); ++it) {
      folder.write((*it)[2].str(), (*it)[1] == "private_key" ? kOurPrivateKey : kPresharedKey);
    }
    const auto config = read_config(folder.write(entry.path().filename().string(), text, 0644), {});
    ASSERT_TRUE(config) << folder.texts(config)[0];
    EXPECT_TRUE(config->warnings.empty());
    found.insert(entry.path().parent_path().filename().string());
  }
  EXPECT_EQ(found, (std::set<std::string>{"behind-nat", "fast-line", "ipv6-only", "two-static-hosts"}));
}

TEST(Examples, FitTogetherInPairs) {
  for (const auto& entry : std::filesystem::directory_iterator(kConfigFolder / "examples")) {
    SCOPED_TRACE(entry.path());
    std::vector<Config> ends;
    const Folder folder;
    for (const auto& file : std::filesystem::directory_iterator(entry)) {
      const auto key = file.path().stem().string() + ".key";
      folder.write(key, kOurPrivateKey);
      folder.write("amsterdam-berlin.psk", kPresharedKey);
      auto config = read_config(folder.write(file.path().filename().string(), text_of(file.path())), {});
      ASSERT_TRUE(config) << folder.texts(config)[0];
      ends.push_back(std::move(*config));
    }
    ASSERT_EQ(ends.size(), 2);
    ASSERT_EQ(ends[0].interface.addresses.size(), ends[1].interface.addresses.size());
    for (std::size_t i = 0; i < ends[0].interface.addresses.size(); ++i) {
      EXPECT_EQ(ends[0].interface.addresses[i].network(), ends[1].interface.addresses[i].network());
      EXPECT_NE(ends[0].interface.addresses[i].address, ends[1].interface.addresses[i].address);
    }
    EXPECT_NE(ends[0].peer.public_key, ends[1].peer.public_key);
    EXPECT_EQ(ends[0].peer.has_preshared_key, ends[1].peer.has_preshared_key);
    for (const auto& [caller, called] : {std::pair(0, 1), std::pair(1, 0)}) {
      for (const auto& endpoint : ends[caller].peer.endpoints) EXPECT_EQ(endpoint.port, ends[called].local.listen.port);
    }
    EXPECT_FALSE(ends[0].peer.endpoints.empty() && ends[1].peer.endpoints.empty());
  }
}

}  // namespace
}  // namespace adit::config
