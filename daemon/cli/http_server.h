// SPDX-License-Identifier: MIT
// Just enough HTTP/1.1 to hand one page of metrics to whoever asks: one request a connection, only GET and HEAD, and
// bounds on everything. A client that floods, stalls or never reads costs a little memory for a few seconds. Written
// out because Debian's civetweb, which prometheus-cpp would use, has no IPv6 and lets slow clients occupy its threads.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "base/file_descriptor.h"
#include "net/event_loop.h"

namespace adit::cli {

class HttpServer {
 public:
  /// The text at /metrics. Nobody else is served before it returns.
  using Page = std::function<std::string()>;

  static constexpr std::size_t kMaxClients = 128;  ///< one more closes the one that has been there longest
  static constexpr std::size_t kMaxRequest = 8 * 1024;
  static constexpr Duration kPatience = std::chrono::seconds(5);  ///< from the connection to its last byte

  /// `listening`: non-blocking, and listening already.
  HttpServer(net::EventLoop& loop, FileDescriptor listening, Page page, Duration patience = kPatience);

  std::size_t clients() const { return clients_.size(); }

 private:
  struct Client {
    FileDescriptor fd;
    Instant deadline;
    std::string input;
    std::string output;
    bool answered = false;
    net::Watch watch;
  };
  using ClientPlace = std::list<Client>::iterator;

  void accept();
  void add(FileDescriptor fd);
  void serve(ClientPlace client);
  void tick();
  bool receive(Client& client);
  static bool send(Client& client);
  std::string answer(std::string_view request) const;

  net::EventLoop& loop_;
  FileDescriptor fd_;
  Page page_;
  Duration patience_;
  std::list<Client> clients_;  ///< in the order of their deadlines
  net::Watch watch_;
  net::Timer deadline_;  ///< of the client that has been there longest, or after which new ones are taken again
};

}  // namespace adit::cli
