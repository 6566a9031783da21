// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "gate.hpp"

#include <algorithm>
#include <chrono>
#include <poll.h>

namespace lpm::sidecar {

static constexpr std::chrono::milliseconds look_up{1000};

// An answer that came too late is the end of it as well.
static bool goes_on(const Fd& connection) {
    pollfd ready{.fd = connection.get(), .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, 0) == 0;
}

Result<> ArchiveTurns::take(const Deadline& deadline) {
    std::unique_lock lock(mutex_);
    for (;;) {
        std::erase_if(kept_, [](const Fd& one) { return !goes_on(one); });
        if (busy_ + kept_.size() < most_of_archives)
            break;
        if (kept_.size() == most_of_archives)
            return fail(
                Errc::unavailable,
                "requests about archives do not end: does a disk hang, or a mount without its server? "
                "`ps -C lpm-gate -o pid,stat,wchan,etime` shows what they wait for");
        if (deadline.passed())
            return fail(Errc::unavailable, "too many ask for archives at the same time: ask again");
        given_.wait_for(lock, std::min(deadline.left(), look_up)); // one that is kept ends without a word
    }
    ++busy_;
    return {};
}

void ArchiveTurns::give(Fd&& unanswered) {
    {
        const std::lock_guard lock(mutex_);
        --busy_;
        if (unanswered)
            kept_.push_back(std::move(unanswered));
    }
    given_.notify_all();
}

Result<lpm::node::Reply> Gate::ask_in_turn(const service::Request& request, const Deadline& deadline,
                                           const Ended& ended, Fd& unanswered) {
    if (!free_.try_acquire_for(deadline.left()))
        return fail(Errc::unavailable, "too many ask lpm-gate at the same time");
    const Permit permit(free_);
    if (ended())
        return fail(Errc::unavailable, "nobody waits for it any more");
    return lpm::node::ask_gate(socket_, request, deadline, ended, unanswered);
}

Result<lpm::node::Reply> Gate::ask(const service::Request& request, std::chrono::milliseconds time,
                                   const Ended& ended) {
    const Deadline deadline(time);
    Fd unanswered;
    if (!is_of_archives(request.verb))
        return ask_in_turn(request, deadline, ended, unanswered);
    TRY(archives_.take(deadline));
    auto reply = ask_in_turn(request, deadline, ended, unanswered);
    archives_.give(std::move(unanswered));
    return reply;
}

} // namespace lpm::sidecar
