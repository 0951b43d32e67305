// SPDX-License-Identifier: MIT
// A configuration file, in the hands of whoever may edit it. What is valid is written again, and read again the same.
#include "config/reader.h"
#include "config/writer.h"
#include "fuzz.h"

namespace adit::fuzz {
namespace {

bool is_zero(Bytes key) {
  return std::ranges::all_of(key, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

void run(Bytes bytes) {
  const config::ReadOptions options{.credentials_directory = {}, .check_only = true, .name = {}};
  const auto config = config::read_config_text(as_text(bytes), "link.yaml", options);
  if (!config) {
    require(!config.error().empty(), "a file that is refused is refused for a reason");
    for (const auto& problem : config.error()) require(!to_string(problem).empty(), "a reason has words");
    return;
  }
  if (is_zero(config->local.private_key.bytes())) return;  // a credential, which is not there
  const auto text = config::to_yaml(*config, "");
  const auto again = config::read_config_text(text, "link.yaml", options);
  require(again.has_value(), "what is written can be read");
  require(config::to_yaml(*again, "") == text, "what is written is what was read");
}

}  // namespace adit::fuzz
