// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "compare.hpp"

#include <gtest/gtest.h>

using namespace lpm;

namespace {

record::Record record_of(const char* id) {
    record::Record record;
    record.id = id;
    record.operation = record::Operation::checkpoint;
    record.outcome = record::Outcome::completed;
    record.criu_version = "4.1";
    record.argv = {"--root", "/run/runc", "checkpoint", "--image-path", id, "--tcp-established", "c1"};
    record.findings = {{.check = "Mptcp", .severity = {}, .verdict = record::Verdict::pass, .message = ""}};
    return record;
}

json::Value inside() {
    return json::parse(R"({"archive": {"path": "/a.tar", "state": "whole"}, "pages_bytes": "4096",
        "processes": [{"pid": 1, "name": "app", "arguments": ["/bin/app", "-x"], "descriptors": [
            {"number": 1, "type": "REG", "path": "/log"}, {"number": 3, "type": "INETSK", "path": "",
             "socket": {"protocol": "TCP", "state": "LISTEN"}}]}, 7],
        "mounts": [{"destination": "/data", "type": "bind", "source": "/srv"}]})")
        .value();
}

} // namespace

TEST(Compare, finds_nothing_between_what_is_alike) {
    cli::Side one;
    cli::Side other;
    one.add(record_of("01A"));
    other.add(record_of("01B"));
    one.add(inside());
    other.add(inside());
    const auto changes = cli::compare(one, other);
    EXPECT_TRUE(changes.none());
    EXPECT_TRUE(changes.left_out.empty());
    EXPECT_EQ(cli::text_of(one, other, changes), "         A       B\n"
                                                 "record   01A     01B\n"
                                                 "archive  /a.tar  /a.tar\n\n"
                                                 "nothing that is compared differs");
}

TEST(Compare, says_what_is_gone_and_what_was_added) {
    cli::Side one;
    cli::Side other;
    auto record = record_of("01A");
    one.add(record);
    one.add(inside());
    record = record_of("01B");
    record.criu_version = "4.2";
    record.argv.emplace_back("--file-locks");
    record.findings.front().verdict = record::Verdict::warn;
    other.add(record);
    auto more = inside();
    more["pages_bytes"] = "8192";
    more["processes"][0]["descriptors"][1]["socket"]["state"] = "ESTABLISHED";
    more["mounts"].clear();
    other.add(more);
    const auto changes = cli::compare(one, other);
    const auto value = cli::value_of(one, other, changes);
    EXPECT_EQ(
        value["facts"],
        json::parse(
            R"([{"name": "criu", "a": "4.1", "b": "4.2"}, {"name": "pages_bytes", "a": 4096, "b": 8192}])")
            .value());
    EXPECT_EQ(value["lists"], json::parse(R"([
        {"name": "checks", "gone": ["Mptcp: pass"], "added": ["Mptcp: warn"]},
        {"name": "descriptors", "gone": ["1 app: 3 INETSK  TCP LISTEN"], "added": ["1 app: 3 INETSK  TCP ESTABLISHED"]},
        {"name": "flags", "gone": [], "added": ["--file-locks"]},
        {"name": "mounts", "gone": ["/data bind /srv"], "added": []}])")
                                  .value());
    const std::string text = cli::text_of(one, other, changes);
    EXPECT_TRUE(text.contains("\npages    4.0 KiB  8.0 KiB\n")) << text;
    EXPECT_TRUE(text.contains("\nmounts: 1 gone, 0 added\n- /data bind /srv")) << text;
}

TEST(Compare, does_not_take_for_gone_what_is_not_known) {
    cli::Side one;
    cli::Side other;
    one.add(record_of("01A"));
    other.add(record_of("01B"));
    other.add(inside());
    const auto changes = cli::compare(one, other);
    EXPECT_TRUE(changes.lists.empty());
    EXPECT_EQ(changes.left_out, (std::vector<std::string>{"descriptors", "mounts", "processes"}));
    EXPECT_TRUE(
        cli::text_of(one, other, changes).contains("\nmounts: not compared, only one of them is known"));
}
