// SPDX-License-Identifier: MIT
// A network namespace beside our own, and short visits to it: sockets and TUN devices opened there stay there, and work
// from here. Interfaces have numbers and names of their own in each.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace adit::net {

class NetworkNamespace {
 public:
  /// `name`: as `ip netns` has it, or an absolute path to one (/proc/PID/ns/net). The error is a sentence with the
  /// mend: there is none, or this process may not enter it (CAP_SYS_ADMIN).
  static Result<NetworkNamespace> open(const std::string& name);
  /// Of a descriptor that is one.
  static std::optional<NetworkNamespace> of(FileDescriptor fd, std::string name = {});
  /// That of the calling thread. None: /proc is not there.
  static std::optional<NetworkNamespace> own();

  /// The calling thread is there until this goes. Short: nothing else may be opened meanwhile.
  class Visit {
   public:
    Visit(Visit&&) noexcept = default;
    Visit& operator=(Visit&&) = delete;
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit();

   private:
    friend class NetworkNamespace;
    explicit Visit(FileDescriptor home) : home_(std::move(home)) {}
    FileDescriptor home_;
  };
  Result<Visit> enter() const;

  /// What its name leads to by now.
  enum class Standing : std::uint8_t {
    same,     ///< this one, or that cannot be seen
    another,  ///< it was made anew
    gone,
  };
  Standing look_up() const;

  const std::string& name() const { return name_; }
  /// As `ip netns` names it; empty: it does not.
  std::string name_in_run() const;
  bool is(const NetworkNamespace& other) const { return device_ == other.device_ && inode_ == other.inode_; }

 private:
  NetworkNamespace(FileDescriptor fd, std::string name, const struct stat& about)
      : fd_(std::move(fd)), name_(std::move(name)), device_(about.st_dev), inode_(about.st_ino) {}

  FileDescriptor fd_;
  std::string name_;  ///< as it was asked for
  dev_t device_;
  ino_t inode_;
};

}  // namespace adit::net
