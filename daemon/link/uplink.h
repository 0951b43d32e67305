// SPDX-License-Identifier: MIT
// The interface of local.device under the UDP sockets: it may not be there yet, go, and come back as another of the
// same name. Until it is there nothing is sent, as nothing may take another way.
#pragma once

#include <optional>
#include <string>

#include "base/log.h"
#include "path/pump.h"

namespace adit::link {

class Uplink {
 public:
  Uplink(path::Doors& doors, Log& log) : doors_(doors), log_(log) {}

  /// In place of the sockets there are, which are closed first: the new ones may want the same port. None, and no
  /// error, while there is no such interface.
  Result<> open(const net::ListenOptions& options);

  /// Something may have changed. True: the sockets are to be opened anew.
  bool look(const std::optional<std::string>& device);
  /// What `look` asked for did not work.
  void failed(const Error& error);

  /// Why nothing can be sent; empty: that is not for want of the interface. The state's reason, and so in the log.
  const std::string& problem() const { return problem_; }

 private:
  path::Doors& doors_;
  Log& log_;
  std::string problem_;
};

}  // namespace adit::link
