// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/text.hpp"
#include "check/found.hpp"
#include "check/judges.hpp"
#include "linux/cpu.hpp"

namespace lpm::check {

// Errors of reading, as against of what was read, say nothing about the images.
static Judgement judge_read(const Facts& facts, const Result<>& read) {
    if (read)
        return {};
    if (read.error().code != Errc::absent && read.error().code != Errc::invalid)
        return {Verdict::unknown, one_line(read.error().text)};
    return {Verdict::block, "no complete checkpoint in " + one_line(facts.subject.image_path, 200) + ": " +
                                one_line(read.error().text)};
}

Judgement judge_images(const Facts& facts) {
    if (!facts.images.complete)
        return {Verdict::unknown, "the image directory cannot be read"};
    return judge_read(facts, *facts.images.complete);
}

Judgement judge_descriptors(const Facts& facts) {
    // Without the directory, ImageIncomplete says so.
    if (!facts.images.descriptors)
        return {Verdict::unknown, "the image directory cannot be read"};
    return judge_read(facts, *facts.images.descriptors);
}

Judgement judge_machine(const Facts& facts) {
    const auto own = facts.host.march;
    if (!facts.images.mtype || own == criu::March::unknown)
        return not_compared();
    if (*facts.images.mtype == own)
        return {};
    return {Verdict::block, std::string("the processes are of ") + criu::name_of(*facts.images.mtype) +
                                ", and this node is of " + criu::name_of(own)};
}

// CRIU compares nothing that runc asks for: without this the program dies later, at the first instruction
// that is not there.
Judgement judge_cpu(const Facts& facts) {
    const auto& manifest = facts.images.manifest;
    if (!facts.host.cpu || !manifest || manifest->cpu.empty())
        return not_compared();
    const std::string missing = missing_words(manifest->cpu, *facts.host.cpu);
    if (missing.empty())
        return {};
    return {Verdict::block, "the program may use instructions that this processor lacks (" +
                                one_line(missing, 200) + "): it would be killed in the middle of its work"};
}

Judgement judge_older_kernel(const Facts& facts) {
    const auto& manifest = facts.images.manifest;
    if (!manifest || !facts.host.kernel)
        return not_compared();
    const auto then = parse_kernel_version(manifest->kernel);
    if (!then)
        return not_compared();
    if (*facts.host.kernel >= *then)
        return {};
    return {Verdict::warn, "the checkpoint is from Linux " + one_line(manifest->kernel, 60) +
                               ", which is newer than this kernel"};
}

Judgement judge_missing_files(const Facts& facts) {
    return judge_list(facts.images.missing_files, "files that were in use are not here");
}

Judgement judge_changed_files(const Facts& facts) {
    Judgement content = judge_list(facts.images.changed_files, "files that were in use have changed since");
    if (content.verdict != Verdict::pass)
        return content;
    Judgement modes =
        judge_list(facts.images.changed_modes, "files that were in use have other permissions now");
    modes.remedy = "give them back the permissions that they had, or set skip-file-rwx-check in "
                   "/etc/criu/runc.conf on this node";
    return unless(facts, "skip-file-rwx-check", std::move(modes));
}

// At a checkpoint a warning only: whoever restores may grant it again.
Judgement judge_programs(const Facts& facts) {
    if (facts.subject.stage == Stage::restore)
        return judge_list(facts.images.unexecutable, "the kernel refuses CRIU programs of the processes");
    Judgement finding = judge_found(facts, Item::not_executable, "a program without any x bit",
                                    "the kernel refuses it to a restore", Verdict::warn);
    if (finding.verdict == Verdict::warn)
        return finding;
    return judge_found(facts, Item::on_no_exec, "a program on a mount that is noexec",
                       "a restore mounts it so, and the kernel refuses it the program", Verdict::warn);
}

Judgement judge_missing_addresses(const Facts& facts) {
    Judgement bound = judge_list(facts.images.missing_addresses,
                                 "sockets are bound to addresses that this network namespace does not have");
    if (bound.verdict != Verdict::pass)
        return bound;
    Judgement ends = judge_list(facts.images.missing_local_addresses,
                                "connections are from addresses that this network namespace does not have");
    ends.remedy =
        "give the pod the same address, or set tcp-close in /etc/criu/runc.conf for a restore without them";
    return unless(facts, "tcp-close", std::move(ends));
}

Judgement judge_taken_ports(const Facts& facts) {
    return judge_list(facts.images.taken_ports, "ports that something here has, or had a moment ago");
}

Judgement judge_missing_namespaces(const Facts& facts) {
    return judge_list(facts.images.missing_namespaces,
                      "namespaces that the container is to join are not here");
}

Judgement judge_memory_limit(const Facts& facts) {
    if (!facts.images.memory || !facts.bundle)
        return not_compared();
    const std::uint64_t limit = facts.bundle->memory_limit;
    if (limit == 0 || limit >= facts.images.memory->all)
        return {};
    const bool no_swap = facts.host.no_swap || facts.bundle->swap_limit.value_or(UINT64_MAX) <= limit;
    if (limit < facts.images.memory->least && no_swap && limit_holds(facts))
        return {Verdict::block, "the images need at least " + human_size(facts.images.memory->least) +
                                    " of memory, and the container is limited to " + human_size(limit) +
                                    " without swap: the kernel would kill it"};
    // Not certain: pages of a fork that nobody has written since are in the images of each process.
    return {Verdict::warn, "the images have " + human_size(facts.images.memory->all) +
                               " of memory, and the container is limited to " + human_size(limit) +
                               ": the kernel may kill it, or CRIU while it restores it"};
}

} // namespace lpm::check
