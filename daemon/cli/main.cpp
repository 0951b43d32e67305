// SPDX-License-Identifier: MIT
// The program `adit`.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>

#include "base/guard_memory.h"
#include "cli/commands.h"
#include "crypto/wipe_stack.h"
#include "net/system.h"

namespace {

/// Keys come in and go out through the C library's buffers, which it does not wipe: these are ours.
class WipedBuffers {
 public:
  WipedBuffers() {
    std::setvbuf(stdin, input.data(), _IOFBF, input.size());
    std::setvbuf(stdout, output.data(), ::isatty(STDOUT_FILENO) != 0 ? _IOLBF : _IOFBF, output.size());
  }
  WipedBuffers(const WipedBuffers&) = delete;
  WipedBuffers& operator=(const WipedBuffers&) = delete;
  ~WipedBuffers() {
    std::cout.flush();
    std::fflush(stdout);
    ::explicit_bzero(input.data(), input.size());
    ::explicit_bzero(output.data(), output.size());
  }

 private:
  // Used by the C library until the program has ended.
  static inline std::array<char, 4096> input{};
  static inline std::array<char, 4096> output{};
};

}  // namespace

int main(int argc, char** argv) {
  adit::guard_memory();
  const adit::crypto::WipedStack wiped(adit::crypto::kConfigStack);
  const WipedBuffers buffers;
  try {
    adit::net::SystemRandom random;
    adit::cli::Context context{std::cin, std::cout, std::cerr, random, STDOUT_FILENO};
    return adit::cli::run(argc, argv, context);
  } catch (const std::exception& error) {
    std::cerr << "adit: " << error.what() << '\n';
    return adit::cli::kFailed;
  }
}
