// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>

#include "base/file.hpp"
#include "inspect/container_walk.hpp"
#include "linux/guards.hpp"
#include "linux/procmaps.hpp"

namespace lpm::inspect {

namespace {

// Looked at between two looks at the clock. The kernel walks the page tables of what is resident: 1 GiB of
// small pages takes it under a millisecond; what is only reserved costs it next to nothing.
constexpr std::uint64_t stretch = std::uint64_t{16} << 30U;
constexpr std::uint64_t kernel_half = std::uint64_t{1} << 63U; // [vsyscall] is above

class Guards {
  public:
    Guards(Walk& walk, const Process& process, Fd pagemap)
        : walk_(walk), process_(process), pagemap_(std::move(pagemap)) {}

    // A mapping, in order. Those that follow one another are looked at together.
    void add(const procfs::Mapping& mapping) {
        // CRIU takes shared memory from the file behind it, not through the page tables.
        if (mapping.shared || mapping.start >= kernel_half || over_)
            return;
        if (mapping.start != end_ || end_ - start_ >= stretch)
            look();
        if (start_ == end_)
            start_ = mapping.start;
        end_ = mapping.end;
    }

    // At what was added since the last time.
    void look() {
        for (; start_ < end_ && !over_; start_ += std::min(stretch, end_ - start_))
            look_at(start_, std::min(end_, start_ + stretch));
        start_ = end_ = 0;
    }

  private:
    void look_at(std::uint64_t start, std::uint64_t end) {
        if (walk_.options.deadline.passed())
            return stop({Gap::Why::memory});
        const auto guard = find_guard(pagemap_.get(), start, end);
        if (!guard && guard.error().sys == ESRCH) // ended since
            over_ = true;
        else if (!guard)
            stop(guard.error().sys == EINVAL || guard.error().sys == ENOTTY
                     ? Gap{Gap::Why::guards_not_told}
                     : Gap{Gap::Why::error, guard.error().text});
        else if (*guard)
            found(**guard);
    }

    // One is enough: they come by the thread.
    void found(std::uint64_t address) {
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), "at %#llx", static_cast<unsigned long long>(address));
        walk_.workload[Item::guard_page].add({process_.pid, process_.name, -1, text.data()});
        over_ = true;
    }

    void stop(Gap&& gap) {
        walk_.workload.guards_gap = std::move(gap);
        over_ = true;
    }

    Walk& walk_;
    const Process& process_;
    Fd pagemap_;
    std::uint64_t start_ = 0;
    std::uint64_t end_ = 0;
    bool over_ = false;
};

} // namespace

void walk_guards(Walk& walk, const Process& process, std::string_view maps) {
    if (!walk.options.guards || walk.workload.guards_gap)
        return;
    auto pagemap = open_at(AT_FDCWD, "/proc/" + std::to_string(process.pid) + "/pagemap", O_RDONLY);
    if (!pagemap) {
        if (pagemap.error().code != Errc::absent) // else ended since
            walk.workload.guards_gap = Gap{Gap::Why::error, std::move(pagemap).error().text};
        return;
    }
    Guards guards(walk, process, *std::move(pagemap));
    while (const auto mapping = procfs::next_mapping(maps))
        guards.add(*mapping);
    guards.look();
}

} // namespace lpm::inspect
