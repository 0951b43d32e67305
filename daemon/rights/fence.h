// SPDX-License-Identifier: MIT
// What the daemon gives up from the inside, for itself and for every program it starts, and for good
// (docs/security.md): new privileges by executing, system calls that no part of a link needs, and writing anywhere but
// where it has to. Threads that run already are not concerned: call it before there are any.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"

namespace adit::rights {

/// no_new_privs, and a filter (seccomp) that answers what is never needed with EPERM. A process that has the filter, as
/// one that a run before it has become, gets no second one. The error: it cannot be had here.
Result<> forbid_system_calls();

/// Landlock: files may be written, made and removed below `places` alone, those that are there; a place may be a file.
/// Reading is as before: a reload may name a key anywhere. The error: it cannot be had here.
Result<> confine_writing(const std::vector<std::filesystem::path>& places);
/// By this run, or by one before it that has become this process.
bool is_writing_confined();

}  // namespace adit::rights
