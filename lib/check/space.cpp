// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/text.hpp"
#include "check/judges.hpp"
#include "check/texts.hpp"

namespace lpm::check {

// A dump of one small process makes about 25 files.
static constexpr std::uint64_t least_inodes = 16;

static std::optional<inspect::MemoryUse> memory_of(const Facts& facts) {
    return facts.container.workload ? facts.container.workload->memory : std::nullopt;
}

static std::string shortage(const std::string& path, std::uint64_t need, std::uint64_t have) {
    return "needs " + human_size(need) + " on the file system of " + one_line(path, 200) + ", free are " +
           human_size(have);
}

// CRI-O packs the images for the kubelet without compression. On one file system both are there at the same
// time.
static Judgement judge_archive(const Facts& facts, std::uint64_t least, std::uint64_t most) {
    if (!facts.host.kubelet_space)
        return {};
    const Space& kubelet = *facts.host.kubelet_space;
    const std::uint64_t copies = kubelet.device == facts.host.image_space->device ? 2 : 1;
    if (kubelet.free_bytes < copies * least && facts.bundle && facts.bundle->crio)
        return {Verdict::block, "the kubelet's archive of the checkpoint " +
                                    shortage(kubelet.path, copies * least, kubelet.free_bytes)};
    if (kubelet.free_bytes < copies * most)
        return {Verdict::warn,
                "an archive of the checkpoint " + shortage(kubelet.path, copies * most, kubelet.free_bytes)};
    return {};
}

Judgement judge_disk_space(const Facts& facts) {
    if (facts.call.page_server)
        return {Verdict::covered, "the pages go to a page server"};
    const auto memory = memory_of(facts);
    if (!memory || !facts.host.image_space)
        return {Verdict::unknown, "the container's memory or the free space cannot be read"};
    const Space& images = *facts.host.image_space;
    if (images.free_inodes && *images.free_inodes < least_inodes)
        return {Verdict::block, "the file system of " + one_line(images.path, 200) + " has " +
                                    std::to_string(*images.free_inodes) +
                                    " free inodes, a checkpoint needs " + std::to_string(least_inodes)};
    // Private memory goes into the images whole. Shared memory is an upper bound, as what is in a tmpfs is
    // packed, and a dump on top of a parent writes only what changed: all can warn, not block.
    const std::uint64_t least = memory->private_bytes;
    const std::uint64_t most = least + memory->shared_bytes + memory->file_bytes;
    if (images.free_bytes < least && !facts.call.incremental)
        return {Verdict::block, "the checkpoint " + shortage(images.path, least, images.free_bytes)};
    if (images.free_bytes < most + most / 20)
        return {Verdict::warn,
                "the checkpoint possibly " + shortage(images.path, most + most / 20, images.free_bytes)};
    Judgement archive = judge_archive(facts, least, most);
    if (const auto& gap = facts.container.workload->files_gap; gap && archive.verdict == Verdict::pass)
        return {Verdict::unknown, text_of(*gap)};
    return archive;
}

Judgement judge_memory(const Facts& facts) {
    const auto memory = memory_of(facts);
    if (!memory || !facts.host.available_memory)
        return {Verdict::unknown, "the container's memory or the free memory cannot be read"};
    if (*facts.host.available_memory >= memory->private_bytes)
        return {};
    return {Verdict::warn, "the images have " + human_size(memory->private_bytes) + ", and only " +
                               human_size(*facts.host.available_memory) +
                               " of memory are available to buffer them"};
}

} // namespace lpm::check
