// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// lpm-hook as a runtime calls it: the state on standard input, the exit status and standard error back.
#include "gate.hpp"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lpm::test;

namespace {

constexpr char note[] = "/run/lpm/hooks/c1.json";
constexpr char ramfs[] = R"({"destination":"/scratch","type":"ramfs","source":"ramfs"})";

class Hook : public testing::Test {
  protected:
    void SetUp() override {
        reset_world();
        fs::create_directories("/run/b");
    }

    static void bundle(const std::string& annotation, const std::string& mounts = "") {
        const std::string notes =
            annotation.empty() ? "" : R"("lpm.my.domain/checkpointable":")" + annotation + "\"";
        write_file("/run/b/config.json",
                   R"({"ociVersion":"1.2.0","process":{"args":["x"]},"mounts":[)" + mounts +
                       R"(],"linux":{"namespaces":[{"type":"pid"}]},"annotations":{)" + notes + "}}");
    }
    static std::string state(const std::string& status = "creating", const std::string& id = "c1",
                             const std::string& path = "/run/b", const std::string& asked = "",
                             pid_t pid = 0) {
        return R"({"ociVersion":"1.2.0","id":")" + id + R"(","status":")" + status + R"(",)" +
               (pid > 0 ? R"("pid":)" + std::to_string(pid) + "," : "") + R"("bundle":")" + path +
               R"(","annotations":{)" +
               (asked.empty() ? "" : R"("lpm.my.domain/checkpointable":")" + asked + "\"") + "}}";
    }
    static Outcome hook(const std::string& input, const Words& words = {}) {
        Call how = plain(words);
        how.input = input;
        how.no_input = false;
        how.env = {};
        return call(built("hooks/lpm-hook"), how);
    }
    // Nothing is said and nothing is left.
    static void expect_silent(const Outcome& got) {
        EXPECT_EQ(got.exit_code(), 0) << got.err;
        EXPECT_EQ(got.out + got.err, "");
    }
    // One line with these words; nothing on standard output.
    static void expect_line(const Outcome& got, int status, const Words& words) {
        EXPECT_EQ(got.exit_code(), status) << got.err;
        EXPECT_EQ(got.out, "");
        EXPECT_EQ(count(got.err, "\n"), 1U) << got.err;
        EXPECT_LT(got.err.size(), 4200U);
        for (const auto& word : words)
            EXPECT_NE(got.err.find(word), std::string::npos) << word << " is not in: " << got.err;
        expect_nothing_to_misread(got.err);
    }
    static std::string refusal() {
        for (const auto& entry : fs::recursive_directory_iterator("/var/lib/lpm/records"))
            if (entry.path().extension() == ".json")
                return read_file(entry.path());
        return "";
    }
};

TEST_F(Hook, follows_no_planted_link) {
    for (const char* place : {"/run/lpm", "/run/lpm/hooks", note}) {
        SCOPED_TRACE(place);
        reset_world();
        fs::create_directories("/run/b");
        fs::create_directories("/run/elsewhere");
        write_file("/run/victim", "as it was");
        link_to(place == note ? "/run/victim" : "/run/elsewhere", place);
        bundle("report", ramfs);
        EXPECT_EQ(hook(state()).exit_code(), 0);
        EXPECT_EQ(read_file("/run/victim"), "as it was");
        EXPECT_TRUE(fs::is_empty("/run/elsewhere"));
    }
}

TEST_F(Hook, does_nothing_for_a_container_that_asks_for_nothing) {
    bundle("", ramfs);
    for (const char* status : {"creating", "created", "stopped"})
        expect_silent(hook(state(status)));
    expect_silent(hook(state("creating", "c1", "/run/nowhere"))); // and whatever is broken
    write_file("/run/b/config.json", "{");
    expect_silent(hook(state()));
    expect_silent(hook(state("creating", "c 1@x")));
    EXPECT_FALSE(exists("/run/lpm"));
    EXPECT_FALSE(exists("/var/lib/lpm/records"));
}

TEST_F(Hook, notes_what_it_finds_and_takes_the_note_away) {
    bundle("report", ramfs);
    expect_silent(hook(state()));
    const std::string text = read_file(note);
    for (const char* word :
         {R"("operation": "create")", R"("outcome": "completed")", R"("id": "c1")", R"("bundle": "/run/b")",
          R"("code": "FilesystemUnsupported")", "/scratch (ramfs)", "checkpointable: report"})
        EXPECT_NE(text.find(word), std::string::npos) << word << " is not in " << text;
    struct stat info{};
    ASSERT_EQ(stat(note, &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600U);
    expect_silent(hook(state("stopped", "c1", "/run/other"))); // of a runtime with another --root
    EXPECT_TRUE(exists(note));
    expect_silent(hook(state("stopped")));
    EXPECT_FALSE(exists(note));
    expect_silent(hook(state("stopped"))); // twice is no harm
    EXPECT_TRUE(fs::is_empty("/run/lpm/hooks"));
}

TEST_F(Hook, refuses_what_must_be_checkpointable_and_is_not) {
    bundle("required", ramfs);
    expect_line(hook(state()), 1,
                {"lpm refused container c1: the mount /scratch (ramfs)", "bind it in",
                 "[FilesystemUnsupported]", "lpm.my.domain/checkpointable: required"});
    EXPECT_FALSE(exists(note));
    for (const char* word : {R"("operation": "create")", R"("outcome": "refused")",
                             R"("code": "FilesystemUnsupported")", R"("state": "final")"})
        EXPECT_NE(refusal().find(word), std::string::npos) << word;
    bundle("required");
    expect_silent(hook(state("created"))); // as crun says it
    EXPECT_NE(read_file(note).find("checkpointable: required"), std::string::npos);
}

TEST_F(Hook, keeps_nobody_from_coming_back) {
    bundle("required", ramfs); // runc says `stopped` at the createRuntime of a restore
    expect_silent(hook(state("stopped", "c1", "/run/b", "required", getpid())));
    EXPECT_NE(read_file(note).find(R"("code": "FilesystemUnsupported")"), std::string::npos);
    bundle("requird");
    expect_silent(hook(state("stopped", "c1", "/run/b", "requird", getpid())));
    EXPECT_TRUE(exists(note));
    expect_silent(hook(state("stopped", "c1", "/run/b", "required", 0x7ffffff0))); // it has ended
    EXPECT_FALSE(exists(note));
}

TEST_F(Hook, heeds_the_settings_and_goes_on_when_they_are_broken) {
    bundle("required", ramfs);
    write_file("/etc/lpm/lpm.toml", "[checks]\nFilesystemUnsupported = \"warn\"\n");
    expect_silent(hook(state()));
    EXPECT_NE(read_file(note).find(R"("verdict": "warn")"), std::string::npos);
    write_file("/etc/lpm/lpm.toml", "[checks\n");
    EXPECT_EQ(hook(state()).exit_code(), 1) << "built-in defaults";
    bundle("report");
    expect_silent(hook(state()));
    EXPECT_NE(read_file(note).find("/etc/lpm/lpm.toml:"), std::string::npos) << read_file(note);
}

TEST_F(Hook, refuses_a_value_that_it_does_not_know) {
    for (const char* value : {"requird", "", "Required", "required "}) {
        bundle(value);
        if (*value == '\0')
            write_file("/run/b/config.json", R"({"annotations":{"lpm.my.domain/checkpointable":""}})");
        expect_line(hook(state()), 1,
                    {"says \"" + std::string(value) + "\"", "required and report", "correct it"});
        EXPECT_FALSE(exists(note));
    }
}

TEST_F(Hook, its_own_trouble_stops_only_who_asked_for_it) {
    bundle("report", ramfs);
    write_file("/run/lpm", "a file where a directory should be");
    expect_line(hook(state()), 0, {"c1", "cannot be noted"});
    bundle("required");
    expect_line(hook(state()), 0, {"c1", "cannot be noted"});
    bundle("required", ramfs);
    EXPECT_EQ(hook(state()).exit_code(), 1);
    fs::remove("/run/lpm");
    bundle("report");
    expect_line(hook(state("creating", "c 1@x")), 0, {"c 1@x", "cannot be noted"});
    link_to("/etc", "/run/lpm"); // root's own directories are no links
    expect_line(hook(state()), 0, {"cannot be noted"});
    EXPECT_FALSE(exists("/etc/hooks"));
}

TEST_F(Hook, what_it_cannot_read_refuses_only_when_required) {
    struct Case {
        std::string path, word;
    };
    fs::create_directories("/run/f");
    ASSERT_EQ(mkfifo("/run/f/config.json", 0600), 0);
    ASSERT_EQ(mkfifo("/run/pipe", 0600), 0);
    fs::create_directories("/run/deep");
    write_file("/run/deep/config.json", std::string(1000, '['));
    fs::create_directories("/run/huge");
    write_file("/run/huge/config.json", std::string(9 << 20, ' '));
    link_to("/run/loop", "/run/loop");
    for (const auto& [path, word] : {Case{"/run/nowhere", "not there"}, Case{"/run/f", "not a regular file"},
                                     Case{"/run/pipe", "not there"}, Case{"/run/deep", "nested deeper"},
                                     Case{"/run/huge", "longer than"}, Case{"/run/loop", "config.json"}}) {
        SCOPED_TRACE(path);
        expect_silent(hook(state("creating", "c1", path)));
        expect_line(hook(state("creating", "c1", path, "report")), 0, {word, "not looked at"});
        expect_line(hook(state("creating", "c1", path, "required")), 1,
                    {word, "lpm refused container c1", "mend"});
    }
    EXPECT_FALSE(exists(note));
    bundle("report");
    link_to("/run/b", "/run/var"); // as /var/run leads to /run
    expect_silent(hook(state("creating", "c1", "/run/var")));
    EXPECT_TRUE(exists(note));
}

TEST_F(Hook, says_what_is_wrong_with_its_input) {
    bundle("required", ramfs);
    const Words hostile = {"",
                           "not json",
                           "[]",
                           "{}",
                           std::string(100'000, '['),
                           std::string("\0\0", 2),
                           state("creating", "../../etc/x"),
                           state("creating", ".."),
                           state("dead"),
                           state("creating", "c1", "b"),
                           state("creating", std::string(2000, 'x'))};
    for (const auto& input : hostile)
        expect_line(hook(input), 1, {"lpm-hook: standard input has no state of a container: "});
    expect_line(hook(state("running")), 0, {"is running", "createRuntime and poststop"});
    expect_line(hook(state(), {"createRuntime"}), 0, {"takes no arguments"});
    EXPECT_TRUE(hook("", {"--version"}).out.starts_with("lpm-hook 0."));
    EXPECT_FALSE(exists("/run/lpm"));
}

// Runs the hook with `input` as its standard input; peak memory in KiB and the time it took.
struct Measured {
    int status = 0;
    long memory = 0;
    std::chrono::milliseconds time{};
};
Measured measure(int input) {
    const auto start = std::chrono::steady_clock::now();
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(input, 0);
        execl(built("hooks/lpm-hook").c_str(), "lpm-hook", nullptr);
        _exit(97);
    }
    Measured got;
    rusage usage{};
    EXPECT_EQ(wait4(pid, &got.status, 0, &usage), pid);
    got.memory = usage.ru_maxrss;
    got.time =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    return got;
}

TEST_F(Hook, bears_100_mib_in_little_memory) {
    write_file("/run/big", R"({"id":")" + std::string(100 << 20, 'x') + "\"}");
    const int big = open("/run/big", O_RDONLY | O_CLOEXEC);
    const Measured got = measure(big);
    close(big);
    EXPECT_EQ(WEXITSTATUS(got.status), 1);
    // A sanitizer's own memory is more than that.
    if (built("").find("asan") == std::string::npos) {
        EXPECT_LT(got.memory, 32 << 10);
    }
    fs::remove("/run/big");
}

TEST_F(Hook, does_not_wait_for_ever_for_input) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    ASSERT_EQ(write(ends[1], "{\"id\":", 6), 6);
    const Measured got = measure(ends[0]);
    close(ends[0]);
    close(ends[1]);
    ASSERT_TRUE(WIFEXITED(got.status));
    EXPECT_EQ(WEXITSTATUS(got.status), 1);
    EXPECT_GE(got.time.count(), 24'000);
    EXPECT_LT(got.time.count(), 40'000);
}

TEST_F(Hook, a_killed_hook_leaves_nothing_half) {
    bundle("report", ramfs);
    for (int i = 0; i < 60; ++i) {
        int ends[2];
        ASSERT_EQ(pipe(ends), 0);
        const std::string text = state();
        ASSERT_EQ(write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
        close(ends[1]);
        const pid_t pid = fork();
        if (pid == 0) {
            dup2(ends[0], 0);
            execl(built("hooks/lpm-hook").c_str(), "lpm-hook", nullptr);
            _exit(97);
        }
        close(ends[0]);
        usleep(static_cast<useconds_t>(i * 100));
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        if (exists(note)) {
            EXPECT_NE(read_file(note).find("\"state\": \"final\""), std::string::npos) << i;
        }
    }
    expect_silent(hook(state("stopped")));
    EXPECT_FALSE(exists(note));
}

} // namespace
