// SPDX-License-Identifier: MIT
// The files in the state folder, after a crash, a full disk, or in somebody's hands.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "base/file_descriptor.h"
#include "fuzz.h"
#include "service/state_store.h"

namespace adit::fuzz {
namespace {

struct Folder {
  std::array<char, 32> name{"/dev/shm/adit-fuzz-XXXXXX"};
  Folder() { require(::mkdtemp(name.data()) != nullptr, "a folder can be made"); }
  ~Folder() { std::filesystem::remove_all(name.data()); }
};

}  // namespace

void run(Bytes bytes) {
  static const Folder folder;
  Input input(bytes);
  for (const auto* name :
       {"timestamp", "timestamp.2", "initiation", "initiation.2", "endpoint", "running", "peer_endpoint"}) {
    const auto content = input.bytes(input.u8());
    const auto path = fmt::format("{}/{}", folder.name.data(), name);
    if (content.empty()) {
      ::unlink(path.c_str());
      continue;
    }
    const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    require(::write(file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()),
            "it is written");
  }
  service::StateStore store(folder.name.data(), "a-boot");
  const auto loaded = store.read();
  noise::TimestampSource source(loaded.timestamp);
  const auto next = source.next({std::chrono::hours(24 * 365 * 56)});
  require(next > loaded.timestamp || next == source.last(), "the next timestamp is a later one");
  require(next > loaded.timestamp, "a timestamp is never sent twice");
  (void)loaded.timestamp.to_wall_time();
}

}  // namespace adit::fuzz
