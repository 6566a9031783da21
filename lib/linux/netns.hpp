// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <string_view>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/result.hpp"

namespace lpm {

// What this thread starts while it lives is in another network namespace, and so is the thread.
class ScopedNetns {
  public:
    ScopedNetns() = default;
    ScopedNetns(const ScopedNetns&) = delete;
    ScopedNetns& operator=(const ScopedNetns&) = delete;
    ~ScopedNetns() {
        // Whatever came next would be done in the network of another.
        if (entered_ && ::setns(own_.get(), CLONE_NEWNET) != 0)
            std::abort();
    }

    [[nodiscard]] Result<> enter(int net) {
        return change([net] { return ::setns(net, CLONE_NEWNET); }, "enter the network namespace");
    }
    // One that nobody else uses; it ends with what was started in it.
    [[nodiscard]] Result<> enter_new() {
        return change([] { return ::unshare(CLONE_NEWNET); }, "make a network namespace");
    }

  private:
    Result<> change(const auto& call, std::string_view what) {
        TRY_ASSIGN(own_, open_at(AT_FDCWD, "/proc/self/ns/net", O_RDONLY));
        if (call() != 0)
            return fail_errno(errno, what);
        entered_ = true;
        return {};
    }

    Fd own_;
    bool entered_ = false;
};

} // namespace lpm
