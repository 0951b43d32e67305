// SPDX-License-Identifier: MIT
// adit exporter: all links of the host as Prometheus' metrics, over HTTP until it is told to end, or once into a file
// for node_exporter. docs/monitoring.md is its manual.
#include <fcntl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/http_server.h"
#include "cli/link_scraper.h"
#include "cli/print.h"
#include "config/fields.h"
#include "crypto/version.h"
#include "net/io.h"
#include "net/signals.h"
#include "net/sockaddr.h"

namespace adit::cli {
namespace {

constexpr const char* kListen = "127.0.0.1:9586";
constexpr int kBacklog = 128;

LinkScraper scraper(Context& context) {
  return LinkScraper(crypto::version(), [&context](const std::string& sentence) {
    say(context.err, "adit exporter: {}\n", sentence);
    context.err.flush();
  });
}

// Over HTTP

std::string cannot_listen(const Endpoint& place, int error) {
  const auto where = to_string(place);
  switch (error) {
    case EADDRINUSE:
      return fmt::format(
          "{} is taken: see what listens there with `ss -ltnp 'sport = :{}'`, or choose another port "
          "with --listen",
          where, place.port);
    case EACCES:
      return fmt::format(
          "port {} is for privileged processes (CAP_NET_BIND_SERVICE): choose one from 1024 on with "
          "--listen",
          place.port);
    case EADDRNOTAVAIL:
      return fmt::format("this host has no address {}: choose one that `ip address` shows", to_string(place.address));
    default:
      return fmt::format("cannot listen at {}: {}", where, net::describe(error));
  }
}

struct Listening {
  FileDescriptor fd;
  Endpoint place;  ///< with the port that is really used
};

Result<Listening> listen_at(const Endpoint& place) {
  FileDescriptor fd(::socket(net::to_af(place.address.family()), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail("{}", cannot_listen(place, errno));
  const int yes = 1;
  const int no = 0;
  // Connections of the one that ended just now do not keep the port.
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (place.address.is_v6()) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  auto address = net::to_sockaddr(place);
  if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return fail("{}", cannot_listen(place, errno));
  }
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return Listening{std::move(fd), net::from_sockaddr(address.get(), address.size).value_or(place)};
}

/// A port alone is for all addresses of both families, or of the one that this host has.
Result<Listening> listen_at(const config::Listen& wanted) {
  if (!wanted.address.is_none()) return listen_at(Endpoint{wanted.address, wanted.port});
  const FileDescriptor probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return listen_at(Endpoint{IpAddress::any(probe ? Family::v6 : Family::v4), wanted.port});
}

int serve(const std::string& text, Context& context) {
  const auto refused = [&context](const std::string& sentence, int status) {
    say(context.err, "adit exporter: {}\n", sentence);
    return status;
  };
  const auto wanted = config::parse_listen(text);
  if (!wanted) return refused("--listen: " + wanted.error().message, kWrongUsage);
  auto listening = listen_at(*wanted);
  if (!listening) return refused(listening.error().message, kFailed);

  net::EventLoop loop;
  const net::SignalWatch signals(loop, [&loop](int) { loop.stop(); }, {SIGTERM, SIGINT});
  auto links = scraper(context);
  const HttpServer server(loop, std::move(listening->fd), [&links] { return links.page(); });
  say(context.out, "metrics are at http://{}/metrics\n", to_string(listening->place));
  context.out.flush();
  sd_notify(0, "READY=1");
  loop.run();
  return kDone;
}

// Into a file

Result<> write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto size = ::write(fd, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail("{}", net::describe(errno));
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

/// Whoever reads the file meanwhile sees the old one or the new one. It is for others to read: no secret is in it.
Result<> replace_file(const std::string& file, std::string_view text) {
  constexpr mode_t kForAll = 0644;
  auto temporary = file + ".XXXXXX";  // no *.prom, so that node_exporter does not look
  const FileDescriptor fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd)
    return fail("cannot write beside {} ({}): is the folder there, and may it be written?", file, net::describe(errno));
  auto written = write_whole(fd.get(), text);
  if (written && (::fchmod(fd.get(), kForAll) != 0 || ::rename(temporary.c_str(), file.c_str()) != 0)) {
    written = fail("{}", net::describe(errno));
  }
  if (written) return {};
  ::unlink(temporary.c_str());
  return fail("cannot write {}: {}", file, written.error().message);
}

int write_once(const std::string& file, Context& context) {
  auto links = scraper(context);
  const auto& page = links.page();
  if (file == "-") {
    say(context.out, "{}", page);
    return kDone;
  }
  if (const auto written = replace_file(file, page); !written) {
    say(context.err, "adit exporter: {}\n", written.error().message);
    return kFailed;
  }
  return kDone;
}

}  // namespace

void add_exporter(CLI::App& app, Context& context) {
  const Command command(app, "exporter", "Show all links of this host to Prometheus");
  const auto listen = std::make_shared<std::string>(kListen);
  const auto file = std::make_shared<std::string>();
  const auto listen_option = command.option(
      "--listen", *listen, "Where: PORT (at all addresses), ADDR:PORT or [ADDR6]:PORT; default: 127.0.0.1:9586");
  command
      .option("--textfile", *file,
              "Write the metrics once, into this file, for node_exporter (NAME.prom); -: to standard output")
      .excludes(listen_option);
  command.footer(
      "Examples:\n  adit exporter --listen 10.0.0.1:9586\n"
      "  adit exporter --textfile /var/lib/prometheus/node-exporter/adit.prom");
  command.callback([&context, listen, file] {
    context.exit_status = file->empty() ? serve(*listen, context) : write_once(*file, context);
  });
}

}  // namespace adit::cli
