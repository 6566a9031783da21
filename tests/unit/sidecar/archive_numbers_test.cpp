// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "archive_numbers.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"

using namespace lpm;
using node::ArchiveState;
using sidecar::KnownArchive;

namespace {

KnownArchive archive(ArchiveState state, std::optional<bool> writing, std::uint64_t modified_ms) {
    return {.file = {.path = "/a/1.tar", .id = "1", .modified_ms = modified_ms, .writing = writing},
            .state = state};
}

void expect_line(const std::string& text, const std::string& line) {
    EXPECT_NE(text.find("\n" + line + "\n"), std::string::npos) << line << "\nis not in\n" << text;
}

} // namespace

TEST(ArchiveNumbers, count_by_state_and_folder) {
    const std::vector<service::ArchiveFolder> folders{
        {.path = "/a", .files = {{.path = "/a/1.tar", .size = 5}, {.path = "/a/2.tar", .size = 7}}},
        {.path = "/b", .fault = "cannot be read"},
        {.path = "/c", .cut_off = true},
    };
    // The clock that tells whether an archive without leases may be written.
    const std::uint64_t now_ms = to_milliseconds(now());
    const std::vector<KnownArchive> seen{
        archive(ArchiveState::whole, false, now_ms - 99'000),
        archive(ArchiveState::whole, false, now_ms - 98'000),
        archive(ArchiveState::whole, true, now_ms - 30'000),
        archive(ArchiveState::truncated, true, now_ms - 60'000),
        archive(ArchiveState::truncated, false, now_ms - 99'000),
        archive(ArchiveState::unknown, std::nullopt, now_ms - 5'000), // just written
        archive(ArchiveState::unknown, std::nullopt, now_ms - 99'000),
    };
    const std::string text = sidecar::numbers_of(folders, seen, now_ms);
    for (const char* line : {
             R"(lpm_archives{state="whole"} 2)",
             R"(lpm_archives{state="writing"} 3)",
             R"(lpm_archives{state="truncated"} 1)",
             R"(lpm_archives{state="incomplete"} 0)",
             R"(lpm_archives{state="other"} 0)",
             R"(lpm_archives{state="unknown"} 1)",
             R"(lpm_archive_bytes{folder="/a"} 12)",
             R"(lpm_archive_bytes{folder="/b"} 0)",
             R"(lpm_archive_folder_faults{folder="/a"} 0)",
             R"(lpm_archive_folder_faults{folder="/b"} 1)",
             R"(lpm_archive_folder_faults{folder="/c"} 1)",
             "lpm_archive_writing_idle_seconds 60",
         })
        expect_line(text, line);
}

TEST(ArchiveNumbers, are_nothing_where_there_is_none) {
    const std::string text = sidecar::numbers_of({}, {}, 100'000);
    expect_line(text, R"(lpm_archives{state="whole"} 0)");
    expect_line(text, "lpm_archive_writing_idle_seconds 0");
    expect_line(text, "lpm_archives_seen_timestamp_seconds 100");
    // A clock that was set back.
    const std::vector<KnownArchive> later{archive(ArchiveState::unknown, true, 200'000)};
    expect_line(sidecar::numbers_of({}, later, 100'000), "lpm_archive_writing_idle_seconds 0");
}

TEST(ArchiveNumbers, wait_for_no_gate) {
    sidecar::Gate gate("/none/gate.sock");
    sidecar::Archives archives(gate);
    sidecar::ArchiveNumbers numbers(archives);
    EXPECT_EQ(numbers.text(), "");
    EXPECT_EQ(numbers.text(), "");
}
