// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/caller.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "../support.hpp"
#include "base/deadline.hpp"

using namespace lpm;
using inspect::Caller;

namespace {

// A process that does `act` and then waits for its end. `ready` when `act` said true.
class Child {
  public:
    template <class Act> explicit Child(Act act) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const char done = act() ? 'y' : 'n';
            while (::write(ends[1], &done, 1) == 1)
                ::pause();
            ::_exit(1);
        }
        ::close(ends[1]);
        char done = 'n';
        ready = ::read(ends[0], &done, 1) == 1 && done == 'y';
        ::close(ends[0]);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { end(); }
    // What it was before that, for a look at what is gone.
    pid_t end() {
        if (!ended_) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ended_ = true;
        return pid_;
    }
    [[nodiscard]] pid_t pid() const { return pid_; }
    bool ready = false;

  private:
    pid_t pid_ = 0;
    bool ended_ = false;
};

} // namespace

TEST(Caller, is_this_process) {
    const auto self = Caller::self();
    EXPECT_EQ(self.pid, 0);
    EXPECT_EQ(self.uid, ::getuid());
    EXPECT_EQ(self.gid, ::getgid());
    EXPECT_EQ(self.process_group, ::getpgrp());
    EXPECT_TRUE(self.capabilities);
    EXPECT_NE(self.network_namespace, 0U);
    EXPECT_EQ(self.root, "");
    ASSERT_TRUE(self.environment);
    EXPECT_EQ(self.environment->path, ::getenv("PATH"));
    EXPECT_NE(self.find_program("sh"), "");
    EXPECT_EQ(self.find_program("no-such-program"), "");
}

TEST(Caller, is_another_process_like_this_one) {
    const Child child([] { return ::setpgid(0, 0) == 0; });
    ASSERT_TRUE(child.ready);
    const auto self = Caller::self();
    const auto other = Caller::of_process(child.pid());
    EXPECT_EQ(other.pid, child.pid());
    EXPECT_EQ(other.process_group, child.pid());
    EXPECT_EQ(other.capabilities, self.capabilities);
    EXPECT_EQ(other.uid, self.uid);
    EXPECT_EQ(other.gid, self.gid);
    EXPECT_EQ(other.network_namespace, self.network_namespace);
    EXPECT_EQ(other.ipc_namespace, self.ipc_namespace);
    EXPECT_EQ(other.pid_namespace, self.pid_namespace);
    EXPECT_EQ(other.root, "");
}

TEST(Caller, is_another_process_with_an_environment_of_its_own) {
    const Child child([] {
        std::array<char*, 3> words{const_cast<char*>("sleep"), const_cast<char*>("60"), nullptr};
        std::array<const char*, 6> variables{
            "XPATH=/x", "PATH=/nowhere:/bin", "PATH=/second", "HOME=", "CRIU_CONFIG_FILE=/etc/criu.conf",
            nullptr};
        ::execve("/bin/sleep", words.data(), const_cast<char**>(variables.data()));
        return false;
    });
    // The kernel has the new environment a moment after the old program is gone.
    auto other = Caller::of_process(child.pid());
    for (const Deadline deadline(std::chrono::seconds(10));
         (!other.environment || other.environment->criu_config_file.empty()) && !deadline.passed();
         other = Caller::of_process(child.pid()))
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_TRUE(other.environment);
    EXPECT_EQ(other.environment->path, "/nowhere:/bin");
    EXPECT_EQ(other.environment->home, "");
    EXPECT_EQ(other.environment->criu_config_file, "/etc/criu.conf");
    EXPECT_EQ(other.find_program("sleep"), "/bin/sleep");
}

TEST(Caller, is_another_process_with_a_root_and_namespaces_of_its_own) {
    const TempDir dir;
    const char* path = ::getenv("PATH");
    ASSERT_NE(path, nullptr);
    const std::string first(path, std::string_view(path).find(':'));
    dir.write("inside" + first + "/criu", "x");
    ASSERT_EQ(::chmod(dir.path("inside" + first + "/criu").c_str(), 0755), 0);
    const Child child([&] {
        return ::unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0 && ::chroot(dir.path("inside").c_str()) == 0 &&
               ::setgid(7) == 0 && ::setuid(7) == 0;
    });
    ASSERT_TRUE(child.ready);
    const auto self = Caller::self();
    const auto other = Caller::of_process(child.pid());
    EXPECT_EQ(other.root, "/proc/" + std::to_string(child.pid()) + "/root");
    EXPECT_EQ(other.uid, 7U);
    EXPECT_EQ(other.gid, 7U);
    EXPECT_EQ(other.capabilities, 0U);
    EXPECT_NE(other.ipc_namespace, self.ipc_namespace);
    EXPECT_EQ(other.network_namespace, self.network_namespace);
    EXPECT_EQ(other.find_program("criu"), first + "/criu");
    EXPECT_EQ(other.find_program("sh"), "") << "which is in our own root";
}

TEST(Caller, is_not_known_when_it_has_ended) {
    Child child([] { return true; });
    const auto other = Caller::of_process(child.end());
    EXPECT_FALSE(other.capabilities);
    EXPECT_FALSE(other.uid);
    EXPECT_FALSE(other.environment);
    EXPECT_EQ(other.network_namespace, 0U);
    EXPECT_EQ(other.process_group, 0);
    EXPECT_EQ(other.find_program("sh"), "");
}
