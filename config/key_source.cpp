// SPDX-License-Identifier: MIT
#include "config/key_source.h"

#include <fmt/core.h>
#include <strings.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "config/fields.h"
#include "config/file_text.h"
#include "config/wording.h"

namespace adit::config {
namespace {

constexpr std::size_t kMaxKeyFile = 4096;

template <class Key>
struct Kind {
  std::string_view name;     ///< of the inline key in YAML
  std::string_view command;  ///< that makes one
  Result<Key> (*parse)(std::string_view);
};

constexpr Kind<crypto::PrivateKey> kPrivate{"private_key", "adit genkey", crypto::parse_private_key};
constexpr Kind<crypto::PresharedKey> kPreshared{"preshared_key", "adit genpsk", crypto::parse_preshared_key};

template <class Key>
bool is_zero(const Key& key) {
  return std::ranges::all_of(key.bytes(), [](std::uint8_t byte) { return byte == 0; });
}

/// The key itself where its file's name belongs: it must not be repeated in "no such file".
bool looks_like_a_key(std::string_view text) {
  const auto base64 = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
           c == '=';
  };
  return text.size() + 2 >= crypto::kKeyTextSize && text.size() <= crypto::kKeyTextSize + 2 &&
         std::ranges::all_of(text, base64) && !text.starts_with('/');
}

template <class Key>
Result<Key> parse(const Kind<Key>& kind, std::string_view text) {
  auto key = kind.parse(text);
  if (key && is_zero(*key)) return fail("is all zero, which is no secret; make a key with `{}`", kind.command);
  return key;
}

template <class Key>
Result<Key> parse_file(const Kind<Key>& kind, const std::filesystem::path& file, bool must_be_private) {
  auto content = read_small_file(file, kMaxKeyFile);
  const auto& name = file.native();
  if (!content) return fail("{} {}", name, content.error().message);
  if (must_be_private && content->others_can_read()) {
    return fail("{} can be read by group or others (mode {:04o}); run: chmod 600 {}", name, content->mode, name);
  }
  // As `wg` takes them: space behind the key does no harm, of whatever kind. Nor does what some editors begin with.
  std::string_view text = content->text;
  if (is_utf16(text)) {
    explicit_bzero(content->text.data(), content->text.size());
    return fail("{} is UTF-16 text, as some editors of Windows save it; save it as UTF-8", name);
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  text = text.substr(0, text.find_last_not_of(" \t\r\n\v\f") + 1);
  auto key = parse(kind, text);
  explicit_bzero(content->text.data(), content->text.size());
  if (!key) return fail("{}: the key in it {}", name, key.error().message);
  return key;
}

/// Another program has yet to write it, or writes it just now: it is not there, or there is less in it than a key has.
bool is_late(const std::filesystem::path& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::not_found) return true;
  return std::filesystem::is_regular_file(status) && std::filesystem::file_size(file, error) < crypto::kKeyTextSize;
}

template <class Key>
Result<Key> from_text(const Kind<Key>& kind, std::string_view text, const KeyContext& context) {
  auto key = parse(kind, text);
  if (!context.file_is_private) {
    return fail("is a secret, and group or others can read this file; run chmod 600 on it{}",
                key ? "" : fmt::format(" (and the key {})", key.error().message));
  }
  return key;
}

template <class Key>
Result<Key> from_file(const Kind<Key>& kind, std::string_view text, const KeyContext& context) {
  if (looks_like_a_key(text)) return fail("names a file, and this looks like a key itself; use {} for that", kind.name);
  // An absolute name replaces the directory.
  return parse_file(kind, context.directory / text, true);
}

template <class Key>
Result<> check_credential_name(const Kind<Key>& kind, std::string_view text) {
  if (looks_like_a_key(text)) {
    return fail("names a credential, and this looks like a key itself; use {} for that", kind.name);
  }
  return check_name(text);
}

template <class Key>
Result<Key> from_credential(const Kind<Key>& kind, std::string_view text, const KeyContext& context) {
  if (const auto valid = check_credential_name(kind, text); !valid) return std::unexpected(valid.error());
  if (context.credentials_directory.empty()) {
    return fail("{} is a systemd credential, and there are none here; run under a unit with LoadCredential={}:FILE",
                shown(text), text);
  }
  const auto file = context.credentials_directory / text;
  std::error_code error;
  if (std::filesystem::status(file, error).type() == std::filesystem::file_type::not_found) {
    return fail(
        "the unit was given no systemd credential {}: put the key into /etc/credstore/adit.NAME.key (.psk) and write "
        "that file's name here, or add LoadCredential={}:FILE to the unit, and start it anew",
        shown(text), text);
  }
  // systemd itself sees to who can read them, by ACLs that the mode does not show.
  return parse_file(kind, file, false);
}

template <class Key>
std::optional<At<Key>> read_key(const Section& section, const Kind<Key>& kind, const KeyContext& context) {
  using Reader = Result<Key> (*)(const Kind<Key>&, std::string_view, const KeyContext&);
  const std::pair<std::string, Reader> sources[] = {
      {std::string(kind.name), from_text<Key>},
      {fmt::format("{}_file", kind.name), from_file<Key>},
      {fmt::format("{}_credential", kind.name), from_credential<Key>},
  };
  std::optional<At<Key>> result;
  std::string first;
  for (const auto& [name, reader] : sources) {
    const auto cursor = section.find(name);
    if (!cursor) continue;
    if (!first.empty()) {
      cursor->problem(fmt::format("is given besides {}; keep one of them", first));
      continue;
    }
    first = name;
    const auto text = cursor->text();
    if (!text) continue;
    const bool unchecked =
        reader == from_credential<Key> && context.check_only && context.credentials_directory.empty();
    if (unchecked && check_credential_name(kind, *text)) {
      cursor->problems().warn(cursor->place(), "not checked: systemd credentials are there only for the running unit");
      continue;
    }
    auto key = reader(kind, *text, context);
    if (!key) {
      // Programs that agree on keys with the peer's host write preshared ones.
      const bool may_pass = std::is_same_v<Key, crypto::PresharedKey> && reader == from_file<Key> &&
                            !looks_like_a_key(*text) && is_late(context.directory / *text);
      cursor->problem(std::move(key.error().message), may_pass);
    } else {
      result.emplace(std::move(*key), cursor->place());
    }
  }
  return result;
}

}  // namespace

std::optional<At<crypto::PrivateKey>> read_private_key(const Section& local, const KeyContext& context) {
  const bool given =
      local.find("private_key") || local.find("private_key_file") || local.find("private_key_credential");
  if (!given) {
    (void)local.require("private_key_file",
                        "it names the file with this host's private key, as `adit genkey` makes it "
                        "(or give private_key or private_key_credential)");
  }
  return read_key(local, kPrivate, context);
}

Result<crypto::PrivateKey> read_private_key_file(const std::filesystem::path& file) {
  return parse_file(kPrivate, file, true);
}

Result<crypto::PresharedKey> read_preshared_key_file(const std::filesystem::path& file) {
  return parse_file(kPreshared, file, true);
}

std::optional<At<crypto::PresharedKey>> read_preshared_key(const Section& peer, const KeyContext& context) {
  return read_key(peer, kPreshared, context);
}

}  // namespace adit::config
