// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cstring>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "record/journal.hpp"
#include "record/journal_files.hpp"

namespace lpm::record {

// That the folder is none of this store any more.
static bool tell_its_end(const char* events, std::size_t size) {
    inotify_event event;
    for (std::size_t at = 0; at + sizeof event <= size; at += sizeof event + event.len) {
        std::memcpy(&event, events + at, sizeof event);
        if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0)
            return true;
    }
    return false;
}

// Whatever was told so far is over. Without a watch there is none to be had: the folder is not there, or the
// kernel has given this user all that it gives (128 by default), or its file system tells nothing.
void JournalWatch::watch_folder() {
    char events[4096];
    for (ssize_t size = 0; watcher_ && (size = ::read(watcher_.get(), events, sizeof events)) > 0;)
        if (tell_its_end(events, static_cast<std::size_t>(size)))
            watcher_.reset();
    if (watcher_)
        return;
    watcher_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    constexpr std::uint32_t changes =
        IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    const std::string folder = journal_.store_ + "/" + journal_dir;
    if (watcher_ && ::inotify_add_watch(watcher_.get(), folder.c_str(), changes) < 0)
        watcher_.reset();
}

Result<JournalBatch> JournalWatch::next(JournalPosition position, std::size_t limit,
                                        std::chrono::steady_clock::time_point deadline) {
    using std::chrono::milliseconds;
    // Not every file system tells of changes, and before the first line there is nothing to watch.
    constexpr milliseconds unwatched(200);
    constexpr milliseconds watched(5000);
    for (;;) {
        // Watched before it is looked at, so that nothing falls between.
        watch_folder();
        auto batch = journal_.read_from(position, limit);
        const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
        if (!batch || batch->next != position || left <= milliseconds::zero())
            return batch;
        pollfd change{watcher_.get(), POLLIN, 0};
        ::poll(&change, 1, static_cast<int>(std::min(left, watcher_ ? watched : unwatched).count()));
    }
}

} // namespace lpm::record
