// SPDX-License-Identifier: MIT
// A wg-quick file, which may come from anywhere. What is imported is exported, and imported again the same.
#include "config/wg_quick_reader.h"
#include "config/wg_quick_writer.h"
#include "config/writer.h"
#include "fuzz.h"

namespace adit::fuzz {

void run(Bytes bytes) {
  const auto text = as_text(bytes);
  const config::WgQuickSource source{.file = "link.conf", .name = "link", .interface = "link"};
  const auto names = config::peer_names(text, source.file);
  require(names ? !names->empty() : !names.error().empty(), "a file has peers, or there is a reason for none");
  const auto config = config::read_wg_quick(text, source);
  if (!config) return require(!config.error().empty(), "a file that is refused is refused for a reason");
  (void)config::to_yaml(*config, "");
  const auto exported = config::to_wg_quick(*config, {}).text;
  const auto again = config::read_wg_quick(exported, source);
  require(again.has_value(), "what is exported can be imported");
  require(config::to_wg_quick(*again, {}).text == exported, "what is exported is what was imported");
}

}  // namespace adit::fuzz
