// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service/told_images.hpp"

#include <gtest/gtest.h>

#include "check/check.hpp"
#include "service/message.hpp"

using namespace lpm;

namespace {

inspect::ImageFacts some_facts() {
    inspect::ImageFacts facts;
    facts.descriptors = Result<>();
    facts.mtype = criu::March::x86_64;
    facts.inventory = criu::InventoryEntry{.lsmtype = criu::LsmType::apparmor,
                                           .tcp_close = true,
                                           .network_lock_method = 2,
                                           .allow_uprobes = true};
    facts.manifest = record::CheckpointManifest{};
    facts.manifest->cpu = "avx2 sse4_2";
    facts.manifest->kernel = "6.12.1";
    facts.manifest->tcp = config::Tcp::established;
    facts.connections = {{.local = {"10.0.0.1", 80}, .remote = {"10.0.0.2", 50000}}};
    facts.tcp_streams = true;
    facts.profiles = {{.pid = 1, .text = "crio-default"}};
    facts.dumped.file_locks = true;
    return facts;
}

Result<inspect::ImageFacts> through_a_request(const inspect::ImageFacts& facts) {
    service::Request request;
    request.verb = service::Verb::judge_restore;
    request.images = facts;
    const std::string text = service::write_request(request);
    EXPECT_LE(text.size(), service::max_request);
    auto read = service::parse_request(text);
    if (!read)
        return std::unexpected(read.error());
    return std::move(read->images);
}

std::string problem_with(const std::string& images) {
    const auto read = service::parse_request(R"({"verb":"judge-restore","images":)" + images + "}");
    EXPECT_FALSE(read) << images;
    return read ? "" : read.error().text;
}

} // namespace

TEST(ToldImages, come_back_as_they_were_written) {
    const auto read = through_a_request(some_facts());
    ASSERT_TRUE(read) << read.error().text;
    ASSERT_TRUE(read->descriptors);
    EXPECT_TRUE(read->descriptors->has_value());
    EXPECT_EQ(read->mtype, criu::March::x86_64);
    ASSERT_TRUE(read->inventory);
    EXPECT_EQ(read->inventory->lsmtype, criu::LsmType::apparmor);
    EXPECT_TRUE(read->inventory->tcp_close);
    EXPECT_TRUE(read->inventory->allow_uprobes);
    EXPECT_EQ(read->inventory->network_lock_method, 2U);
    ASSERT_TRUE(read->manifest);
    EXPECT_EQ(read->manifest->cpu, "avx2 sse4_2");
    EXPECT_EQ(read->manifest->kernel, "6.12.1");
    EXPECT_TRUE(read->manifest->tcp == config::Tcp::established);
    ASSERT_TRUE(read->connections);
    ASSERT_EQ(read->connections->size(), 1U);
    EXPECT_EQ(read->connections->front().remote.address, "10.0.0.2");
    EXPECT_EQ(read->connections->front().local.port, 80);
    EXPECT_TRUE(read->tcp_streams);
    ASSERT_TRUE(read->profiles);
    EXPECT_EQ(read->profiles->front().text, "crio-default");
    EXPECT_TRUE(read->dumped.file_locks);
}

TEST(ToldImages, what_was_not_read_stays_unknown) {
    const auto read = through_a_request({});
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_FALSE(read->descriptors || read->mtype || read->inventory || read->manifest || read->connections ||
                 read->profiles);
}

TEST(ToldImages, a_long_list_loses_its_end) {
    auto facts = some_facts();
    facts.connections->resize(100'000, facts.connections->front());
    facts.profiles->resize(1000, {.pid = 1, .text = "crio-default"});
    const auto read = through_a_request(facts);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->connections->size(), service::most_told);
    EXPECT_EQ(read->profiles->size(), service::most_told);
}

TEST(ToldImages, say_what_is_wrong_with_them) {
    EXPECT_NE(problem_with("[]").find("images: must be an object"), std::string::npos);
    EXPECT_NE(problem_with(R"({"machine":-1})").find("images.machine"), std::string::npos);
    EXPECT_NE(problem_with(R"({"machine":4294967296})").find("images.machine"), std::string::npos);
    EXPECT_NE(problem_with(R"({"inventory":{}})").find("images.lsm"), std::string::npos);
    EXPECT_NE(problem_with(R"({"connections":{}})").find("images.connections"), std::string::npos);
    EXPECT_NE(problem_with(R"({"connections":[{"local":{"address":"a","port":65536}}]})").find("images.port"),
              std::string::npos);
    EXPECT_NE(
        problem_with(R"({"profiles":[{"pid":1,"text":")" + std::string(9000, 'a') + R"("}]})").find("8192"),
        std::string::npos);
    const auto missing = service::parse_request(R"({"verb":"judge-restore"})");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().text, "images: must be there");
}

// Each check that is marked, and no other, has all that it needs.
TEST(Verification, is_by_the_checks_that_need_no_container) {
    inspect::Facts facts;
    facts.subject.stage = inspect::Stage::restore;
    facts.images = some_facts();
    const inspect::HostFacts host;
    inspect::compare_told(facts.images, {.caller = facts.caller,
                                         .host = host,
                                         .bundle = facts.bundle,
                                         .deadline = Deadline(std::chrono::seconds(10))});
    facts.host.march = criu::March::aarch64;
    facts.host.cpu = "sse4_2";
    facts.host.kernel = inspect::KernelVersion{.major = 5, .minor = 15};
    facts.caller.environment = inspect::Environment{.path = "/bin"};
    facts.tools.criu = criu::CriuFacts{};
    facts.tools.criu->version = 40201;
    auto outcome = check::run(facts, {}, Deadline(std::chrono::seconds(10)));
    check::keep_verified(outcome.findings);
    std::string verdicts;
    for (const auto& finding : outcome.findings)
        verdicts += finding.check + " " + finding.verdict.text() + "\n";
    EXPECT_EQ(verdicts,
              "ToolingMissing block\nCapabilities unknown\nDescriptorsMissing pass\nArchMismatch block\n"
              "CpuMismatch block\nTcpOptionMissing block\nLsmMismatch block\nKernelOlder warn\n"
              "Uprobes block\n");
}
