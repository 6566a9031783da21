// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>
#include <string_view>
#include <sys/stat.h>
#include <sys/types.h>

#include "cleanup/processes.hpp"
#include "recorder.hpp"
#include "work_dir.hpp"

// The CRIU of this call, when it or the runtime was cut off.
namespace lpm::gate {

inline constexpr std::string_view criu_name = "criu"; // what its processes are called, helpers among them

// CRIUs that run: one of ours, known by the log that it writes, and one of somebody else's; 0: none.
struct Running {
    pid_t ours = 0;
    pid_t other = 0;
};

[[nodiscard]] Running find_criu(const struct stat& log);
// One that runs now, whosever it is; 0: none.
[[nodiscard]] pid_t find_any_criu();

// Ends what this call's CRIU has started and not been able to end, if there is anything.
using EndOrphans = std::function<bool()>;

// After a failure: a CRIU whose runtime was killed ends by itself when it has something to tell it. Says so
// when it does not. A helper of CRIU's lives as long as what CRIU was making: then that is ended.
[[nodiscard]] Running await_criu(const WorkDir& work, Recorder& recorder, const EndOrphans& end_orphans);

// While the runtime runs. runc reads CRIU's answers from a socket that CRIU's processes have as well: as long
// as one of them waits for a CRIU that was killed, by the kernel for want of memory say, runc waits with it.
// And CRIU may wait for ever for a first process that was killed just before it was let go, as `delete
// --force` does.
class Watch {
  public:
    Watch(WorkDir& work, Recorder& recorder, EndOrphans end_orphans)
        : work_(work), recorder_(recorder), end_orphans_(std::move(end_orphans)) {}
    void each_second(const Delegate& delegate);

  private:
    WorkDir& work_;
    Recorder& recorder_;
    EndOrphans end_orphans_;
    // How long the runtime has not noticed that its CRIU is dead, or what that was making.
    int seconds_dead_ = 0;
    int seconds_lost_ = 0;
};

} // namespace lpm::gate
