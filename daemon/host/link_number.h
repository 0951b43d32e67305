// SPDX-License-Identifier: MIT
// The number that stands for a link on its host: as the mark of its datagrams, as its routing table, and as the name
// on what it leaves behind.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace adit::host {

/// The bits in which links differ. The upper half tells Adit's numbers from small ones that people choose by hand; of
/// the lower half the two bits that Kubernetes takes for its own are left out.
inline constexpr std::uint32_t kLinkNumberMask = 0x3fff;

/// Always the same for the same name, so that leftovers of a killed daemon are known again.
std::uint32_t link_number(std::string_view name);
bool is_link_number(std::uint32_t number);

/// That number, or another where a link of this host has it already: 14 bits are few. Who has which stands in
/// `directory`, until the next boot; where that cannot be written it is link_number. `directory` is one of the host's,
/// for all links.
std::uint32_t claim_link_number(const std::filesystem::path& directory, std::string_view name);
/// What claim_link_number gave the link, without claiming anything.
std::uint32_t look_up_link_number(const std::filesystem::path& directory, std::string_view name);
/// The link that has the number by claim_link_number; empty: none.
std::string name_of_link_number(const std::filesystem::path& directory, std::uint32_t number);
/// Whether it gave it one since the last boot.
bool has_link_number(const std::filesystem::path& directory, std::string_view name);

}  // namespace adit::host
