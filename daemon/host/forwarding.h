// SPDX-License-Identifier: MIT
// `interface.forward`: the host's own switch for passing packets on, in the families of the link. It is one for all of
// the host, so it is put back only when no other link needs it: each link that does has a note in the run folder, with
// what was there before.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/log.h"

namespace adit::host {

class Forwarding {
 public:
  /// `notes`: where this host's links leave theirs; `settings`: /proc/sys, but for tests.
  Forwarding(Log& log, std::filesystem::path notes, std::string link, std::filesystem::path settings = "/proc/sys",
             std::filesystem::path devices = "/sys/class/net")
      : log_(log),
        notes_(std::move(notes)),
        link_(std::move(link)),
        settings_(std::move(settings)),
        devices_(std::move(devices)) {}

  /// Switches it on for `families` (none: off again). What may not be changed is told with the file to write instead.
  void set(const std::vector<Family>& families);
  /// At the end of the link: as it was before, as far as no other link needs it. `bridge`: one that this host routes
  /// for; empty: there is none. Guests behind it (Docker, libvirt) may rely on what their own program found switched on
  /// and left so: then it stays, and that is told.
  void take_back(const std::string& bridge);
  /// Interfaces came: while it is on for IPv6, uplinks made anew are to go on hearing routers, too. The host's ends of
  /// what its guests have are none: a guest must not become the host's router.
  void links_changed();

 private:
  /// Names below /proc/sys, and the value that was there before.
  using Values = std::map<std::string, std::string>;

  std::filesystem::path note() const { return notes_ / (link_ + ".forward"); }
  Values wanted(const std::vector<Family>& families) const;
  void keep_router_advertisements(Values& before, bool of_all = true);
  bool is_uplink(const std::string& interface) const;
  bool switch_on(const std::string& setting, const std::string& value, Values& before);
  bool put_back(const std::string& setting, const std::string& value);
  std::string read(const std::string& setting) const;
  bool write(const std::string& setting, const std::string& value) const;
  Values notes_of_others() const;
  void write_note(const Values& before) const;

  Log& log_;
  std::filesystem::path notes_;
  std::string link_;
  std::filesystem::path settings_;
  std::filesystem::path devices_;
};

}  // namespace adit::host
