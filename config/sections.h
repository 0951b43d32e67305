// SPDX-License-Identifier: MIT
// The file's sections, key by key, into a Draft. Knows which key holds what; values are fields.h's, what they mean to
// each other is validate.h's.
#pragma once

#include "config/cursor.h"
#include "config/draft.h"
#include "config/key_source.h"

namespace adit::config {

void read_sections(const Section& root, const KeyContext& context, Draft& draft);

}  // namespace adit::config
