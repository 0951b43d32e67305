// SPDX-License-Identifier: MIT
// What one check of `adit doctor` came to: a verdict, and for people a sentence, what it was seen from, and the mend.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::doctor {

enum class Verdict : std::uint8_t {
  ok,
  skipped,  ///< could not be looked at, or has no meaning for this link: `title` says why
  warning,  ///< works, but hardly as it was meant, or not for long
  problem,
};

struct Finding {
  std::string id;  ///< the check's, as docs/troubleshooting.md names it
  Verdict verdict = Verdict::ok;
  std::string title;                  ///< a sentence without a full stop
  std::vector<std::string> evidence;  ///< what was seen; never a secret
  std::string mend;                   ///< what to do; empty where nothing is to be done
};

using Evidence = std::vector<std::string>;

inline std::string joined(const Evidence& sentences, std::string_view separator) {
  std::string all;
  for (const auto& sentence : sentences) all.append(all.empty() ? "" : separator).append(sentence);
  return all;
}

inline Finding ok(std::string title, Evidence evidence = {}) {
  return {{}, Verdict::ok, std::move(title), std::move(evidence), {}};
}
inline Finding skipped(std::string why) {
  return {{}, Verdict::skipped, std::move(why), {}, {}};
}
inline Finding warning(std::string title, Evidence evidence, std::string mend) {
  return {{}, Verdict::warning, std::move(title), std::move(evidence), std::move(mend)};
}
inline Finding problem(std::string title, Evidence evidence, std::string mend) {
  return {{}, Verdict::problem, std::move(title), std::move(evidence), std::move(mend)};
}

}  // namespace adit::doctor
