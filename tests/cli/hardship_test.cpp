// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// Traps that lie in the image directory, callers that leave, runtimes that cannot be executed.
#include "gate.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lpm::test;

namespace {

TEST_F(Gate, pipes_in_the_image_directory_do_not_stop_it) {
    for (const bool checked : {false, true}) {
        if (checked)
            with_checks();
        for (const char* name : {"lpm.json", "descriptors.json", "inventory.img", "pstree.img", "dump.log",
                                 "restore.log", "stats-dump", "stats-restore"}) {
            SCOPED_TRACE(name);
            fs::remove_all("/run/d");
            fs::create_directories("/run/d");
            ASSERT_EQ(mkfifo((std::string("/run/d/") + name).c_str(), 0600), 0);
            for (const char* verb : {"checkpoint", "restore"}) {
                const Outcome got =
                    through_lpm(plain({verb, "--image-path", "/run/d", "--parent-path", "../d", "c"}));
                EXPECT_EQ(got.err.find("killed by the test"), std::string::npos) << verb;
                EXPECT_EQ(got.end_signal(), 0) << verb;
            }
        }
    }
}

TEST_F(Gate, links_planted_where_it_writes_are_not_followed) {
    write_file("/run/victim", "as it was");
    for (const char* place :
         {"/run/d/lpm.json", "/run/d/dump.log", "/run/d/stats-dump", "/run/lpm/probe.json",
          "/var/lib/lpm/keeper.lock", "/var/lib/lpm/journal/current"})
        link_to("/run/victim", place);
    const Words words = {"checkpoint", "--image-path", "/run/d", "--work-path", "/run/d", "c"};
    EXPECT_EQ(through_lpm(plain(words)).exit_code(), 0);
    const Outcome settled = call(lpm_gate(), plain({"--settle"}));
    EXPECT_NE(settled.exit_code(), 0);
    EXPECT_NE(settled.err.find("keeper.lock"), std::string::npos) << settled.err;
    call(lpm_gate(), plain({"--probe"}));
    EXPECT_EQ(read_file("/run/victim"), "as it was");
    EXPECT_FALSE(fs::is_symlink("/run/d/lpm.json"));
    expect_one_record("completed");
    for (const auto& entry : fs::recursive_directory_iterator("/var/lib/lpm/logs"))
        EXPECT_FALSE(entry.is_regular_file()) << entry.path() << " was copied from behind a link";
}

// `runc checkpoint ... 2>&1 | true`: nobody reads what the gate says in the end.
TEST_F(Gate, the_record_is_final_before_anything_is_said) {
    for (const bool ignored : {false, true}) {
        fs::remove_all("/var/lib/lpm/records");
        write_file("/run/fake-runc/control", "sleep 200\nsignal 9\n");
        int ends[2];
        ASSERT_EQ(pipe(ends), 0);
        const pid_t pid = fork();
        if (pid == 0) {
            std::signal(SIGPIPE, ignored ? SIG_IGN : SIG_DFL);
            dup2(ends[1], 1);
            dup2(ends[1], 2);
            close(ends[0]);
            close(ends[1]);
            execl("/etc/lpm/bin/runc", "runc", "checkpoint", "c", nullptr);
            _exit(97);
        }
        close(ends[0]);
        close(ends[1]);
        int status = 0;
        ASSERT_EQ(waitpid(pid, &status, 0), pid);
        ASSERT_TRUE(WIFSIGNALED(status)) << status;
        expect_one_record("failed");
        expect_in_record(R"("state": "final")");
        expect_in_record(R"("code": "RuntimeKilled")");
    }
}

class Configured : public Gate {
  protected:
    void SetUp() override {
        Gate::SetUp();
        link_to(fake_runc(), "/usr/libexec/crio/runc"); // where a fallback would find a runtime
    }
    void TearDown() override { fs::remove("/usr/libexec/crio/runc"); }

    static void expect_no_other(const Words& words) {
        SCOPED_TRACE(shown(words));
        const Outcome got = through_lpm(plain(words), {"exit 5"});
        EXPECT_EQ(got.exit_code(), 1);
        EXPECT_TRUE(got.dump.empty()) << "another runtime was run: " << got.at("argv.0");
        EXPECT_EQ(got.out, "");
        EXPECT_EQ(count(got.err, "\n"), 1U) << got.err;
        expect_nothing_to_misread(got.err);
    }
};

TEST_F(Configured, a_runtime_that_is_just_being_replaced_is_not_passed_over) {
    fs::copy_file(fake_runc(), "/run/runc");
    link_to("/run/runc", "/etc/lpm/runtime");
    const int writer = open("/run/runc", O_WRONLY | O_CLOEXEC); // execve: ETXTBSY
    ASSERT_GE(writer, 0);
    expect_no_other({"state", "c"});
    expect_no_other({"checkpoint", "c"});
    close(writer);
    EXPECT_EQ(through_lpm(plain({"state", "c"}), {"exit 5"}).exit_code(), 5);
}

TEST_F(Configured, runc_never_takes_the_place_of_another_implementation) {
    for (const char* name : {"/run/crun", "/run/youki"}) {
        link_to(name, "/etc/lpm/runtime"); // not there
        expect_no_other({"state", "c"});
        expect_no_other({"checkpoint", "c"});
        write_file(name, "", 0644); // there, but nothing to execute
        expect_no_other({"state", "c"});
        expect_no_other({"checkpoint", "c"});
    }
}

} // namespace
