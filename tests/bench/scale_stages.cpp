// SPDX-License-Identifier: MIT
#include "scale_stages.h"

#include <algorithm>

#include "noise/keypair.h"
#include "offload/merge.h"
#include "offload/split.h"
#include "scale_ports.h"
#include "tunnel/batch.h"

namespace adit::bench {

double measure_seal(const crypto::Aead& aead, int rounds) {
  const auto packet = super_packet();
  const auto plan = offload::SplitPlan::make(kSuperTcp, packet);
  const noise::Keypair keypair;
  Buffer bytes(packet.size() + tunnel::kPaddingSlack);
  tunnel::OutboundPacket outbound{
      .keypair = &keypair, .plain = {MutableBytes(bytes).first(packet.size()), &*plan}, .mtu = 1420};
  Buffer sealed(kSegments * outbound.sealed_size(0));
  std::vector<MutableBytes> out;
  for (std::size_t i = 0; i < plan->segments(); ++i) {
    out.push_back(MutableBytes(sealed).subspan(i * outbound.sealed_size(0), outbound.sealed_size(i)));
  }
  std::vector<double> samples;
  for (int i = 0; i < rounds; ++i) {
    std::ranges::copy(packet, bytes.begin());
    const auto before = thread_ns();
    tunnel::seal({&outbound, 1}, aead, out);
    samples.push_back(thread_ns() - before);
  }
  return median(samples);
}

double measure_merge(int rounds) {
  auto packet = super_packet();
  const auto plan = offload::SplitPlan::make(kSuperTcp, packet);
  std::vector<Buffer> segments;
  for (std::size_t i = 0; i < plan->segments(); ++i) {
    const auto segment = plan->write_header(packet, i);
    segments.emplace_back(segment.begin(), segment.end());
  }
  offload::Merger merger({});
  std::vector<double> samples;
  for (int i = 0; i < rounds; ++i) {
    auto copies = segments;  // merging changes the first one
    const std::vector<MutableBytes> views(copies.begin(), copies.end());
    const auto before = thread_ns();
    merger.merge(views);
    samples.push_back(thread_ns() - before);
  }
  return median(samples);
}

double measure_cipher(const crypto::Aead& aead, int rounds) {
  Buffer plain(kSegments * 1424);
  Buffer sealed(kSegments * (1424 + crypto::kTagSize));
  const crypto::DerivedKey key{};
  std::vector<double> samples;
  for (int i = 0; i < rounds; ++i) {
    const auto before = thread_ns();
    for (std::size_t segment = 0; segment < kSegments; ++segment) {
      const crypto::SealJob job{&key, segment, Bytes(plain).subspan(segment * 1424, 1424),
                                MutableBytes(sealed).subspan(segment * 1440, 1440)};
      aead.seal({&job, 1});
    }
    samples.push_back(thread_ns() - before);
  }
  return median(samples);
}

}  // namespace adit::bench
