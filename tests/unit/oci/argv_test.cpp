// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/argv.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace lpm::oci;

namespace {

using Words = std::vector<const char*>;

Invocation read(Words words) {
    words.insert(words.begin(), "runc");
    return parse(static_cast<int>(words.size()), words.data());
}

std::string shown(const Words& words) {
    std::string text;
    for (const char* word : words)
        text += std::string("[") + word + "]";
    return text;
}

struct Gated {
    Words words;
    Verb verb;
    const char* id;
    const char* image_path = nullptr;
};

const Gated gated[] = {
    {{"checkpoint", "a"}, Verb::checkpoint, "a"},
    {{"restore", "a"}, Verb::restore, "a"},
    // crun's own flags, as podman passes them
    {{"--cgroup-manager", "disabled", "--log-level=debug", "checkpoint", "--network-lock=skip",
      "--image-path=/i", "a"},
     Verb::checkpoint,
     "a",
     "/i"},
    {{"restore", "--tcp-close", "--network-lock", "nftables", "a"}, Verb::restore, "a"},
    // CRI-O, direct and through conmon
    {{"--root", "/run/runc", "--systemd-cgroup", "checkpoint", "--file-locks", "--image-path",
      "/d/checkpoint", "--work-path", "/d", "--leave-running", "0123"},
     Verb::checkpoint,
     "0123",
     "/d/checkpoint"},
    {{"--systemd-cgroup", "--root=/run/runc", "restore", "--bundle", "/b", "--pid-file", "/b/pidfile",
      "--detach", "--image-path", "/d/checkpoint", "--work-path", "/b", "--lsm-profile=selinux:x",
      "--lsm-mount-context=system_u:object_r:x", "--console-socket", "/s", "0123"},
     Verb::restore,
     "0123",
     "/d/checkpoint"},
    // podman: both log spellings, a repeated flag
    {{"--log-format=json", "--log", "/l", "checkpoint", "--image-path", "/i", "--work-path", "/b",
      "--leave-running", "--tcp-established", "--file-locks", "--leave-running", "--pre-dump",
      "--parent-path", "../p", "c"},
     Verb::checkpoint,
     "c",
     "/i"},
    // containerd: single dash, --rootless=BOOL, status fd
    {{"--root",
      "/run/containerd/runc/k8s.io",
      "--debug",
      "--log",
      "/b/log.json",
      "--log-format",
      "json",
      "--rootless=false",
      "restore",
      "--image-path",
      "/i",
      "--work-path",
      "/w",
      "--detach",
      "--pid-file",
      "/p",
      "-no-subreaper",
      "--bundle",
      "/b",
      "c"},
     Verb::restore,
     "c",
     "/i"},
    {{"checkpoint", "--lazy-pages", "--status-fd", "3", "--page-server", "1.2.3.4:5", "--empty-ns", "network",
      "--manage-cgroups-mode", "ignore", "--ext-unix-sk", "--shell-job", "--auto-dedup",
      "--tcp-skip-in-flight", "--link-remap", "c"},
     Verb::checkpoint,
     "c"},
    // single dash for every length, double dash for short names
    {{"-debug", "-root", "/r", "checkpoint", "-image-path", "/i", "c"}, Verb::checkpoint, "c", "/i"},
    {{"restore", "--b", "/b", "--d", "c"}, Verb::restore, "c"},
    {{"restore", "-b", "/b", "-d", "c"}, Verb::restore, "c"},
    {{"restore", "-b=/b", "-d=true", "c"}, Verb::restore, "c"},
    // values are taken verbatim
    {{"--root", "restore", "checkpoint", "c"}, Verb::checkpoint, "c"},
    {{"--log", "checkpoint", "--root=pause", "restore", "--bundle", "create", "c"}, Verb::restore, "c"},
    {{"checkpoint", "--image-path", "--leave-running", "c"}, Verb::checkpoint, "c", "--leave-running"},
    {{"checkpoint", "--image-path", "--", "c"}, Verb::checkpoint, "c", "--"},
    {{"checkpoint", "--image-path", "-", "c"}, Verb::checkpoint, "c", "-"},
    {{"checkpoint", "--image-path", "--help", "c"}, Verb::checkpoint, "c", "--help"},
    {{"checkpoint", "--image-path", "", "c"}, Verb::checkpoint, "c", ""},
    {{"checkpoint", "--image-path=", "c"}, Verb::checkpoint, "c", ""},
    {{"checkpoint", "--image-path=a=b", "c"}, Verb::checkpoint, "c", "a=b"},
    // the last one wins
    {{"checkpoint", "--image-path", "/1", "--image-path=/2", "c"}, Verb::checkpoint, "c", "/2"},
    // flags after the id, `--`, a container called like a verb or like nothing
    {{"checkpoint", "c", "--leave-running", "--image-path", "/i"}, Verb::checkpoint, "c", "/i"},
    {{"checkpoint", "--leave-running", "c", "--image-path", "/i"}, Verb::checkpoint, "c", "/i"},
    {{"checkpoint", "--image-path", "/i", "--", "c"}, Verb::checkpoint, "c", "/i"},
    {{"checkpoint", "c", "--"}, Verb::checkpoint, "c"},
    {{"--root", "/r", "--", "checkpoint", "c"}, Verb::checkpoint, "c"},
    {{"checkpoint", "--", "-c"}, Verb::checkpoint, "-c"},
    {{"checkpoint", "restore"}, Verb::checkpoint, "restore"},
    {{"checkpoint", "-"}, Verb::checkpoint, "-"},
    // runc's main branch: globals behind the verb
    {{"checkpoint", "--root", "/r", "c", "--log-format", "json", "--debug"}, Verb::checkpoint, "c"},
    {{"restore", "c", "--systemd-cgroup=false", "--criu", "/usr/sbin/criu"}, Verb::restore, "c"},
    // help that is switched off
    {{"checkpoint", "--help=false", "c"}, Verb::checkpoint, "c"},
    {{"--version=0", "checkpoint", "c"}, Verb::checkpoint, "c"},
    {{"checkpoint", "--status-fd=-1", "c"}, Verb::checkpoint, "c"},
    {{"checkpoint", "--status-fd", "0x1f", "c"}, Verb::checkpoint, "c"},
};

// runc answers these by itself: the verb is known, but nothing is gated and no id is offered.
const struct {
    Words words;
    Verb verb;
} answered[] = {
    {{"checkpoint"}, Verb::checkpoint},
    {{"restore"}, Verb::restore},
    {{"checkpoint", "--help"}, Verb::checkpoint},
    {{"checkpoint", "-h"}, Verb::checkpoint},
    {{"checkpoint", "-help", "c"}, Verb::checkpoint},
    {{"checkpoint", "c", "--help"}, Verb::checkpoint},
    {{"checkpoint", "--help=TRUE", "c"}, Verb::checkpoint},
    {{"checkpoint", "--help=false", "--help", "c"}, Verb::checkpoint},
    {{"checkpoint", "--version", "c"}, Verb::checkpoint},
    {{"restore", "--lsm-mount-context"}, Verb::restore},
    {{"restore", "c", "--bundle"}, Verb::restore},
    {{"checkpoint", "--image-path", "c"}, Verb::checkpoint},
    {{"checkpoint", "a", "b"}, Verb::checkpoint},
    {{"checkpoint", "--leave-running", "true", "c"}, Verb::checkpoint},
    {{"checkpoint", "--", "c", "--leave-running"}, Verb::checkpoint},
    {{"checkpoint", "c", "--", "--leave-running"}, Verb::checkpoint},
    {{"checkpoint", "--nonsense", "c"}, Verb::checkpoint},
    {{"checkpoint", "---image-path", "/i", "c"}, Verb::checkpoint},
    {{"checkpoint", "--=x", "c"}, Verb::checkpoint},
    {{"checkpoint", "--image", "/i", "c"}, Verb::checkpoint},
    {{"checkpoint", "--image-path-and-much-more-than-that", "/i", "c"}, Verb::checkpoint},
    {{"checkpoint", "--bundle", "/b", "c"}, Verb::checkpoint},
    {{"restore", "--leave-running", "c"}, Verb::restore},
    {{"restore", "--parent-path", "/p", "c"}, Verb::restore},
    {{"restore", "--no-new-keyring", "c"}, Verb::restore},
    {{"checkpoint", "--leave-running=yes", "c"}, Verb::checkpoint},
    {{"checkpoint", "--leave-running=", "c"}, Verb::checkpoint},
    {{"checkpoint", "--leave-running=tRUE", "c"}, Verb::checkpoint},
    {{"checkpoint", "--help=maybe", "c"}, Verb::checkpoint},
    {{"checkpoint", "--status-fd", "three", "c"}, Verb::checkpoint},
    {{"checkpoint", "--status-fd=", "c"}, Verb::checkpoint},
    {{"checkpoint", "--status-fd=0x", "c"}, Verb::checkpoint},
    {{"pause"}, Verb::pause},
    {{"pause", "--help", "c"}, Verb::pause},
    {{"pause", "a", "b"}, Verb::pause},
    {{"resume", "--leave-running", "c"}, Verb::resume},
    {{"start"}, Verb::start},
    {{"start", "a", "b"}, Verb::start},
    {{"state", "--nonsense", "c"}, Verb::state},
    {{"kill"}, Verb::kill},
    {{"kill", "c", "9", "9"}, Verb::kill},
    {{"create", "--bundle", "/b"}, Verb::create},
    {{"create", "--detach", "c"}, Verb::create},
    {{"restore", "--preserve-fds", "1", "c"}, Verb::restore},
};

const Words others[] = {
    {},
    {""},
    {"-"},
    {"--"},
    {"exec", "c", "checkpoint", "x"},
    {"run", "--bundle", "restore", "c"},
    {"help", "checkpoint"},
    {"init"},
    {"features"},
    {"--version"},
    {"-v", "checkpoint", "c"},
    {"--help", "checkpoint", "c"},
    {"-h", "restore", "c"},
    {"--root"},
    {"--root", "checkpoint"},
    {"--unknown", "checkpoint", "c"},
    {"--unknown", "value", "checkpoint", "c"},
    {"--debug=perhaps", "checkpoint", "c"},
    {"--image-path", "/i", "checkpoint", "c"},
    {"---debug", "checkpoint", "c"},
    {"Checkpoint", "c"},
    {"checkpoint ", "c"},
    {"checkpoints", "c"},
    {"", "checkpoint", "c"},
    {"-", "checkpoint", "c"},
    {"--", "--debug", "checkpoint", "c"},
};

TEST(Argv, gated_command_lines_of_every_caller) {
    for (const Gated& row : gated) {
        SCOPED_TRACE(shown(row.words));
        const Invocation got = read(row.words);
        EXPECT_TRUE(got.gated);
        EXPECT_EQ(got.verb, row.verb);
        EXPECT_STREQ(got.id, row.id);
        EXPECT_STREQ(got.text(Option::image_path), row.image_path);
    }
}

TEST(Argv, what_runc_answers_itself_is_not_gated) {
    for (const auto& row : answered) {
        SCOPED_TRACE(shown(row.words));
        const Invocation got = read(row.words);
        EXPECT_FALSE(got.gated);
        EXPECT_EQ(got.verb, row.verb);
        EXPECT_EQ(got.id, nullptr);
    }
}

TEST(Argv, what_cannot_be_told_is_other) {
    for (const Words& words : others) {
        SCOPED_TRACE(shown(words));
        const Invocation got = read(words);
        EXPECT_EQ(got.verb, Verb::other);
        EXPECT_FALSE(got.gated);
        EXPECT_EQ(got.id, nullptr);
    }
}

TEST(Argv, pause_and_resume_name_their_container_but_are_not_gated) {
    for (const char* verb : {"pause", "resume"}) {
        const Invocation got = read({"--root", "/r", verb, "c"});
        EXPECT_FALSE(got.gated);
        EXPECT_EQ(got.verb, verb[0] == 'p' ? Verb::pause : Verb::resume);
        EXPECT_STREQ(got.id, "c");
        EXPECT_STREQ(got.text(Option::root), "/r");
    }
}

// As CRI-O and conmon, podman, containerd and crun's users call them.
TEST(Argv, other_verbs_name_their_container_but_are_not_gated) {
    const struct {
        Words words;
        Verb verb;
        const char* signal = nullptr;
    } rows[] = {
        {{"--systemd-cgroup", "--root=/r", "create", "--bundle", "/b", "--pid-file", "/b/pidfile",
          "--no-pivot", "--no-new-keyring", "--console-socket", "/s", "c"},
         Verb::create},
        {{"--root", "/r", "create", "--preserve-fds=2", "--pidfd-socket", "/s", "-b", "restore", "c"},
         Verb::create},
        {{"--root", "/r", "start", "c"}, Verb::start},
        {{"--root", "/r", "state", "c"}, Verb::state},
        {{"--root", "/r", "state", "-a", "c"}, Verb::state},
        {{"--root", "/r", "kill", "c", "15"}, Verb::kill, "15"},
        {{"--root", "/r", "kill", "--all", "c", "KILL"}, Verb::kill, "KILL"},
        {{"--root", "/r", "kill", "c"}, Verb::kill},
        {{"--root", "/r", "delete", "--force", "c"}, Verb::remove},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(shown(row.words));
        const Invocation got = read(row.words);
        EXPECT_FALSE(got.gated);
        EXPECT_EQ(got.verb, row.verb);
        EXPECT_STREQ(got.id, "c");
        EXPECT_STREQ(got.signal, row.signal);
        EXPECT_STREQ(got.text(Option::root), "/r");
    }
}

TEST(Argv, create_has_what_a_restore_needs_of_it) {
    const Invocation got =
        read({"create", "--bundle", "/b", "--pid-file=/p", "--console-socket", "/s", "--no-pivot", "c"});
    EXPECT_STREQ(got.text(Option::bundle), "/b");
    EXPECT_STREQ(got.text(Option::pid_file), "/p");
    EXPECT_STREQ(got.text(Option::console_socket), "/s");
    EXPECT_TRUE(got.on(Option::no_pivot));
    EXPECT_EQ(got.verb_at, 1);
}

TEST(Argv, booleans_take_gos_spellings_and_the_last_one_wins) {
    for (const char* word : {"1", "t", "T", "TRUE", "true", "True"})
        EXPECT_TRUE(read({"checkpoint", (std::string("--leave-running=") + word).c_str(), "c"})
                        .on(Option::leave_running));
    for (const char* word : {"0", "f", "F", "FALSE", "false", "False"}) {
        const std::string off = std::string("--leave-running=") + word;
        const Invocation got = read({"checkpoint", "--leave-running", off.c_str(), "c"});
        EXPECT_TRUE(got.gated);
        EXPECT_FALSE(got.on(Option::leave_running));
    }
    EXPECT_FALSE(read({"checkpoint", "c"}).on(Option::leave_running));
}

TEST(Argv, aliases_fill_the_same_option) {
    const Invocation got = read({"restore", "-b", "/1", "--bundle", "/2", "-d", "c"});
    EXPECT_STREQ(got.text(Option::bundle), "/2");
    EXPECT_TRUE(got.on(Option::detach));
}

TEST(Argv, empty_command_line) {
    const char* const none[] = {nullptr};
    EXPECT_EQ(parse(0, none).verb, Verb::other);
}

TEST(Argv, hostile_ids_are_not_gated) {
    const std::string long_id(1025, 'a');
    for (const char* id : {"", ".", "..", "../x", "a/b", "a b", "a\n", "\xc3\xa9", "$(x)", long_id.c_str()}) {
        SCOPED_TRACE(id);
        EXPECT_FALSE(valid_id(id));
        EXPECT_FALSE(read({"checkpoint", "--", id}).gated);
        EXPECT_FALSE(read({"restore", "--", id}).gated);
    }
    const std::string longest(1024, 'a');
    for (const char* id : {"a", "...", ".a", "-", "-a", "A_b+c.d-9", longest.c_str()})
        EXPECT_TRUE(valid_id(id)) << id;
    EXPECT_FALSE(valid_id(nullptr));
}

TEST(Argv, root_hash_ignores_trailing_slashes_and_knows_the_default) {
    auto hash = [](const char* root) {
        char out[17];
        root_hash(root, out);
        return std::string(out);
    };
    EXPECT_EQ(hash("/run/runc"), "8b541e798859d3fa");
    EXPECT_EQ(hash(nullptr), hash("/run/runc"));
    EXPECT_EQ(hash("/run/runc///"), hash("/run/runc"));
    EXPECT_EQ(hash(""), "cbf29ce484222325"); // FNV-1a's offset basis
    EXPECT_NE(hash("/run/crun"), hash("/run/runc"));
    EXPECT_NE(hash("/"), hash(""));
    EXPECT_EQ(hash("/run/runc").size(), 16U);
}

} // namespace
