// SPDX-License-Identifier: MIT
// A socket that is asked, DIR/NAME.sock: requests in, an answer to each, for as many clients as there are, within
// bounds: a client that floods, stalls or never reads costs a little memory and nobody else's time. What requests say
// is the business of control_protocol.h and wg_protocol.h; some hold keys, so they are wiped when they are answered.
#pragma once

#include <filesystem>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "net/event_loop.h"

namespace adit::control {

/// What tells one kind of socket from the other.
struct ControlProtocol {
  std::string_view end;       ///< of a request, and of an answer
  std::string (*too_long)();  ///< the answer to a request of more than `max_request` bytes
  std::size_t max_request;
  /// A request that is too long is read to its end before it is answered; else the connection ends there and then.
  bool reads_on;
  /// Whether the answer is the first of many lines, and `publish` has the others; null: of none.
  bool (*subscribes)(std::string_view request);
  /// What is said to others than root and our own user, in place of an answer; empty: the answer.
  std::string (*refusal)(std::string_view request);
  /// There are others: the members of the links' own group may connect.
  bool for_group;
  /// Keys are told and taken: the user that all links of the host share is none of the owners, so that a link that was
  /// taken over asks no other for its keys.
  bool has_keys;
  // For what has to be done when the folder cannot be used.
  const char* runtime_directory;  ///< of the unit
  const char* variable;           ///< of the environment
};
/// A JSON object a line (control_protocol.h).
extern const ControlProtocol kJsonLines;
/// Lines up to an empty one (wg_protocol.h).
extern const ControlProtocol kWgParagraphs;

class ControlSocket {
 public:
  /// The answer to a request; neither has its end.
  using Answer = std::function<std::string(std::string_view request)>;

  static constexpr std::size_t kMaxClients = 32;
  static constexpr std::size_t kMaxRequest = 64 * 1024;  ///< of kJsonLines
  /// Of kWgParagraphs: room for all the allowed IPs a link may have, written at their longest.
  static constexpr std::size_t kMaxWgRequest = 2 * 1024 * 1024;
  /// Answers that wait for a client to read them: from here on its further requests wait in the kernel.
  static constexpr std::size_t kMaxUnread = 256 * 1024;

  /// Where the socket may be. Throws std::runtime_error with a sentence: another daemon has the name, or the folder
  /// cannot be written. A socket that a killed daemon left behind is replaced.
  ControlSocket(net::EventLoop& loop, const std::filesystem::path& directory, const std::string& name, Answer answer,
                const ControlProtocol& protocol = kJsonLines);
  /// Removes the socket file, if it is still this one's.
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  /// To all that have asked for it: a line, and those that do not read lose it. `lost` makes the line that says how
  /// many were.
  void publish(std::string_view line, std::string (*lost)(std::uint64_t count));

  /// Makes its file anew where somebody took it away, who emptied the folder. What is somebody else's in its place
  /// stays, and is an error. None: it is there, or it cannot be made for the same reason as the last time, which has
  /// been told.
  std::optional<Result<>> come_back();

  const std::filesystem::path& path() const { return path_; }
  std::size_t clients() const { return clients_.size(); }

 private:
  struct Client {
    Client() = default;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    FileDescriptor fd;
    std::string input;      ///< a request, as far as it has come
    std::string output;     ///< answers, as far as they have not gone
    bool finished = false;  ///< nothing more is read from it; when all is answered it goes
    bool too_long = false;  ///< its request is, and what comes of it is thrown away up to its end
    bool subscribed = false;
    bool is_owner = false;   ///< root, or our own user unless that is everybody's
    std::uint64_t lost = 0;  ///< lines it was too slow for, and has not been told of
    net::Watch watch;
  };
  using ClientPlace = std::list<Client>::iterator;

  void open();
  void bind();
  std::optional<Result<>> still_lost(std::string why);
  void accept();
  void add(FileDescriptor fd);
  void pause_accepting();
  void serve(ClientPlace client, std::uint32_t events);
  bool wants_more(const Client& client) const;
  bool receive(Client& client) const;
  void answer_requests(Client& client);
  void answer_too_long(Client& client, std::size_t end) const;
  static bool send(Client& client);

  net::EventLoop& loop_;
  std::filesystem::path path_;
  Answer answer_;
  const ControlProtocol& protocol_;
  bool for_root_alone_;
  FileDescriptor fd_;
  std::uint64_t inode_ = 0;
  std::string lost_;           ///< why its file cannot be made anew; empty: it is there
  std::list<Client> clients_;  ///< the one that was heard last comes last
  net::Watch watch_;
  net::Timer resume_;
};

}  // namespace adit::control
