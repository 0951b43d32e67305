// SPDX-License-Identifier: MIT
// A file with a key in it.
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_descriptor.h"
#include "config/key_source.h"
#include "fuzz.h"

namespace adit::fuzz {

void run(Bytes bytes) {
  static const FileDescriptor file(memfd_create("key", MFD_CLOEXEC));
  require(ftruncate(file.get(), 0) == 0 && fchmod(file.get(), 0600) == 0 &&
              pwrite(file.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
          "the file can be written");
  const auto name = fmt::format("/proc/self/fd/{}", file.get());
  const auto key = config::read_private_key_file(name);
  const auto preshared = config::read_preshared_key_file(name);
  require(key.has_value() == preshared.has_value(), "both kinds of key are written alike");
  const auto text = as_text(bytes);
  require(key || !could_be_key(text) || !key.error().message.contains(text), "no message repeats a key");
}

}  // namespace adit::fuzz
