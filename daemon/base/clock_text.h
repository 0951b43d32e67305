// SPDX-License-Identifier: MIT
// Times as people read them.
#pragma once

#include <string>

#include "base/time.h"

namespace adit {

/// "14:02:11", by the host's time zone.
std::string time_of_day(WallTime time);
/// "2026-11-26 14:02:11", by UTC.
std::string date_and_time_utc(WallTime time);

}  // namespace adit
