// SPDX-License-Identifier: MIT
// How many descriptors may be open. Systems allow few by default, for programs that use select(), and more to whoever
// asks: a link with hundreds of names, or whoever asks hundreds of links.
#pragma once

namespace adit {

/// As many as this process may give itself, within reason. False: that is no more than now, or it was raised before.
bool raise_descriptor_limit();
/// As before it was raised. False: it was not.
bool restore_descriptor_limit();

/// While it lives there are more.
class RaisedDescriptorLimit {
 public:
  RaisedDescriptorLimit() : changed_(raise_descriptor_limit()) {}
  RaisedDescriptorLimit(const RaisedDescriptorLimit&) = delete;
  RaisedDescriptorLimit& operator=(const RaisedDescriptorLimit&) = delete;
  ~RaisedDescriptorLimit() {
    if (changed_) restore_descriptor_limit();
  }

 private:
  bool changed_;
};

/// While it lives there are as many as before they were raised: for programs that are started meanwhile.
class UsualDescriptorLimit {
 public:
  UsualDescriptorLimit() : changed_(restore_descriptor_limit()) {}
  UsualDescriptorLimit(const UsualDescriptorLimit&) = delete;
  UsualDescriptorLimit& operator=(const UsualDescriptorLimit&) = delete;
  ~UsualDescriptorLimit() {
    if (changed_) raise_descriptor_limit();
  }

 private:
  bool changed_;
};

}  // namespace adit
