// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>

#include "base/text.hpp"
#include "check/found.hpp"
#include "check/judges.hpp"

namespace lpm::check {

Judgement judge_stdio(const Facts& facts) {
    if (!facts.container.stdio)
        return {Verdict::unknown, "the standard streams of the container cannot be read"};
    static constexpr const char* names[] = {"standard input", "standard output", "standard error"};
    for (const StdioFile& file : *facts.container.stdio)
        if (!file.in_mounts)
            return {Verdict::block, "the container's " + std::string(names[file.fd]) + " is the file " +
                                        one_line(file.path, 200) +
                                        ", which is in none of its mounts: CRIU cannot find it"};
    return {};
}

Judgement judge_outside_mounts(const Facts& facts) {
    return judge_found(facts, Item::outside_mounts, "a file outside of the container's mounts",
                       "CRIU cannot find it");
}

Judgement judge_covered(const Facts& facts) {
    return judge_found(facts, Item::covered, "a file below a mount that lies above it",
                       "CRIU cannot open it by its name");
}

Judgement judge_ghost(const Facts& facts) {
    Judgement finding = judge_found(facts, Item::ghost, "a deleted file that is still in use", {});
    if (finding.verdict == Verdict::block)
        finding.message += "it has " + human_size((*facts.container.workload)[Item::ghost].holder.bytes) +
                           ", and CRIU takes deleted files of at most " +
                           human_size(criu::ghost_limit(facts.options));
    return finding;
}

// Of a file of the image CRIU saves the content as of a deleted one, as an overlay gives it no new name; one
// that the container has made gets that. Nobody tells which it is, nor whether such a file has other names.
static Judgement judge_unlinked_on_overlay(const Facts& facts) {
    Judgement finding = judge_found(facts, Item::unlinked_on_overlay,
                                    "a deleted file of the image, or one that has other names,",
                                    "CRIU takes it only with link-remap");
    finding.remedy = "close the file, or set link-remap in CRIU's configuration file";
    finding = unless(facts, "link-remap", std::move(finding));
    if (finding.verdict != Verdict::covered || !facts.call.leave_running)
        return finding;
    finding.verdict = Verdict::warn;
    finding.message += "; if it has other names, nobody can restore what was dumped with leave-running";
    return finding;
}

Judgement judge_unlinked(const Facts& facts) {
    Judgement finding = judge_found(facts, Item::unlinked, "a file whose name is gone but which has others",
                                    "CRIU takes it only with link-remap");
    if (finding.verdict != Verdict::block)
        return judge_unlinked_on_overlay(facts);
    // CRIU gives the file a new name, and takes it away after the dump when the container goes on.
    if (facts.call.leave_running) {
        finding.message += ", and then nobody can restore what was dumped with leave-running";
        return finding;
    }
    return unless(facts, "link-remap", std::move(finding));
}

Judgement judge_device(const Facts& facts) {
    return judge_found(facts, Item::device, "a device", "CRIU cannot save its state");
}

// runc tells CRIU to leave out the devices of the network, so no image has the interface, and the restore
// ends with "No tun device for file". Of crun that is not shown.
Judgement judge_tun(const Facts& facts) {
    Judgement finding = judge_found(facts, Item::tun_of_node, "a tun device in the network of the node",
                                    "CRIU takes them in a network namespace only");
    if (finding.verdict != Verdict::pass)
        return finding;
    return judge_found(facts, Item::tun_interface, "a tun device with an interface",
                       "the interface is in no checkpoint, and a restore fails without it",
                       facts.subject.kind == oci::RuntimeKind::crun ? Verdict::warn : Verdict::block);
}

Judgement judge_gpu(const Facts& facts) {
    return judge_found(facts, Item::gpu, "a GPU", "CRIU cannot save it without the plugin of its maker",
                       Verdict::warn);
}

Judgement judge_io_uring(const Facts& facts) {
    return judge_found(facts, Item::io_uring, "an io_uring", "CRIU cannot dump any");
}

Judgement judge_anon_inode(const Facts& facts) {
    return judge_found(facts, Item::anon_inode, "a kernel object", "CRIU does not know this kind");
}

Judgement judge_pidfd(const Facts& facts) {
    return judge_found(facts, Item::foreign_pidfd, "a pidfd",
                       "CRIU takes only those of processes of the container");
}

// A pod's /dev/shm is the sandbox's. Podman's is the container's own, and Podman exports it.
Judgement judge_shm(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    const bool pod =
        std::ranges::any_of(facts.bundle->names, [](const auto& name) { return name.first == "sandbox"; });
    return judge_found(
        facts, Item::shm_file, "a file in /dev/shm",
        pod ? "that belongs to the pod, so it is in no checkpoint, and only a restore in the same pod can "
              "open it"
            : "that is bound in, so it is in no checkpoint, and a restore opens what it then finds there");
}

Judgement judge_shared_code(const Facts& facts) {
    return judge_found(facts, Item::shared_code,
                       "first executable memory that is shared and cannot be written",
                       "CRIU has to write there to run its code in the process");
}

Judgement judge_sysv(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    constexpr std::string_view what = "System V shared memory";
    if (!facts.bundle->ipc_namespace || (facts.container.workload && facts.container.workload->node_ipc))
        return judge_found(facts, Item::sysv_memory, what,
                           "it lives in the host's IPC namespace, which CRIU does not dump");
    if (!facts.bundle->own_ipc)
        return judge_found(facts, Item::sysv_memory, what,
                           "it is the pod's, and other containers may use it as well", Verdict::warn);
    return {};
}

// Not certain: CRIU finds what is watched below /etc and a few more directories (criu/irmap.c), and the
// kernel tells of a watch no path.
Judgement judge_inotify(const Facts& facts) {
    constexpr std::uint32_t able = 40300;
    Judgement finding = judge_found(
        facts, Item::watch_on_overlay, "a watch on files of the root file system, which is an overlay,",
        "CRIU before 4.3 finds only those below /etc and /var/log again", Verdict::warn);
    if (finding.verdict == Verdict::warn && facts.tools.criu && facts.tools.criu->version >= able)
        return {};
    return finding;
}

// Only of these file systems it is certain: of their files CRIU has no handle that it can open. It may still
// know the path, when it is told where to look.
Judgement judge_watch_without_handle(const Facts& facts) {
    return judge_found(facts, Item::watch_without_handle, "a watch on a file system of the kernel",
                       "CRIU cannot find again what is watched",
                       facts.options.find("irmap-scan-path") ? Verdict::warn : Verdict::block);
}

Judgement judge_epoll(const Facts& facts) {
    return judge_found(facts, Item::epoll_elsewhere, &inspect::Workload::epolls_gap,
                       "an epoll descriptor that watches what is open in another process only",
                       "CRIU looks for that in the same process");
}

Judgement judge_packet_pipe(const Facts& facts) {
    return judge_found(facts, Item::packet_pipe, &inspect::Workload::pipes_gap,
                       "a pipe in packet mode (O_DIRECT)", "CRIU does not dump any");
}

Judgement judge_queue(const Facts& facts) {
    return judge_found(facts, Item::message_queue, &inspect::Workload::queues_gap, "a POSIX message queue",
                       "CRIU does not dump any");
}

Judgement judge_foreign_terminal(const Facts& facts) {
    return unless(facts, "shell-job",
                  judge_found(facts, Item::foreign_terminal,
                              "a terminal whose other end is outside of the container",
                              "a restore has nobody to give it to"));
}

Judgement judge_pipes(const Facts& facts) {
    // NR_PIPES_WITH_DATA of criu/pipes.c.
    constexpr std::size_t most = 1024;
    if (!facts.container.workload)
        return no_workload();
    const std::size_t full = facts.container.workload->pipes_with_data;
    if (full <= most / 2)
        return judge_gap(facts);
    return {full > most ? Verdict::block : Verdict::warn,
            std::to_string(full) + " pipes hold unread data, and CRIU has room for " + std::to_string(most)};
}

Judgement judge_many_descriptors(const Facts& facts) {
    constexpr std::size_t many = 20'000;
    if (!facts.container.workload)
        return no_workload();
    if (facts.container.workload->descriptors <= many)
        return judge_gap(facts);
    return {Verdict::warn, "the container has " + std::to_string(facts.container.workload->descriptors) +
                               " open descriptors: the dump is slow, and may run out of its own"};
}

Judgement judge_uprobes(const Facts& facts) {
    if (facts.subject.stage == Stage::restore)
        return judge_uprobes_again(facts);
    Judgement finding =
        judge_found(facts, Item::uprobes, "probes of a tracing tool",
                    "CRIU dumps them only since 4.2, with allow-uprobes at checkpoint and restore");
    if (facts.tools.criu && facts.tools.criu->version != 0 &&
        facts.tools.criu->version < criu::knows_uprobes) {
        finding.remedy = "stop the tracing tool, or install CRIU 4.2 or newer and run lpm-gate --probe";
        return finding;
    }
    return unless(facts, "allow-uprobes", std::move(finding));
}

// glibc 2.42 makes the guards of thread stacks so. To CRIU before 4.2 they look like pages that are swapped
// out, and the dump fails when it reads one ("Can't splice all pages to pipe").
Judgement judge_guards(const Facts& facts) {
    const auto matter = inspect::guards_matter(facts.host.kernel, facts.tools.criu);
    if (!matter)
        return {Verdict::unknown, "the version of CRIU or of the kernel is not known"};
    Judgement finding =
        judge_found(facts, Item::guard_page, "a guard page",
                    "CRIU before 4.2, or a newer one on a kernel before 6.16, cannot dump it");
    if (finding.verdict == Verdict::pass && *matter && facts.container.workload->guards_gap)
        return {Verdict::unknown, text_of(*facts.container.workload->guards_gap)};
    return finding;
}

} // namespace lpm::check
