// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/namespace.hpp"

#include <array>
#include <cerrno>
#include <sched.h>
#include <sys/wait.h>

namespace lpm {

namespace {

struct There {
    int ns;
    int type;
    const std::function<void()>& work;
    int error;
};

int work_there(void* argument) {
    auto& there = *static_cast<There*>(argument);
    if (::setns(there.ns, there.type) == 0)
        there.work();
    else
        there.error = errno;
    return 0;
}

} // namespace

Result<> run_in_namespace(int ns, int type, const std::function<void()>& work) {
    There there{.ns = ns, .type = type, .work = work, .error = 0};
    alignas(16) std::array<char, 16384> stack{};
    const int child =
        ::clone(work_there, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | CLONE_FILES, &there);
    if (child < 0)
        return fail_errno(errno, "start a task for another namespace");
    ::waitpid(child, nullptr, __WALL);
    return there.error == 0 ? Result<>() : fail_errno(there.error, "enter another namespace");
}

} // namespace lpm
