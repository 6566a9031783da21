// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Namespaces and mounts.
#include "holder.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holder {

// namespace net | uts | ipc | pid | time | user | cgroup | mount: a child that lives in one of its own
static void hold_namespace(const std::string& kind) {
    static constexpr struct {
        const char* name;
        int flag;
    } kinds[] = {
        {"net", CLONE_NEWNET},   {"uts", CLONE_NEWUTS},   {"ipc", CLONE_NEWIPC},       {"pid", CLONE_NEWPID},
        {"time", CLONE_NEWTIME}, {"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP}, {"mount", CLONE_NEWNS},
    };
    int ready[2];
    must(pipe(ready), "pipe");
    if (must(fork(), "fork") != 0) {
        char byte = 0;
        close(ready[1]);
        must(read(ready[0], &byte, 1) == 1 ? 0 : -1, "the child's namespace");
        close(ready[0]);
        return;
    }
    for (const auto& one : kinds)
        if (kind == one.name)
            must(unshare(one.flag), "unshare");
    must(fork(), "fork"); // in a new pid or time namespace only what is born after
    must(write(ready[1], "x", 1), "write");
    close(ready[0]);
    close(ready[1]);
    for (;;)
        pause();
}

// mount TYPE: at /tmp/mounted
static void hold_mount(const std::string& type) {
    mkdir("/tmp/mounted", 0755);
    must(mount(type.c_str(), "/tmp/mounted", type.c_str(), 0, nullptr), "mount");
}

// covered yes | no: an open file in a folder over which something was mounted later, or in that mount
static void hold_covered(const std::string& argument) {
    mkdir("/tmp/covered", 0755);
    must(mount("tmpfs", "/tmp/covered", "tmpfs", 0, nullptr), "mount");
    if (argument == "yes")
        must(open("/tmp/covered/file", O_RDWR | O_CREAT | O_CLOEXEC, 0644), "open");
    must(mount("tmpfs", "/tmp/covered", "tmpfs", 0, nullptr), "mount");
    if (argument == "no")
        must(open("/tmp/covered/file", O_RDWR | O_CREAT | O_CLOEXEC, 0644), "open");
}

// chroot first | child: the first process, or a child, has a folder for its root that is no mount
static void hold_chroot(const std::string& argument) {
    mkdir("/tmp/root", 0755);
    if (argument != "first" && argument != "child")
        unknown(argument);
    if (argument == "child" && must(fork(), "fork") != 0)
        return;
    must(chroot("/tmp/root"), "chroot");
    must(chdir("/"), "chdir");
    while (argument == "child")
        pause();
}

static constexpr Case cases[] = {
    {"namespace", hold_namespace},
    {"mount", hold_mount},
    {"covered", hold_covered},
    {"chroot", hold_chroot},
};
const std::span<const Case> namespaces = cases;

} // namespace holder
