// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// What a record says of a call: which images, whose they were, how it ended.
#include "gate.hpp"

#include <csignal>

using namespace lpm::test;

namespace {

constexpr char earlier[] = "01M86A8CP04PT3J4G0VS4YRB7K";

void write_manifest(const std::string& dir, const std::string& record) {
    fs::create_directories(dir);
    write_file(dir + "/lpm.json",
               R"({"schema": 1, "record": ")" + record + R"(", "container": "c", "arch": "x86_64"})");
}

TEST_F(Gate, the_record_names_the_dump_that_it_builds_on) {
    write_manifest("/run/d/first", earlier);
    fs::create_directories("/run/d/second");
    const Words words = {"checkpoint", "--image-path", "/run/d/second", "--parent-path", "../first", "c"};
    EXPECT_EQ(through_lpm(plain(words)).exit_code(), 0);
    expect_in_record(std::string(R"("parent": ")") + earlier + "\"");
}

TEST_F(Gate, the_record_names_the_checkpoint_that_is_restored) {
    write_manifest("/run/d/first", earlier);
    EXPECT_EQ(through_lpm(plain({"restore", "--image-path", "/run/d/first", "c"})).exit_code(), 0);
    expect_in_record(std::string(R"("restored_from": ")") + earlier + "\"");
}

TEST_F(Gate, a_hostile_manifest_names_nothing) {
    const std::string good = std::string(R"({"schema": 1, "record": ")") + earlier + R"(", "x": )";
    const std::string texts[] = {
        R"({"schema": 1, "record": "../../etc/passwd"})",
        R"({"schema": 1, "record": "01M86A8CP04PT3J4G0VS4YRB7K/../../x"})",
        R"({"schema": 1, "record": "01M86A8CP04PT3J4G0VS4YRB7K\u0000"})",
        R"({"schema": 1, "record": ["01M86A8CP04PT3J4G0VS4YRB7K"]})",
        R"(["01M86A8CP04PT3J4G0VS4YRB7K"])",
        good,
        good + std::string(50'000, '[') + "}",
        good + "\"" + std::string(200'000, 'x') + "\"}",
        "",
    };
    for (const std::string& text : texts) {
        SCOPED_TRACE(text.substr(0, 80));
        fs::remove_all("/var/lib/lpm/records");
        fs::create_directories("/run/d/first");
        write_file("/run/d/first/lpm.json", text);
        EXPECT_EQ(through_lpm(plain({"restore", "--image-path", "/run/d/first", "c"})).exit_code(), 0);
        EXPECT_EQ(only_record().find("restored_from"), std::string::npos) << only_record();
        fs::remove_all("/var/lib/lpm/records");
        const Words words = {"checkpoint", "--image-path", "/run/d/x", "--parent-path", "../first", "c"};
        EXPECT_EQ(through_lpm(plain(words)).exit_code(), 0);
        EXPECT_EQ(only_record().find("\"parent\":"), std::string::npos) << only_record();
    }
}

TEST_F(Gate, without_an_image_path_the_images_are_where_the_caller_is) {
    fs::create_directories("/run/b");
    fs::create_directories("/run/here");
    for (const Words& words : {Words{"restore", "--bundle", "/run/b", "c"}, Words{"checkpoint", "c"},
                               Words{"restore", "--image-path=", "--bundle", "/run/b", "c"},
                               Words{"checkpoint", "--image-path", "", "c"}}) {
        SCOPED_TRACE(shown(words));
        fs::remove_all("/var/lib/lpm/records");
        Call how = plain(words);
        how.cwd = "/run/here";
        EXPECT_EQ(through_lpm(how).exit_code(), 0);
        expect_in_record(R"("image_path": "/run/here/checkpoint")");
    }
}

TEST_F(Gate, a_killed_runtime_is_recorded_as_that) {
    for (const int number : {SIGKILL, SIGSEGV}) {
        fs::remove_all("/var/lib/lpm/records");
        EXPECT_EQ(through_lpm(plain({"checkpoint", "c"}), {"signal " + std::to_string(number)}).end_signal(),
                  number);
        expect_one_record("failed");
        expect_in_record(R"("code": "RuntimeKilled")");
        expect_in_record("\"signal\": " + std::to_string(number));
    }
}

TEST_F(Gate, a_restore_in_the_foreground_that_leaves_no_figures_has_failed) {
    fs::create_directories("/run/d");
    const Words words = {"restore", "--image-path", "/run/d", "--work-path", "/run/d", "c"};
    EXPECT_EQ(through_lpm(plain(words), {"exit 7"}).exit_code(), 7);
    expect_one_record("failed");
    // An earlier restore's figures say nothing of this one.
    write_file("/run/d/stats-restore", "from yesterday");
    fs::remove_all("/var/lib/lpm/records");
    EXPECT_EQ(through_lpm(plain(words), {"exit 7"}).exit_code(), 7);
    expect_one_record("failed");
}

} // namespace
