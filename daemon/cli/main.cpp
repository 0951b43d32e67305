// SPDX-License-Identifier: MIT
// The program `adit`.
#include <unistd.h>

#include <exception>
#include <iostream>

#include "cli/commands.h"
#include "net/system.h"

int main(int argc, char** argv) {
  try {
    adit::net::SystemRandom random;
    adit::cli::Context context{std::cin, std::cout, std::cerr, random, STDOUT_FILENO};
    return adit::cli::run(argc, argv, context);
  } catch (const std::exception& error) {
    std::cerr << "adit: " << error.what() << '\n';
    return adit::cli::kFailed;
  }
}
