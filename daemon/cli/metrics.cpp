// SPDX-License-Identifier: MIT
#include "cli/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <optional>

namespace adit::cli {
namespace {

using nlohmann::ordered_json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

struct Metric {
  const char* name;
  const char* help;
  MetricType type = MetricType::Gauge;
};

constexpr Metric kBuild{"adit_exporter_build_info", "The exporter's version; always 1"};
constexpr Metric kLinks{"adit_links", "Links that have a control socket on this host"};
constexpr Metric kDuration{"adit_scrape_duration_seconds", "How long it took to ask all links"};
constexpr Metric kAnswered{"adit_link_scrape_success", "Whether the link's daemon answered the exporter"};
constexpr Metric kUp{"adit_link_up", "Whether the link is up; 0, too, for one that does not answer"};
constexpr Metric kState{"adit_link_state", "What the link is doing: 1 for the state it is in, 0 for the others"};
constexpr Metric kInfo{"adit_link_info", "What the link is, in labels; always 1"};
constexpr Metric kEndpoint{"adit_peer_endpoint_info", "Where the peer is, and how that is known; always 1"};
constexpr Metric kDrops{"adit_dropped_packets_total", "Packets and datagrams that were dropped, by reason",
                        MetricType::Counter};
constexpr Metric kOffload{"adit_offload_state", "Each offload's state: 1 for the one it is in, 0 for the others"};
constexpr Metric kRoutes{"adit_routes", "Routes that the link installs"};
constexpr Metric kChangedByWg{"adit_keys_changed_by_wg",
                              "Keys of the file that `wg` has overridden until it is read again"};
constexpr Metric kObservations{"adit_observations_total", "What was noticed that somebody may have to look at, by kind",
                               MetricType::Counter};
constexpr Metric kObserved{"adit_observation_last_timestamp_seconds", "When that was noticed last, by kind"};

constexpr std::array kStates{"waiting", "resolving", "connecting", "up", "stale", "failed"};
constexpr std::array kOffloadStates{"on", "off", "unavailable", "refused"};

/// Figures that the status holds as they are, but for their unit.
struct Figure {
  Metric metric;
  const char* place;  ///< a JSON pointer
  double divisor = 1;
};
constexpr auto kFigures = std::to_array<Figure>({
    {{"adit_link_state_since_timestamp_seconds", "When the link came into its state"}, "/since"},
    {{"adit_latest_handshake_timestamp_seconds", "When the latest handshake was completed; absent before the first"},
     "/peer/latest_handshake"},
    {{"adit_handshake_round_trip_seconds", "How long the last handshake took that this end began"},
     "/peer/handshake_rtt_ms",
     1000},
    {{"adit_keepalive_interval_seconds", "The pause after which a keepalive is sent; absent when off"},
     "/peer/keepalive"},
    {{"adit_transmit_bytes_total", "Bytes of inner packets sent to the peer", MetricType::Counter},
     "/traffic/tx/bytes"},
    {{"adit_transmit_packets_total", "Inner packets sent to the peer", MetricType::Counter}, "/traffic/tx/packets"},
    {{"adit_receive_bytes_total", "Bytes of inner packets received from the peer", MetricType::Counter},
     "/traffic/rx/bytes"},
    {{"adit_receive_packets_total", "Inner packets received from the peer", MetricType::Counter},
     "/traffic/rx/packets"},
    {{"adit_mtu_bytes", "The MTU of the link's interface"}, "/mtu"},
    {{"adit_learnt_macs", "MAC addresses that the bridge has learnt behind the interface; absent where it is in none"},
     "/learnt_macs"},
    {{"adit_path_size_bytes", "The largest inner packet that is believed to reach the peer in one piece"},
     "/path/size"},
    {{"adit_path_probes_total", "Echo requests sent to the peer to find that out, and whether it hears us",
      MetricType::Counter},
     "/path/asked"},
    {{"adit_path_probes_answered_total", "Those of them that were answered", MetricType::Counter}, "/path/answered"},
    {{"adit_workers", "Threads that move packets"}, "/workers"},
    {{"adit_restarts_total", "How often the daemon was restarted after a failure", MetricType::Counter}, "/restarts"},
    {{"adit_process_cpu_seconds_total", "Processor time the daemon has used", MetricType::Counter},
     "/process/cpu_seconds"},
    {{"adit_process_resident_memory_bytes", "Memory the daemon occupies"}, "/process/memory_bytes"},
});

const ordered_json* find(const ordered_json& json, const char* place) {
  const ordered_json::json_pointer pointer{place};
  return json.contains(pointer) ? &json.at(pointer) : nullptr;
}

std::optional<double> number(const ordered_json& json, const char* place) {
  const auto* const found = find(json, place);
  return found != nullptr && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

std::string text_at(const ordered_json& json, const char* place) {
  const auto* const found = find(json, place);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

/// Families in the order in which they are first spoken of, each with all its series: the format wants them together.
class Page {
 public:
  void add(const Metric& metric, Labels labels, double value) {
    auto& series = family(metric).metric.emplace_back();
    series.label = std::move(labels);
    (metric.type == MetricType::Counter ? series.counter.value : series.gauge.value) = value;
  }

  /// One series for each word; `actual` has the 1, also when it is a word of a later version.
  template <std::size_t N>
  void add_words(const Metric& metric, const Labels& labels, const char* label, const std::array<const char*, N>& words,
                 const std::string& actual) {
    const auto add_word = [&](const std::string& word) {
      auto all = labels;
      all.push_back({label, word});
      add(metric, std::move(all), word == actual ? 1 : 0);
    };
    for (const auto* const word : words) add_word(word);
    if (std::ranges::find(words, actual) == words.end()) add_word(actual);
  }

  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  MetricFamily& family(const Metric& metric) {
    const auto found = std::ranges::find(families_, metric.name, &MetricFamily::name);
    if (found != families_.end()) return *found;
    return families_.emplace_back(MetricFamily{metric.name, metric.help, metric.type, {}});
  }

  std::vector<MetricFamily> families_;
};

void add_info(Page& page, const AskedLink& link) {
  page.add(kInfo,
           {{"link", link.name},
            {"interface", text_at(link.status, "/interface")},
            {"public_key", text_at(link.status, "/local/public_key")},
            {"peer", text_at(link.status, "/peer/public_key")},
            {"listen", text_at(link.status, "/local/listen")},
            {"crypto", text_at(link.status, "/crypto")}},
           1);
  if (const auto endpoint = text_at(link.status, "/peer/endpoint"); !endpoint.empty()) {
    page.add(kEndpoint,
             {{"link", link.name}, {"endpoint", endpoint}, {"source", text_at(link.status, "/peer/endpoint_source")}},
             1);
  }
}

void add_length(Page& page, const Metric& metric, const AskedLink& link, const char* place) {
  const auto* const list = find(link.status, place);
  if (list != nullptr && list->is_array()) {
    page.add(metric, {{"link", link.name}}, static_cast<double>(list->size()));
  }
}

void add_counts(Page& page, const AskedLink& link) {
  for (const auto& figure : kFigures) {
    if (const auto value = number(link.status, figure.place)) {
      page.add(figure.metric, {{"link", link.name}}, *value / figure.divisor);
    }
  }
  if (const auto* const drops = find(link.status, "/drops"); drops != nullptr && drops->is_object()) {
    for (const auto& [reason, count] : drops->items()) {
      if (count.is_number()) page.add(kDrops, {{"link", link.name}, {"reason", reason}}, count.get<double>());
    }
  }
  add_length(page, kRoutes, link, "/routes");
  add_length(page, kChangedByWg, link, "/changed_by_wg");
}

void add_observations(Page& page, const AskedLink& link) {
  const auto* const list = find(link.status, "/observations");
  if (list == nullptr || !list->is_array()) return;
  for (const auto& seen : *list) {
    const auto kind = text_at(seen, "/kind");
    const auto count = number(seen, "/count");
    const auto last = number(seen, "/last");
    if (kind.empty() || !count || !last) continue;
    page.add(kObservations, {{"link", link.name}, {"kind", kind}}, *count);
    page.add(kObserved, {{"link", link.name}, {"kind", kind}}, *last);
  }
}

void add_offload(Page& page, const AskedLink& link) {
  const auto* const offload = find(link.status, "/offload");
  if (offload == nullptr || !offload->is_object()) return;
  for (const auto& [name, state] : offload->items()) {
    if (!state.is_string()) continue;
    page.add_words(kOffload, {{"link", link.name}, {"offload", name}}, "state", kOffloadStates, state);
  }
}

void add_link(Page& page, const AskedLink& link) {
  const auto state = text_at(link.status, "/state");
  page.add(kAnswered, {{"link", link.name}}, state.empty() ? 0 : 1);
  page.add(kUp, {{"link", link.name}}, state == "up" ? 1 : 0);
  if (state.empty()) return;
  page.add_words(kState, {{"link", link.name}}, "state", kStates, state);
  add_info(page, link);
  add_counts(page, link);
  add_offload(page, link);
  add_observations(page, link);
}

}  // namespace

std::string metrics_page(const Scrape& scrape, std::string_view version) {
  Page page;
  page.add(kBuild, {{"version", std::string(version)}}, 1);
  page.add(kLinks, {}, static_cast<double>(scrape.links.size()));
  page.add(kDuration, {}, scrape.seconds);
  for (const auto& link : scrape.links) add_link(page, link);
  return page.text();
}

}  // namespace adit::cli
