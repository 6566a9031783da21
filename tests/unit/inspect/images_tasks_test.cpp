// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// The dumped processes against the place where they are to be restored.
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include "../check/checks.hpp"
#include "../support.hpp"
#include "inspect/images_parts.hpp"

using namespace lpm;

namespace {

// A directory of images, of a container that has joined a PID namespace or not.
class Pids : public Checks {
  protected:
    Pids() { facts.caller = inspect::Caller::self(); }
    void join(const std::string& path) {
        dir.write("pidns-9.img", std::string("\x19\x43\x56\x54\x26\x73\x15\x61\x06\0\0\0\x0a\x04here", 18));
        facts.bundle->joined = {{"pid", path}};
    }
    void compare(const std::vector<criu::PstreeEntry>& tasks) {
        const auto images = criu::ImageDirectory::open(dir.path());
        target = {};
        inspect::compare_pids(
            *images, tasks,
            {.caller = facts.caller, .host = facts.host, .bundle = facts.bundle, .deadline = deadline},
            target);
    }
    [[nodiscard]] std::size_t taken() const { return target.taken_pids ? target.taken_pids->size() : 99; }
    TempDir dir;
    inspect::ImageFacts target;
    std::uint32_t self = static_cast<std::uint32_t>(::getpid());
};

// What a message says of a process that had this profile, but for which process it was; empty when it fits.
std::string mismatch(criu::LsmType dumped, std::string_view profile, criu::LsmType here,
                     const std::optional<std::string>& loaded) {
    const auto found = inspect::compare_lsm(dumped, profile, here, loaded);
    const std::string text = found ? check::text_of(*found) : "";
    constexpr std::string_view of_process = "process 0 had the ";
    return text.starts_with(of_process) ? text.substr(of_process.size()) : text;
}

// A number that no process can have: above the kernel's largest pid_max.
constexpr std::uint32_t nobody = 1U << 23U;

} // namespace

TEST_F(Pids, of_a_namespace_of_its_own_are_free) {
    compare({{.pid = 1, .pgid = 1, .sid = 1, .threads = {1, self}}});
    EXPECT_EQ(taken(), 0U);
    EXPECT_EQ(target.tasks, 2U);
}

TEST_F(Pids, of_the_node) {
    compare({{.pid = nobody, .pgid = nobody, .sid = nobody, .threads = {nobody}}});
    EXPECT_EQ(taken(), 0U);
    compare({{.pid = self, .pgid = self, .sid = self, .threads = {self}}});
    ASSERT_EQ(taken(), 1U);
    EXPECT_NE(texts_of(target.taken_pids).front().find(std::to_string(self) + " (unit_test"),
              std::string::npos);
    compare({{.pid = nobody, .threads = {nobody, self}}});
    EXPECT_EQ(taken(), 1U) << "a thread";
    compare({{.pid = nobody, .threads = {self}}});
    EXPECT_EQ(taken(), 0U) << "of a zombie, nobody has set that";
    compare({{.pid = nobody, .sid = self, .threads = {nobody}}});
    EXPECT_EQ(taken(), static_cast<std::uint32_t>(::getpgrp()) == self ? 0U : 1U)
        << "the leader of the session is gone, and CRIU makes it for a while; not where it is its own group";
}

TEST_F(Pids, of_a_namespace_that_is_joined) {
    join("/proc/self/ns/pid");
    compare({{.pid = self, .threads = {self}}});
    EXPECT_EQ(taken(), 1U);
    EXPECT_EQ(target.pid_namespace_missing, false);
    join(dir.path("gone"));
    compare({{.pid = self, .threads = {self}}});
    EXPECT_FALSE(target.taken_pids) << "NamespaceMissing says so";
    facts.bundle->joined.clear();
    compare({{.pid = self, .threads = {self}}});
    EXPECT_EQ(target.pid_namespace_missing, true);
}

// A process has ended, and a number is what it leaves: as a zombie, or as the group of a process that is
// alive.
TEST_F(Pids, that_the_dead_still_hold) {
    const pid_t zombie = ::fork();
    if (zombie == 0)
        ::_exit(0);
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(zombie), &ended, WEXITED | WNOWAIT), 0);
    const pid_t leader = ::fork();
    if (leader == 0) {
        ::setsid();
        if (::fork() == 0)
            ::pause();
        ::_exit(0);
    }
    ASSERT_EQ(::waitpid(leader, nullptr, 0), leader);
    for (const bool joined : {false, true}) {
        if (joined)
            join("/proc/self/ns/pid");
        for (const pid_t number : {zombie, leader}) {
            const auto held = static_cast<std::uint32_t>(number);
            compare({{.pid = held, .threads = {held}}});
            EXPECT_EQ(taken(), 1U) << number << " of " << zombie << " and " << leader;
        }
    }
    ::kill(-leader, SIGKILL);
    ::waitpid(zombie, nullptr, 0);
}

TEST(Profiles, need_their_module) {
    using criu::LsmType;
    EXPECT_EQ(mismatch(LsmType::no_lsm, "x", LsmType::apparmor, {}), "");
    EXPECT_EQ(mismatch(LsmType::selinux, "", LsmType::apparmor, {}), "") << "CRIU has nothing to set";
    EXPECT_EQ(mismatch(LsmType::selinux, "a:b:c:d", LsmType::apparmor, {}),
              "SELinux profile a:b:c:d, and here is AppArmor");
    EXPECT_EQ(mismatch(LsmType::apparmor, "crio-default", LsmType::no_lsm, {}),
              "AppArmor profile crio-default, and here is no security module");
    EXPECT_EQ(mismatch(LsmType::selinux, "a:b:c:d", LsmType::selinux, "x (enforce)\n"), "");
}

TEST(Profiles, have_to_be_loaded) {
    constexpr auto apparmor = criu::LsmType::apparmor;
    const std::string loaded = "/usr/sbin/cupsd (enforce)\ncrio-default (enforce)\n";
    EXPECT_EQ(mismatch(apparmor, "crio-default", apparmor, loaded), "");
    EXPECT_EQ(mismatch(apparmor, "crio", apparmor, loaded),
              "AppArmor profile crio, which is not loaded here");
    EXPECT_EQ(mismatch(apparmor, "crio", apparmor, {}), "") << "it is not known what is loaded";
    EXPECT_EQ(mismatch(apparmor, ":ns:crio", apparmor, loaded), "");
    EXPECT_EQ(mismatch(apparmor, "a//&b", apparmor, loaded), "");
}
