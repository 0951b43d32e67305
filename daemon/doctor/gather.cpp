// SPDX-License-Identifier: MIT
#include "doctor/gather.h"

namespace adit::doctor {

Facts gather(const std::string& name, const std::string& file) {
  Facts facts{.name = name, .file = file};
  gather_daemon(facts);
  gather_file(facts);
  gather_host(facts);
  gather_unit(facts);
  gather_state_directory(facts);
  gather_network(facts);
  gather_port(facts);
  gather_endpoints(facts);
  gather_firewall(facts);
  gather_probe(facts);
  facts.offload = test_offloads();
  return facts;
}

}  // namespace adit::doctor
