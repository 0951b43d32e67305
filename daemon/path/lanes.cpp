// SPDX-License-Identifier: MIT
#include "path/lanes.h"

#include <algorithm>
#include <numeric>

namespace adit::path {

Lanes::Lanes(std::size_t count, const HandOverPoint& point) {
  while (lanes_.size() < count) lanes_.push_back(std::make_unique<Lane>(point));
}

void Lanes::publish(std::size_t lane, Shipment& shipment) {
  shipment.number = next_number_++;
  shipment.before = counters_;
  counters_ += shipment.counters();
  lanes_[lane]->sending.publish(shipment);
}

void Lanes::publish_alone(Shipment& shipment) {
  ADIT_ASSERT(may_go_alone());
  alone_ = lanes_.size() > 1;
  publish(0, shipment);
}

/// With one lane packets leave in the order of their counters, however late.
bool Lanes::may_admit(std::uint64_t more) const {
  if (alone_) return false;
  if (lanes_.size() == 1) return true;
  return std::ranges::all_of(lanes_, [&](const auto& lane) {
    const auto* const oldest = lane->sending.oldest();
    if (oldest == nullptr) return true;
    const auto on_their_way = counters_ - oldest->before;
    return on_their_way < kMostOnTheirWay && on_their_way + more <= kMostApart;
  });
}

bool Lanes::may_admit_reads() const {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const auto& reading = lanes_[(first_read_ + i) % lanes_.size()]->reading;
    if (reading.has_finished()) return may_admit(reading.oldest()->source.most_datagrams());
  }
  return false;
}

std::uint64_t Lanes::in_reading() const {
  return std::accumulate(lanes_.begin(), lanes_.end(), std::uint64_t{0},
                         [](auto sum, const auto& lane) { return sum + lane->reading.in_flight(); });
}

std::uint64_t Lanes::in_flight() const {
  return std::accumulate(lanes_.begin(), lanes_.end(), std::uint64_t{0},
                         [](auto sum, const auto& lane) { return sum + lane->sending.in_flight(); });
}

std::uint64_t Lanes::waiting() const {
  return std::accumulate(lanes_.begin(), lanes_.end(), std::uint64_t{0}, [](auto sum, const auto& lane) {
    return sum + lane->reading.waiting() + lane->sending.waiting();
  });
}

bool Lanes::has_news(bool admits) const {
  const auto has_finished = [](const auto& lane) { return lane->sending.has_finished(); };
  return std::ranges::any_of(lanes_, has_finished) || (admits && may_admit_reads());
}

bool Lanes::held() const {
  return std::ranges::any_of(lanes_, [](const auto& lane) { return lane->sending.held(); });
}

void Lanes::let_go() {
  for (const auto& lane : lanes_) lane->sending.let_go();
}

bool Lanes::read(PacketPort& port) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    auto& reading = lanes_[i]->reading;
    if (!reading.work([&](Shipment& shipment) { shipment.read(port, i); })) continue;
    reading.finish([](Shipment&) { return true; });
    return true;
  }
  return false;
}

}  // namespace adit::path
