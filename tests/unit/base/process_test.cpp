// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/process.hpp"

#include <fcntl.h>
#include <filesystem>

#include "../support.hpp"
#include "base/file.hpp"

using namespace lpm;
using namespace std::chrono_literals;

TEST(Process, collects_output_and_status) {
    const auto output = run({"sh", "-c", "echo out; echo err >&2; exit 3"}, 10s);
    ASSERT_TRUE(output) << output.error().text;
    EXPECT_EQ(output->text, "out\nerr\n");
    EXPECT_EQ(output->status, 3);
}

TEST(Process, reads_what_it_is_handed) {
    const TempDir dir;
    dir.write("text", "in");
    const Fd text = open_at(AT_FDCWD, dir.path("text"), O_RDONLY).value();
    const auto output = run(Job{.argv = {"cat"}, .timeout = 10s, .from = text.get()});
    ASSERT_TRUE(output) << output.error().text;
    EXPECT_EQ(output->text, "in");
    EXPECT_EQ(run(Job{.argv = {"cat"}, .timeout = 10s, .input = "text"}).value().text, "text");
    EXPECT_EQ(run(Job{.argv = {"cat"}, .timeout = 10s}).value().text, "");
}

TEST(Process, ends_a_program_that_hangs) {
    const auto output = run({"sh", "-c", "sleep 60 & sleep 60"}, 200ms);
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().code, Errc::unavailable);
}

TEST(Process, ends_a_program_that_goes_on_in_silence) {
    const auto output = run({"sh", "-c", "exec >&- 2>&-; sleep 60"}, 300ms);
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().code, Errc::unavailable);
}

TEST(Process, bounds_what_it_keeps) {
    EXPECT_EQ(run({"sh", "-c", "yes | head -c 100000"}, 10s, 10).value().text.size(), 10U);
    EXPECT_EQ(run({"no-such-program-of-lpm"}, 1s).error().code, Errc::absent);
}

TEST(Process, looks_along_path) {
    const TempDir dir;
    dir.write("a/criu", "");
    dir.write("b/criu", "");
    std::filesystem::permissions(dir.path("b/criu"), std::filesystem::perms::owner_all);
    EXPECT_EQ(find_in_path("criu", dir.path("a") + ":" + dir.path("b")), dir.path("b/criu"));
    EXPECT_EQ(find_in_path("criu", ""), "");
    EXPECT_EQ(find_in_path("criu", ":.:relative"), "");
}
