// SPDX-License-Identifier: MIT
#include "service/line_output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/file_descriptor.h"

namespace adit::service {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    reader = FileDescriptor(ends[0]);
    writer = FileDescriptor(ends[1]);
    EXPECT_EQ(fcntl(reader.get(), F_SETFL, O_NONBLOCK), 0);
  }
  std::string read_all() const {
    std::string all;
    std::array<char, 4096> part{};
    for (ssize_t size = 0; (size = read(reader.get(), part.data(), part.size())) > 0;) {
      all.append(part.data(), static_cast<std::size_t>(size));
    }
    return all;
  }
  FileDescriptor reader;
  FileDescriptor writer;
};

/// It used to stop the link after about 1,100 lines.
TEST(LineOutput, ThatNobodyReadsKeepsNobodyWaiting) {
  const Pipe pipe;
  LineOutput output(pipe.writer.get());
  const std::string line(99, 'x');
  for (int i = 0; i < 10'000; ++i) output.write(line + "\n");
  const auto lost = output.lost();
  EXPECT_GT(lost, 0U);
  const auto all = pipe.read_all();
  EXPECT_EQ(all.size() / 100, 10'000 - lost);
  output.write("again\n");
  EXPECT_EQ(output.lost(), 0U);
  EXPECT_EQ(pipe.read_all(), std::to_string(lost) + " lines were left out here: nobody read them\nagain\n");
}

TEST(LineOutput, ALineLongerThanAPipesPieceIsWrittenWhole) {
  const Pipe pipe;
  LineOutput output(pipe.writer.get());
  std::string line(20'000, 'y');
  line += '\n';
  output.write(line);
  EXPECT_EQ(pipe.read_all(), line);
}

TEST(LineOutput, OneThatIsGoneLosesAllAndNothingElse) {
  signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.reader.reset();
  LineOutput output(pipe.writer.get());
  output.write("into the void\n");
  EXPECT_EQ(output.lost(), 1U);
}

}  // namespace
}  // namespace adit::service
