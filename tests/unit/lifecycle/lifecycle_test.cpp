// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "lifecycle/lifecycle.hpp"

#include <chrono>
#include <map>
#include <sys/stat.h>

#include "../support.hpp"
#include "config/hook.hpp"
#include "json/json.hpp"

using namespace lpm;
using namespace std::chrono_literals;
using record::HookOutcome;

namespace {

// A folder of hooks, each a shell script.
struct Hooks {
    const TempDir dir;
    std::map<std::string, std::string> kept;
    record::Record record;

    Hooks() {
        record.id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        record.operation = record::Operation::checkpoint;
        record.container = "c1";
        record.pid = 7;
        record.names = {{"namespace", "shop"}, {"pod", "web-1"}};
    }
    void declare(const std::string& name, const std::string& text) {
        const std::string file = "pre-checkpoint/" + name + ".toml";
        dir.write(file, text);
        ::chmod(dir.path(file).c_str(), 0644);
    }
    void add(const std::string& name, const std::string& script, const std::string& more = "") {
        dir.write(name, "#!/bin/sh\n" + script + "\n");
        ::chmod(dir.path(name).c_str(), 0755);
        declare(name, "path = \"" + dir.path(name) + "\"\n" + more);
    }
    lifecycle::HookResults run(bool frozen = false, std::chrono::milliseconds total = 20s) {
        return lifecycle::run_hooks(
            {lifecycle::Point::pre_checkpoint, frozen, total, dir.path(),
             [&](const std::string& name, std::string_view text) { kept[name] = text; }},
            record);
    }
};

} // namespace

TEST(Lifecycle, runs_them_in_the_order_of_their_names_and_keeps_their_output) {
    Hooks hooks;
    hooks.add("20-second", "echo two");
    hooks.add("10-first", "cat; echo \"$LPM_HOOK $LPM_OPERATION $LPM_CONTAINER $LPM_PID\" >&2");
    const auto done = hooks.run();
    ASSERT_EQ(done.hooks.size(), 2U);
    EXPECT_EQ(done.failure, "");
    EXPECT_EQ(done.hooks[0].name, "10-first");
    EXPECT_EQ(done.hooks[0].outcome, HookOutcome::done);
    EXPECT_EQ(done.hooks[1].point, lifecycle::Point::pre_checkpoint);
    const std::string& said = hooks.kept.at("hook-pre-checkpoint-10-first.log");
    EXPECT_NE(said.find("pre-checkpoint checkpoint c1 7"), std::string::npos) << said;
    const auto state = json::parse(said.substr(0, said.find('\n'))).value();
    EXPECT_EQ(json::text_or_empty(state, "id"), "c1");
    EXPECT_EQ(json::integer(state, "pid"), 7);
    EXPECT_EQ(json::text_or_empty(state, "names.pod"), "web-1");
    EXPECT_EQ(hooks.kept.at("hook-pre-checkpoint-20-second.log"), "two\n");
}

TEST(Lifecycle, a_failure_ends_the_operation_unless_it_only_warns) {
    Hooks hooks;
    hooks.add("10-warns", "echo so sorry; exit 3", "on_failure = \"warn\"\n");
    hooks.add("20-aborts", "echo first line; echo cannot flush; exit 4");
    hooks.add("30-never", "echo here");
    const auto done = hooks.run();
    EXPECT_EQ(done.failure, "hook 20-aborts: ended with status 4: cannot flush");
    ASSERT_EQ(done.hooks.size(), 2U) << "the one after it is not run";
    EXPECT_EQ(done.hooks[0].outcome, HookOutcome::failed);
    EXPECT_EQ(done.hooks[0].message, "ended with status 3: so sorry");
}

TEST(Lifecycle, ends_what_hangs) {
    Hooks hooks;
    hooks.add("10-hangs", "echo before; sleep 60", "timeout_ms = 200\n");
    const auto start = std::chrono::steady_clock::now();
    const auto done = hooks.run();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
    EXPECT_EQ(done.failure, "hook 10-hangs: did not end in 200 ms and was killed: before");
}

TEST(Lifecycle, gives_all_of_them_together_a_time) {
    Hooks hooks;
    hooks.add("10-slow", "sleep 60", "on_failure = \"warn\"\n");
    hooks.add("20-late", "echo here");
    const auto done = hooks.run(false, 200ms);
    EXPECT_EQ(done.hooks[0].outcome, HookOutcome::failed);
    EXPECT_NE(done.failure.find("no time was left"), std::string::npos) << done.failure;
    EXPECT_TRUE(hooks.kept.empty());
}

TEST(Lifecycle, keeps_little_of_much_output) {
    Hooks hooks;
    hooks.add("10-loud", "head -c 104857600 /dev/zero | tr '\\0' x; echo");
    const auto done = hooks.run();
    EXPECT_EQ(done.hooks.at(0).outcome, HookOutcome::done) << done.failure;
    EXPECT_EQ(hooks.kept.at("hook-pre-checkpoint-10-loud.log").size(), 65536U);
}

TEST(Lifecycle, tells_of_a_hook_that_was_killed) {
    Hooks hooks;
    hooks.add("10-dies", "kill -9 $$");
    EXPECT_EQ(hooks.run().failure, "hook 10-dies: ended with status 137");
}

TEST(Lifecycle, does_not_wait_for_what_a_hook_leaves_behind) {
    Hooks hooks;
    hooks.add("10-forks", "sleep 30 & echo started");
    hooks.add("20-chatters", "(timeout 30 yes) & echo started");
    const auto start = std::chrono::steady_clock::now();
    const auto done = hooks.run();
    EXPECT_EQ(done.hooks.at(0).outcome, HookOutcome::done);
    EXPECT_EQ(done.hooks.at(1).outcome, HookOutcome::done) << done.failure;
    EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);
}

TEST(Lifecycle, asks_nothing_of_a_frozen_container) {
    Hooks hooks;
    hooks.add("10-asks", "echo asked");
    hooks.add("20-looks", "echo looked", "when = \"frozen\"\n");
    const auto done = hooks.run(true);
    EXPECT_EQ(done.failure, "");
    ASSERT_EQ(done.hooks.size(), 2U);
    EXPECT_EQ(done.hooks[0].outcome, HookOutcome::skipped);
    EXPECT_FALSE(done.hooks[0].message.empty());
    EXPECT_EQ(done.hooks[1].outcome, HookOutcome::done);
}

TEST(Lifecycle, names_those_that_must_succeed_and_cannot) {
    Hooks hooks;
    hooks.add("10-asks", "true", "on_failure = \"abort\"\n");
    hooks.add("20-warns", "true", "on_failure = \"warn\"\n");
    hooks.add("30-looks", "true", "when = \"frozen\"\non_failure = \"abort\"\n");
    hooks.add("40-others", "true", "on_failure = \"abort\"\n[match]\npod = \"db-*\"\n");
    lifecycle::HookContext round{lifecycle::Point::pre_checkpoint, true, 20s, hooks.dir.path(), {}};
    EXPECT_EQ(lifecycle::skipped_hooks(round, hooks.record.names), std::vector<std::string>{"10-asks"});
    round.frozen = false;
    EXPECT_TRUE(lifecycle::skipped_hooks(round, hooks.record.names).empty());
}

TEST(Lifecycle, runs_no_more_than_a_bound_and_says_so_once) {
    Hooks hooks;
    for (int i = 0; i < 70; ++i)
        hooks.declare(std::to_string(100 + i), "path = \"/nonexistent\"\non_failure = \"warn\"\n");
    std::filesystem::rename(hooks.dir.path("pre-checkpoint"), hooks.dir.path("post-checkpoint"));
    const auto done = lifecycle::run_hooks(
        {lifecycle::Point::post_checkpoint, false, 20s, hooks.dir.path(), {}}, hooks.record);
    ASSERT_EQ(done.hooks.size(), 64U);
    const std::string& said = done.hooks.back().message;
    EXPECT_NE(said.find("no more are run"), std::string::npos);
    EXPECT_EQ(said.find("no more are run"), said.rfind("no more are run"));
}

TEST(Lifecycle, runs_for_the_containers_that_it_is_for) {
    Hooks hooks;
    hooks.add("10-other", "echo no", "[match]\nnamespace = \"bank\"\n");
    hooks.add("20-ours", "echo yes", "[match]\nnamespace = \"shop\"\npod = \"web-*\"\n");
    hooks.add("30-unnamed", "echo no", "[match]\nimage = \"*\"\n");
    const auto done = hooks.run();
    ASSERT_EQ(done.hooks.size(), 1U);
    EXPECT_EQ(done.hooks[0].name, "20-ours");
}

TEST(Lifecycle, says_what_is_wrong_with_a_declaration) {
    Hooks hooks;
    hooks.declare("10-broken", "path = \n");
    hooks.declare("20-relative", "path = \"bin/x\"\n");
    hooks.declare("30-unknown", "path = \"/bin/true\"\nwhat = 1\n");
    hooks.declare("40-none", "args = []\n");
    hooks.declare("50-missing", "path = \"/no/such/program\"\n");
    const auto done = hooks.run();
    EXPECT_TRUE(done.failure.starts_with("hook 50-missing: not run: ")) << done.failure;
    ASSERT_EQ(done.hooks.size(), 5U) << "what cannot be read has not said that it ends anything";
    for (const auto& hook : done.hooks)
        EXPECT_EQ(hook.outcome, HookOutcome::failed);
    EXPECT_EQ(done.hooks[1].message, "not run: 20-relative.toml:1: path: must be an absolute path in ASCII");
    EXPECT_EQ(done.hooks[2].message, "not run: 30-unknown.toml:2: what: unknown key");
    EXPECT_EQ(done.hooks[3].message, "not run: 40-none.toml: path: missing");
}

TEST(Lifecycle, runs_nothing_that_others_can_write) {
    Hooks hooks;
    hooks.add("10-open", "echo here", "on_failure = \"warn\"\n");
    ::chmod(hooks.dir.path("10-open").c_str(), 0777);
    hooks.add("20-declared-open", "echo here");
    ::chmod(hooks.dir.path("pre-checkpoint/20-declared-open.toml").c_str(), 0666);
    const auto done = hooks.run();
    ASSERT_EQ(done.hooks.size(), 2U);
    for (const auto& hook : done.hooks)
        EXPECT_NE(hook.message.find("can be written by others"), std::string::npos) << hook.message;
    EXPECT_TRUE(hooks.kept.empty());
}

TEST(Lifecycle, needs_no_folder) {
    Hooks hooks;
    EXPECT_TRUE(hooks.run().hooks.empty());
}

// A program and a script, whatever is at their path when they are run.
TEST(Lifecycle, runs_what_it_has_looked_at) {
    Hooks hooks;
    hooks.add("10-script", "echo from $0; readlink /proc/$$/fd/3");
    hooks.declare("20-program", "path = \"/bin/echo\"\nargs = [\"from a program\"]\n");
    const auto done = hooks.run();
    EXPECT_EQ(done.failure, "");
    EXPECT_EQ(hooks.kept["hook-pre-checkpoint-10-script.log"],
              "from /proc/self/fd/3\n" + hooks.dir.path("10-script") + "\n");
    EXPECT_EQ(hooks.kept["hook-pre-checkpoint-20-program.log"], "from a program\n");
}

TEST(Lifecycle, runs_nothing_that_others_can_put_in_its_place) {
    Hooks hooks;
    const auto said = [&](const std::string& program) {
        hooks.declare("10-hook", "path = \"" + program + "\"\n");
        return hooks.run().failure;
    };
    hooks.dir.write("open/program", "#!/bin/sh\n");
    ::chmod(hooks.dir.path("open/program").c_str(), 0755);
    EXPECT_EQ(said(hooks.dir.path("open/program")), "");
    std::filesystem::create_symlink(hooks.dir.path("open/program"), hooks.dir.path("link"));
    EXPECT_EQ(said(hooks.dir.path("link")), "") << "root's link";
    ::chmod(hooks.dir.path("open").c_str(), 0777);
    for (const char* path : {"open/program", "link", "open/../open/program"})
        EXPECT_NE(said(hooks.dir.path(path)).find("open) can be written by others"), std::string::npos)
            << path;
    ::chmod(hooks.dir.path("open").c_str(), 01777);
    EXPECT_EQ(said(hooks.dir.path("open/program")), "") << "sticky: nobody can replace root's file";
    ASSERT_EQ(::chown(hooks.dir.path("open").c_str(), 1, 1), 0);
    EXPECT_NE(said(hooks.dir.path("open/program")).find("can be written by others"), std::string::npos);
    std::filesystem::create_symlink("around", hooks.dir.path("around"));
    EXPECT_FALSE(said(hooks.dir.path("around")).empty());
}
