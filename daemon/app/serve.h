// SPDX-License-Identifier: MIT
// aditd CONFIG.yaml: reads the file, runs the link, and says in one sentence why when it cannot. With --interface the
// link comes without a file.
#pragma once

namespace adit::app {

/// Exit statuses. That of a file that is not valid is 78, EX_CONFIG of sysexits.h.
inline constexpr int kFailed = 1;
inline constexpr int kWrongUsage = 2;

/// What the program does; returns its exit status. Throws std::bad_alloc.
int serve(int argc, char** argv);

}  // namespace adit::app
