// SPDX-License-Identifier: MIT
// Everything `adit doctor` looks at. Each part is bounded in time, changes nothing on this host, and says in its facts
// what it could not see.
#pragma once

#include <string>

#include "doctor/facts.h"

namespace adit::doctor {

/// The link called `name`, whose configuration is in `file`.
Facts gather(const std::string& name, const std::string& file);

// The parts, in the order in which they are gathered: later ones look at what earlier ones found.
void gather_daemon(Facts& facts);
void gather_file(Facts& facts);
void gather_unit(Facts& facts);
void gather_host(Facts& facts);
void gather_state_directory(Facts& facts);
void gather_network(Facts& facts);
void gather_port(Facts& facts);
void gather_endpoints(Facts& facts);
void gather_firewall(Facts& facts);
void gather_probe(Facts& facts);
OffloadTest test_offloads();

}  // namespace adit::doctor
