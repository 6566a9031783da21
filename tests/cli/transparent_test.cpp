// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// Nobody may notice lpm-runc: what the runtime is given and what its caller gets back are the same with and
// without it. The comparison itself is tested by a wrapper that changes one thing at a time.
#include "harness.hpp"
#include "shapes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

using namespace lpm::test;

namespace {

class Transparent : public testing::Test {
  protected:
    void SetUp() override { reset_world(); }
};

void expect_equal(const Call& how, const Control& control = {}) {
    SCOPED_TRACE(shown(how.argv));
    const Outcome without = direct(how, control);
    const Outcome with = through_lpm(how, control);
    ASSERT_FALSE(without.dump.empty());
    for (const std::string& name : differences(without, with))
        ADD_FAILURE() << name << ": " << without.at(name) << "  through lpm-runc: " << with.at(name);
    EXPECT_EQ(with.at("pid"), "self");
    EXPECT_EQ(with.at("argv.0"), fake_runc());
}

TEST_F(Transparent, every_ungated_verb_of_every_engine) {
    for (const Words& prefix : prefixes())
        for (const Words& words : ungated())
            expect_equal(plain(prefix + words), {"stdout {\"id\": \"c\"}\\n", "exit 0"});
}

TEST_F(Transparent, every_ungated_verb_in_an_odd_process) {
    for (const Words& words : ungated())
        expect_equal(odd(Words{"--root", "/run/runc"} + words),
                     {"read-stdin", "stderr to stderr\\n", "exit 1"});
}

TEST_F(Transparent, what_runc_answers_itself) {
    write_file("/usr/libexec/lpm/lpm-gate", "#!/bin/sh\necho the gate was called\n", 0755);
    for (const Words& words : answered()) {
        expect_equal(plain(words), {"exit 3"});
        expect_equal(odd(words), {"stdout x", "exit 1"});
    }
}

TEST_F(Transparent, every_exit_status) {
    for (const int code : {0, 1, 2, 3, 17, 126, 127, 128, 137, 254, 255})
        expect_equal(plain({"exec", "c", "x"}), {"exit " + std::to_string(code)});
}

TEST_F(Transparent, death_by_signal) {
    for (const int number : {SIGKILL, SIGTERM, SIGSEGV, SIGPIPE, SIGABRT}) {
        expect_equal(plain({"state", "c"}), {"stdout x", "signal " + std::to_string(number)});
        Call how = plain({"state", "c"});
        how.kill_after_dump = number;
        expect_equal(how, {"sleep 30000"});
        EXPECT_EQ(through_lpm(how, {"sleep 30000"}).end_signal(), number);
    }
}

TEST_F(Transparent, output_of_every_size) {
    for (const char* text : {"", "x", "no newline at the end", "two\\nlines\\n"})
        expect_equal(plain({"state", "c"}), {std::string("stdout ") + text, std::string("stderr ") + text});
    expect_equal(plain({"state", "c"}),
                 {"stdout " + std::string(300'000, 'o'), "stderr " + std::string(70'000, 'e')});
}

TEST_F(Transparent, empty_environment_and_no_input) {
    Call how = plain({"kill", "c", "9"});
    how.env = {};
    how.no_input = true;
    expect_equal(how);
}

TEST_F(Transparent, reached_under_other_names) {
    const Call how = plain({"state", "c"});
    const Outcome without = direct(how);
    for (const char* link : {"/run/runc-by-another-name", "/run/docker-runc"}) {
        link_to("/etc/lpm/bin/runc", link);
        EXPECT_TRUE(differences(without, call(link, how)).empty());
    }
    EXPECT_TRUE(differences(without, call(lpm_runc(), how)).empty());
}

// One field each, and the name under which the comparison must report it. A trailing dot takes any number.
const struct {
    const char* change;
    const char* named;
} perturbations[] = {
    {"argv-changed", "argv.1"},
    {"argv-removed", "argv.2"},
    {"argv-0", "argv.0"},
    {"env-added", "env."},
    {"env-removed", "env."},
    {"env-changed", "env."},
    {"cwd", "cwd"},
    {"umask", "umask"},
    {"mask", "status.SigBlk"},
    {"pending", "status.SigPnd"},
    {"ignored", "status.SigIgn"},
    {"not-ignored", "status.SigIgn"},
    {"rlimit", "rlimit."},
    {"fd-opened", "fd.3"},
    {"fd-closed", "fd.5"},
    {"fd-flags", "fd.5"},
    {"fd-moved", "fd.6"},
    {"fd-offset", "fd.5"},
    {"stdin-closed", "fd.0"},
    {"stdin-read", "stdin"},
    {"session", "sid"},
    {"session", "pgid"},
    {"pdeathsig", "pdeathsig"},
    {"no-pdeathsig", "pdeathsig"},
    {"no-new-privs", "status.NoNewPrivs"},
    {"subreaper", "subreaper"},
    {"timerslack", "timerslack"},
    {"securebits", "securebits"},
    {"bounding-set", "status.CapBnd"},
    {"personality", "personality"},
    {"nice", "nice"},
    {"scheduler", "scheduler"},
    {"affinity", "status.Cpus_allowed"},
    {"ioprio", "ioprio"},
    {"itimer", "itimer"},
    {"oom", "oom_score_adj"},
    {"groups", "status.Groups"},
    {"network", "ns.net"},
    {"stdout", "stdout"},
    {"stderr", "stderr"},
    {"pid", "pid"},
    {"pid", "ppid"},
    {"pid", "listen_pid"},
    {"exit", "status"},
    {"signal", "status"},
};

TEST(Comparison, names_each_field_that_a_wrapper_changes) {
    reset_world();
    for (const auto& [change, named] : perturbations) {
        SCOPED_TRACE(change);
        Call how = odd({"--root", "/r", "state", "c"});
        how.env = {"HOME=/root", "A=B"};
        how.umask = 022;
        how.new_session = std::string(change) != "session";
        how.nice = 0;
        const Control control = {"read-stdin", "stdout out", "stderr err",
                                 std::string(change) == "signal" ? "signal 9" : "exit 4"};
        const Outcome good = direct(how, control);
        write_file("/run/fake-runc/perturb", std::string(change) + "\n" + fake_runc() + "\n");
        const Outcome bad = call(built("tests/cli/perturb"), how, control);
        const std::vector<std::string> names = differences(good, bad);
        const std::string wanted = named;
        EXPECT_TRUE(std::any_of(names.begin(), names.end(),
                                [&](const std::string& name) {
                                    return wanted.ends_with('.') ? name.starts_with(wanted) : name == wanted;
                                }))
            << named << " was not named, but: " << shown(names);
    }
}

TEST(Comparison, finds_nothing_in_two_equal_calls) {
    reset_world();
    write_file("/run/fake-runc/perturb", "nothing\n" + fake_runc() + "\n");
    const Call wrapped = odd({"state", "c"});
    EXPECT_EQ(differences(direct(wrapped), call(built("tests/cli/perturb"), wrapped)),
              std::vector<std::string>{});
    for (const Call& how : {plain({"state", "c"}), odd({"state", "c"})})
        EXPECT_EQ(differences(direct(how, {"read-stdin"}), direct(how, {"read-stdin"})),
                  std::vector<std::string>{});
}

} // namespace
