// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>

#include <sys/utsname.h>

#include "../support.hpp"
#include "record/record.hpp"
#include "json/json.hpp"

using namespace lpm;

static record::Record full() {
    record::Record r;
    r.id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    r.final = true;
    r.operation = record::Operation::checkpoint;
    r.outcome = record::Outcome::failed;
    r.container = "c1";
    r.root = "/run/runc";
    r.gate_pid = 99;
    r.gate_start = 12345;
    r.bundle = "/b";
    r.pid = 7;
    r.frozen = true;
    r.names = {{"namespace", "shop"}, {"pod", "web-1"},     {"pod_uid", "0e6d"},
               {"name", "redis"},     {"image", "redis:8"}, {"image_ref", "abc"}};
    r.runtime_path = "/usr/sbin/runc";
    r.runtime_kind = "runc";
    r.runtime_version = "1.3.6";
    r.criu_path = "/usr/sbin/criu";
    r.criu_version = "4.2.1";
    r.argv = {"checkpoint", "c1"};
    r.additions = {"--x"};
    r.image_path = "/i";
    r.work_path = "/w";
    r.parent_path = "../p";
    r.leave_running = true;
    r.tcp = config::Tcp::close;
    r.host = "n";
    r.boot_id = "b";
    r.kernel = "6.1";
    r.arch = "x86_64";
    r.started = "2026-01-01T00:00:00.000Z";
    r.delegated = "2026-01-01T00:00:00.001Z";
    r.ended = "2026-01-01T00:00:01.000Z";
    r.findings = {{"Terminal", config::Severity::block, record::Verdict::warn, "has one"},
                  {"DiskSpace", config::Severity::block, record::Verdict::pass, ""}};
    r.exit_status = 1;
    r.signal = 9;
    r.code = "TcpEstablished";
    r.message = "m";
    r.stats = {{"frozen_us", 12}};
    r.image_bytes = 99;
    r.parent = r.id;
    r.restored_from = r.id;
    r.notes = {"n"};
    return r;
}

TEST(Record, survives_being_written_and_read) {
    const std::string text = record::write_record(full());
    const auto read = record::parse_record(text);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(record::write_record(*read), text);
    EXPECT_EQ(read->findings.size(), 2U);
    EXPECT_EQ(read->signal, 9);
    EXPECT_EQ(read->stats, full().stats);
    EXPECT_EQ(read->gate_pid, 99);
    EXPECT_EQ(read->gate_start, 12345U);
}

TEST(Record, begins_with_what_every_one_has) {
    const auto record = record::begin_record(record::Operation::create);
    EXPECT_TRUE(record::valid_id(record.id));
    EXPECT_EQ(record.operation, record::Operation::create);
    utsname system{};
    ASSERT_EQ(::uname(&system), 0);
    EXPECT_EQ(record.host, system.nodename);
    EXPECT_EQ(record.kernel, system.release);
    EXPECT_EQ(record.arch, system.machine);
    EXPECT_EQ(record.started.size(), std::string_view("2026-01-01T00:00:00.000Z").size());
    EXPECT_FALSE(record.final);
}

TEST(Record, reads_what_the_first_version_wrote) {
    const auto read = record::parse_record(data("records/v1.json"));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(record::write_record(*read), data("records/v1.json"))
        << "all but a new member that may be missing needs a new schema number and a reader for the old";
    EXPECT_EQ(read->outcome, record::Outcome::failed);
}

// As gates of schema 1 left them on test nodes, one of each kind.
TEST(Record, reads_every_kind_that_schema_1_has) {
    const std::filesystem::path dir = LPM_TEST_DATA "/records/v1";
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir)) {
        ++count;
        const std::string text = data("records/v1/" + entry.path().filename().string());
        const auto read = record::parse_record(text);
        ASSERT_TRUE(read) << entry.path() << ": " << read.error().text;
        EXPECT_EQ(record::write_record(*read), text) << entry.path() << ": something is lost";
        EXPECT_EQ(read->final, !read->outcome.empty()) << entry.path();
        EXPECT_EQ(entry.path().filename().string().find(read->operation.text()), 0U) << entry.path();
    }
    EXPECT_GE(count, 9);
}

TEST(Record, refuses_what_it_does_not_know) {
    EXPECT_FALSE(record::parse_record("{}"));
    EXPECT_FALSE(record::parse_record(R"({"schema":1,"id":"../../etc/passwd"})"));
    EXPECT_NE(record::parse_record(R"({"schema":1,"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","state":"archived"})")
                  .error()
                  .text.find("archived"),
              std::string::npos)
        << "which is no intent that somebody has to end";
    EXPECT_TRUE(
        record::parse_record(R"({"schema":1,"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","later":{"x":1},"pid":"x"})"));
}

// It is read by an lpm that was put back, and rewritten by a settling one.
TEST(Record, keeps_members_that_it_does_not_know) {
    const std::string text =
        R"({"schema":1,"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","state":"intent","later":{"x":[1,2]},)"
        R"("container":{"id":"c1","colour":"red"},"checks":[{"id":"A","verdict":"pass","took_us":7}]})";
    auto read = record::parse_record(text).value();
    EXPECT_FALSE(record::is_later(read));
    read.final = true;
    read.outcome = record::Outcome::interrupted;
    read.notes.emplace_back("settled");
    const auto again = json::parse(record::write_record(read)).value();
    EXPECT_EQ(again["later"]["x"].size(), 2U);
    EXPECT_EQ(json::text_or_empty(again, "container.colour"), "red");
    EXPECT_EQ(json::text_or_empty(again, "container.id"), "c1");
    EXPECT_EQ(again["checks"][0]["took_us"], 7);
    EXPECT_EQ(json::text_or_empty(again, "state"), "final");
    EXPECT_EQ(json::text_or_empty(again, "outcome"), "interrupted");
    EXPECT_EQ(again["notes"].size(), 1U);
}

TEST(Record, shows_what_it_knows_of_a_later_schema) {
    const auto read = record::parse_record(
        R"({"schema":2,"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","state":"archived","container":{"id":"c1"}})");
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_TRUE(record::is_later(*read));
    EXPECT_EQ(read->container, "c1");
    EXPECT_FALSE(read->final);
}

TEST(Record, is_never_longer_than_is_read_again) {
    record::Record r = record::begin_record(record::Operation::checkpoint);
    r.container = "c1";
    for (int i = 0; i < 3000; ++i)
        r.names.emplace_back("name" + std::to_string(i), std::string(500, 'x'));
    const std::string text = record::write_record(r);
    EXPECT_LE(text.size(), std::size_t{1} << 20U);
    const auto read = record::parse_record(text);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->container, "c1");
    ASSERT_EQ(read->notes.size(), 1U);
    EXPECT_NE(read->notes.front().find("left out"), std::string::npos);
}

// A newer lpm may have more of them: they are no value that we know, and are not lost.
TEST(Record, keeps_words_that_it_does_not_know) {
    const std::string text =
        R"({"checks":[{"id":"A","severity":"deny","verdict":"postponed"}],"hooks":[{"name":"h","outcome":"late",)"
        R"("point":"post-create","time_ms":0}],"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","invocation":{"tcp":"repair"},)"
        R"("operation":"migrate","outcome":"postponed","schema":1,"state":"final"})";
    const auto read = record::parse_record(text);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->operation.value(), std::nullopt);
    EXPECT_EQ(read->operation.text(), "migrate");
    EXPECT_FALSE(read->operation == record::Operation{});
    EXPECT_FALSE(read->outcome.empty()) << "it has ended, in whatever way";
    const auto again = json::parse(record::write_record(*read)).value();
    const auto before = json::parse(text).value();
    for (const char* member : {"checks", "hooks", "operation", "outcome"})
        EXPECT_EQ(again[member], before[member]);
    EXPECT_EQ(json::text_or_empty(again, "invocation.tcp"), "repair");
    EXPECT_TRUE(record::Record{}.operation.empty()) << "which is not the first of the words";
}

TEST(CheckpointManifest, survives_being_written_and_read) {
    const auto manifest = record::parse_manifest(record::write_manifest(full()));
    ASSERT_TRUE(manifest) << manifest.error().text;
    EXPECT_EQ(manifest->record, full().id);
    EXPECT_EQ(manifest->criu, "4.2.1");
    EXPECT_EQ(manifest->runtime, "runc 1.3.6");
    EXPECT_EQ(manifest->image, "redis:8");
    EXPECT_EQ(manifest->image_ref, "abc");
    EXPECT_EQ(manifest->name_space, "shop");
    EXPECT_EQ(manifest->pod, "web-1");
    EXPECT_EQ(manifest->pod_uid, "0e6d");
    EXPECT_EQ(manifest->container_name, "redis");
    EXPECT_EQ(manifest->attempt, "");
    EXPECT_TRUE(manifest->tcp == config::Tcp::close);
    EXPECT_FALSE(record::parse_manifest(R"({"record":"../x"})"));
}

// As lpm 0.1 left them in archives; the second has all that there was.
TEST(CheckpointManifest, reads_what_was_written_before) {
    const auto least = record::parse_manifest(data("manifests/v1-least.json"));
    ASSERT_TRUE(least) << least.error().text;
    EXPECT_EQ(least->record, full().id);
    EXPECT_EQ(least->arch, "x86_64");
    EXPECT_EQ(least->cpu + least->image + least->name_space + least->pod + least->container_name, "");
    EXPECT_TRUE(least->tcp.empty());
    const auto most = record::parse_manifest(data("manifests/v1.json"));
    ASSERT_TRUE(most) << most.error().text;
    EXPECT_EQ(most->container, "c1");
    EXPECT_EQ(most->kernel, "6.1");
    EXPECT_EQ(most->runtime, "runc 1.3.6");
    EXPECT_EQ(most->criu, "4.2.1");
    EXPECT_EQ(most->created, "2026-01-01T00:00:01.000Z");
    EXPECT_EQ(most->cpu, "sse2 avx");
    EXPECT_TRUE(most->tcp == config::Tcp::established);
    EXPECT_EQ(most->image, "redis:8");
    EXPECT_EQ(most->image_ref, "abc");
    // What it has, a record of today says in the same bytes.
    auto r = full();
    r.names = {{"image", "redis:8"}, {"image_ref", "abc"}};
    r.cpu = "sse2 avx";
    r.tcp = config::Tcp::established;
    EXPECT_EQ(record::write_manifest(r), data("manifests/v1.json"));
}

TEST(CheckpointManifest, stays_small) {
    auto r = full();
    r.names = {{"namespace", std::string(253, 'n')}, {"pod", std::string(254, 'p')}};
    const auto manifest = record::parse_manifest(record::write_manifest(r)).value();
    EXPECT_EQ(manifest.name_space.size(), 253U);
    EXPECT_EQ(manifest.pod, "") << "no name of Kubernetes is so long";
}

TEST(Record, has_the_attempt_that_asked_for_it) {
    auto r = full();
    r.attempt = "6f1c2c0e-1f0b-4a6e-9a53-0d7c5e1f2a3b";
    EXPECT_EQ(record::parse_record(record::write_record(r))->attempt, r.attempt);
    EXPECT_EQ(record::parse_manifest(record::write_manifest(r))->attempt, r.attempt);
    EXPECT_EQ(record::write_record(full()).find("attempt"), std::string::npos);
    EXPECT_EQ(record::write_manifest(full()).find("attempt"), std::string::npos);
    EXPECT_TRUE(record::valid_attempt(std::string(64, 'a')));
    for (const std::string& bad :
         {std::string(65, 'a'), std::string("a b"), std::string("a/b"), std::string("\n")}) {
        EXPECT_FALSE(record::valid_attempt(bad)) << bad;
        r.attempt = bad;
        EXPECT_EQ(record::write_record(r).find("attempt"), std::string::npos) << bad;
        EXPECT_EQ(record::write_manifest(r).find("attempt"), std::string::npos) << bad;
        const auto member = json::write({{"schema", 1}, {"id", r.id}, {"record", r.id}, {"attempt", bad}});
        EXPECT_EQ(record::parse_record(member)->attempt, "") << bad;
        EXPECT_EQ(record::parse_manifest(member)->attempt, "") << bad;
    }
}

TEST(Ulid, sorts_by_time_and_differs) {
    std::vector<std::string> ids;
    for (int i = 0; i < 1000; ++i)
        ids.push_back(record::new_id());
    for (const auto& id : ids)
        EXPECT_TRUE(record::valid_id(id)) << id;
    std::ranges::sort(ids);
    EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
    EXPECT_FALSE(record::valid_id("01ARZ3NDEKTSV4RRFFQ69G5FAU"
                                  "x"));
    EXPECT_FALSE(record::valid_id("01ARZ3NDEKTSV4RRFFQ69G5FAI"));
}
