// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node_numbers.hpp"

#include <gtest/gtest.h>
#include <thread>

#include "../support.hpp"

using namespace lpm;

namespace {

bool has_line(const std::string& text, const std::string& line) {
    return text.contains("\n" + line + "\n");
}

class RecordNumbers : public testing::Test {
  protected:
    void end(record::Outcome outcome, const std::string& code = "") {
        auto store = record::Store::open(dir.path());
        ASSERT_TRUE(store);
        record::Record record;
        record.id = record::new_id();
        record.operation = record::Operation::checkpoint;
        record.container = "c1";
        ASSERT_TRUE(store->publish(record)); // the intent, which does not count
        record.final = true;
        record.outcome = outcome;
        record.code = code;
        record.ended = rfc3339(now());
        ASSERT_TRUE(store->publish(record));
        ASSERT_TRUE(store->publish(record)); // as when its pause is found out later
    }
    TempDir dir;
};

} // namespace

TEST_F(RecordNumbers, count_what_has_ended_since) {
    end(record::Outcome::completed);
    std::this_thread::sleep_for(std::chrono::milliseconds(2)); // times are in milliseconds
    sidecar::RecordNumbers numbers(dir.path());
    EXPECT_TRUE(
        has_line(numbers.text(), R"(lpm_operations_total{operation="checkpoint",outcome="completed"} 0)"))
        << "what was before it began";
    end(record::Outcome::completed);
    end(record::Outcome::refused, "TcpEstablished");
    end(record::Outcome::refused, "TcpEstablished");
    for (int i = 0; i < 2; ++i) { // asking again changes nothing
        const std::string text = numbers.text();
        EXPECT_TRUE(has_line(text, R"(lpm_operations_total{operation="checkpoint",outcome="completed"} 1)"))
            << text;
        EXPECT_TRUE(has_line(
            text,
            R"(lpm_operation_reasons_total{code="TcpEstablished",operation="checkpoint",outcome="refused"} 2)"))
            << text;
        EXPECT_TRUE(has_line(text, "lpm_records_readable 1")) << text;
    }
}

TEST_F(RecordNumbers, are_told_to_be_missing) {
    sidecar::RecordNumbers numbers(dir.path("nowhere"));
    EXPECT_TRUE(has_line(numbers.text(), "lpm_records_readable 0"));
}

TEST(ToolNumbers, say_what_the_probe_has_found) {
    EXPECT_TRUE(has_line(sidecar::numbers_of(criu::Tooling{}), "lpm_probed 0"));
    EXPECT_FALSE(sidecar::numbers_of(criu::Tooling{}).contains("\nlpm_runtimes "));
    criu::Tooling tooling{.boot_id = "b", .runtimes = {}, .crius = {}};
    EXPECT_TRUE(has_line(sidecar::numbers_of(tooling), "lpm_runtimes 0"));
    oci::RuntimeFacts runtime;
    runtime.path = "/usr/sbin/runc";
    runtime.kind = oci::RuntimeKind::runc;
    runtime.version = "1.2.5";
    tooling.runtimes.push_back(runtime);
    tooling.crius.push_back({.path = "/usr/sbin/criu", .key = "k", .version = 40201, .dump_failure = ""});
    tooling.crius.push_back({.path = "/opt/criu", .key = "l", .version = 31700, .dump_failure = "no vdso"});
    tooling.crius.push_back({.path = "/x/criu", .key = "m", .version = 31700});
    const std::string text = sidecar::numbers_of(tooling);
    for (const char* line : {"lpm_probed 1", "lpm_runtimes 1",
                             R"(lpm_runtime_info{kind="runc",path="/usr/sbin/runc",version="1.2.5"} 1)",
                             R"(lpm_criu_info{path="/usr/sbin/criu",version="4.2.1"} 1)",
                             R"(lpm_criu_info{path="/opt/criu",version="3.17"} 0)"})
        EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
    EXPECT_FALSE(text.contains("/x/criu")) << "nobody has tried it";
}
