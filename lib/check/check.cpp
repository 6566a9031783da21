// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/check.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "check/themes.hpp"

namespace lpm::check {

using config::Severity;

static constexpr auto block = Severity::block;
static constexpr auto warn = Severity::warn;
static constexpr bool at_create = true;

// In the order in which a user should hear of them: the first that blocks is the message.
static constexpr Check checks[] = {
    {"ContainerState", true, false, block, false, "1.8", "the container is started and alive",
     "checkpoint a container that is running or paused", judge_container_state},
    {"CheckpointRunning", true, false, block, true, "A2.6",
     "another checkpoint of the container, which is under way", "try again when that has ended",
     judge_checkpoint_in_progress},
    {"TcpEstablished", true, false, block, true, "2.1", "TCP connections that the container holds",
     "close them first, or set tcp in [options] of lpm.toml to close or established", judge_tcp},
    {"TcpOnNewKernel", true, false, block, false, "A2.2",
     "TCP sockets that the installed CRIU cannot dump on this kernel",
     "install CRIU 4.2 or newer and run lpm-gate --probe", judge_tcp_on_new_kernel},
    {"DiskSpace", true, false, block, false, "4.14",
     "room for the images, and for the kubelet's archive of them",
     "free space there, or name another directory with --image-path", judge_disk_space},
    {"ToolingMissing", true, true, block, false, "1.1",
     "criu is on the PATH that the runtime gets, is at least 3.16, and the runtime is built with it",
     "install CRIU 3.16 or newer (better 4.2) where PATH finds it and run lpm-gate --probe", judge_tooling},
    {"KernelSupport", true, false, block, false, "1.3", "CRIU can dump a sleeping process on this node",
     "ask `criu check` and the dump's log; another kernel, another CRIU (better 4.2); then run lpm-gate "
     "--probe",
     judge_kernel},
    {"TarMissing", true, true, block, false, "1.6", "tar and gzip, with which CRIU packs tmpfs mounts",
     "install tar and gzip where PATH finds them", judge_tar},
    {"Capabilities", true, true, block, false, "1.2", "capabilities that CRIU needs of its caller",
     "run the container engine with all capabilities", judge_capabilities},
    {"ImageIncomplete", false, true, block, false, "5.1",
     "inventory, process tree, a core per thread and as many pages as the page maps list",
     "copy the checkpoint again, whole, and name its directory with --image-path", judge_images},
    {"ImageForeign", false, true, block, false, "5.22",
     "images that are files of the checkpoint's own directory: no links to elsewhere, pipes or devices",
     "copy the files themselves into one directory, and ask who made it otherwise", judge_odd_images},
    {"DescriptorsMissing", false, true, block, false, "5.16",
     "descriptors.json, which the runtime writes at checkpoint",
     "restore from a checkpoint that was taken with runc or crun", judge_descriptors},
    {"ArchMismatch", false, true, block, false, "5.2", "the architecture of the processes",
     "restore on a node of the same architecture", judge_machine},
    {"NamespaceMissing", false, true, block, false, "5.15", "namespaces that config.json tells to join",
     "make the pod's sandbox first", judge_missing_namespaces},
    {"MountMissing", false, true, block, false, "5.9", "mounts that the container had at the checkpoint",
     "give the new container a mount at each of these places", judge_missing_mounts},
    {"MountSource", false, true, block, false, "5.9", "sources of the bind mounts in config.json",
     "make the volumes first", judge_missing_sources},
    {"MountKind", false, true, block, false, "5.9", "files are mounted on files, and folders on folders",
     "mount at each of these places what was mounted there at the checkpoint", judge_unlike_sources},
    {"FileMissing", false, true, block, false, "5.8", "files that the processes had open or mapped",
     "restore with the same image and the same volumes as at the checkpoint", judge_missing_files},
    {"FileChanged", false, true, block, false, "5.8",
     "sizes, types and permissions of the files that the processes had open",
     "restore with the volumes as they were at the checkpoint", judge_changed_files},
    {"AddressMissing", false, true, block, false, "5.6",
     "addresses that sockets are bound to or connected from",
     "give the pod the same address, or let the program listen on 0.0.0.0 or ::", judge_missing_addresses},
    {"AddressInUse", false, true, block, false, "5.7", "ports that the processes listen on",
     "stop what listens there, or restore into another pod", judge_taken_ports},
    {"CpuMismatch", false, true, block, false, "5.3", "instructions that the processor had at the checkpoint",
     "restore on a node whose processor has them", judge_cpu},
    {"TcpOptionMissing", false, true, block, false, "5.5",
     "options that CRIU needs for connections in the images",
     "set tcp-established or tcp-close in /etc/criu/runc.conf on this node, as at the checkpoint",
     judge_tcp_option},
    {"PidNamespaceMissing", false, true, block, false, "5.11",
     "the PID namespace that the container shared with others",
     "restore it into a pod that shares its PID namespace, too", judge_pid_home},
    {"PidTaken", false, true, block, true, "5.11",
     "numbers of the processes in a PID namespace that they share",
     "restore it where these processes are not, or give the container a PID namespace of its own before the "
     "checkpoint",
     judge_taken_pids},
    {"PidsLimit", false, true, block, false, "5.11",
     "the container's limit of processes and the number of processes in the images",
     "raise linux.resources.pids.limit of the container", judge_pids_limit},
    {"LsmMismatch", false, true, block, false, "5.14",
     "the security module and the profiles of the processes",
     "restore on a node with the same security module and profiles", judge_lsm},
    {"MemoryLimit", false, true, warn, false, "5.19",
     "the container's memory limit and the size of the images", "raise the memory limit of the container",
     judge_memory_limit},
    {"ImageChanged", false, true, warn, false, "5.10",
     "the container's image by its digest, as the engine's annotations name it",
     "restore with the image of the checkpoint, by its digest", judge_changed_image},
    {"HooksAtRestore", false, true, warn, false, "5.17", "hooks that a restore runs too early or not at all",
     "see to it that the hooks need no mounts, or do by other means what they do", judge_hooks},
    {"SocketTaken", false, true, warn, false, "5.18", "unix sockets on volumes that are there already",
     "end what listens there, or give the new container a volume of its own", judge_taken_sockets},
    {"ImageWritable", false, true, warn, false, "5.22", "owner and permissions of the images",
     "keep checkpoints where only root can write", judge_open_images},
    {"KernelOlder", false, true, warn, false, "5.4", "the kernel's version and that of the checkpoint",
     "restore on a node whose kernel is not older", judge_older_kernel},
    {"ExecSession", true, false, warn, true, "4.2",
     "processes that exec or an exec probe has put into the container",
     "end the session, or try again when the probe is over", judge_exec_session},
    {"Traced", true, false, block, true, "4.1", "processes that a debugger traces", "end the debugger",
     judge_traced},
    {"GhostTooLarge", true, false, block, false, "3.6",
     "deleted files in use that are over CRIU's ghost-limit",
     "raise ghost_limit in [options] of lpm.toml, as in: ghost_limit = \"512M\"", judge_ghost},
    {"LinkRemap", true, false, block, false, "3.7", "files in use whose name is gone while others are left",
     "close the file; or set link-remap for CRIU and let the checkpoint end the container", judge_unlinked},
    {"DeviceOpen", true, false, block, false, "3.4", "devices that are open or mapped",
     "close the device before the checkpoint", judge_device},
    {"Gpu", true, false, warn, false, "3.5", "NVIDIA devices",
     "install CRIU's CUDA plugin and cuda-checkpoint", judge_gpu},
    {"TunInterface", true, false, block, false, "2.7", "tun and tap devices that have an interface",
     "end what has the interface (a VPN, a network of user space) before the checkpoint", judge_tun},
    {"IoUring", true, false, block, false, "3.1", "io_uring instances",
     "deny io_uring_setup by a seccomp profile, or set kernel.io_uring_disabled=2, or use the program's own "
     "option (UV_USE_IO_URING=0 suffices for libuv before 1.50)",
     judge_io_uring},
    {"AnonInode", true, false, block, false, "3.2",
     "kernel objects that CRIU does not know: perf events, userfaultfd, BPF programs",
     "close it before the checkpoint", judge_anon_inode},
    {"PidfdOutside", true, false, block, false, "3.3", "pidfds of processes outside, or of threads",
     "close it before the checkpoint", judge_pidfd},
    {"GuardPages", true, false, block, false, "1.4",
     "guard pages as glibc 2.42 makes them, which CRIU before 4.2 cannot dump",
     "install CRIU 4.2 or newer and run lpm-gate --probe", judge_guards},
    {"UnixExternal", true, false, block, false, "2.5",
     "unix sockets whose other end is outside of the container", "close the connection before the checkpoint",
     judge_unix},
    {"ShmMount", true, false, block, false, "3.16", "files in use in the pod's /dev/shm",
     "give the container a /dev/shm of its own, or close the file", judge_shm},
    {"SysvShm", true, false, block, false, "3.17",
     "System V shared memory outside of the container's IPC namespace",
     "give the container an IPC namespace of its own", judge_sysv},
    {"InotifyOverlay", true, false, warn, false, "3.9", "inotify and fanotify watches on an overlay",
     "let the program poll, or watch a directory on a volume", judge_inotify},
    {"NestedNamespace", true, false, block, false, "4.4", "processes in namespaces of their own",
     "checkpoint what makes namespaces (systemd, containers, browser sandboxes) by its own means",
     judge_nested},
    {"Mptcp", true, false, block, false, "2.3", "multipath TCP sockets",
     "turn MPTCP off: GODEBUG=multipathtcp=0 for Go, or net.mptcp.enabled=0", judge_mptcp},
    {"SocketFamily", true, false, block, false, "2.4",
     "sockets of other families than IP, unix, netlink and packet", "close it before the checkpoint",
     judge_socket_family},
    {"MountUnknown", true, false, block, false, "4.7",
     "mounts that neither config.json nor another mount explains", "unmount it, or let the engine mount it",
     judge_unknown_mount},
    {"FilesystemUnsupported", true, false, block, false, "4.8", "kinds of file systems mounted inside",
     "unmount it, or mount it on the host and bind it in", judge_filesystem, at_create},
    {"MountSharing", true, false, block, false, "4.9", "mounts that propagate from outside",
     "use private propagation", judge_sharing},
    {"Terminal", true, true, block, false, "3.11", "the container has a terminal",
     "use a container without a terminal, or give --console-socket", judge_terminal, at_create},
    {"ForeignTerminal", true, false, block, false, "3.11",
     "terminals that a session has left to processes of the container",
     "end the process, or start it without a terminal", judge_foreign_terminal},
    {"StdioOutsideMounts", true, false, block, false, "3.8",
     "standard streams of init are no files outside the container's mounts",
     "let the container's output go to a pipe, or to a file inside its own mounts", judge_stdio},
    {"FileOutsideMounts", true, false, block, false, "3.8",
     "open files that are in none of the container's mounts", "close the file before the checkpoint",
     judge_outside_mounts},
    {"FileCovered", true, false, block, false, "3.8", "open files on a mount that another one hides",
     "close the file before the checkpoint", judge_covered},
    {"PipesFull", true, false, block, true, "3.12", "pipes with unread data", "let the readers catch up",
     judge_pipes},
    {"Uprobes", true, true, block, false, "3.14", "probes of tracing tools in processes",
     "stop the tracing tool, or set allow-uprobes for CRIU 4.2 at checkpoint and restore", judge_uprobes},
    {"SessionOutside", true, false, block, false, "4.3",
     "sessions whose leader is outside of the PID namespace", "start the process with setsid", judge_session},
    {"Stopped", true, false, block, true, "4.5", "processes that a signal has stopped",
     "let it go on (SIGCONT) or end it", judge_stopped},
    {"ZombieLeader", true, false, block, true, "4.5",
     "processes whose first thread has ended before the others", "end the process", judge_zombie_leader},
    {"SeccompFilter", true, false, block, false, "3.18",
     "seccomp filters, which the kernel must suspend for CRIU",
     "use a kernel with CONFIG_CHECKPOINT_RESTORE and seccomp filters (4.3 or newer)", judge_seccomp},
    {"FreezeStuck", true, false, block, true, "4.6", "the freezer, which must not be on its way",
     "look for processes in state D, and what they wait for", judge_freeze},
    {"NetworkLockTool", true, true, block, false, "1.6",
     "what CRIU locks the network with is there, and works",
     "install iptables, or choose another network-lock for CRIU", judge_network_lock},
    {"TcpInFlight", true, false, warn, true, "2.2", "connections that nobody has accepted yet",
     "try again, or set skip-in-flight for CRIU", judge_tcp_in_flight},
    {"NetlinkUnread", true, false, warn, true, "2.6", "unread data in netlink sockets", "try again",
     judge_netlink},
    {"ManyDescriptors", true, false, warn, false, "3.13", "the number of descriptors",
     "raise the limit of the runtime", judge_many_descriptors},
    {"HugeMemfd", true, false, warn, false, "3.15", "memory in huge pages", "use ordinary pages",
     judge_huge_memfd},
    {"Rseq", true, false, warn, false, "1.5", "restartable sequences, which new C libraries use",
     "install CRIU 3.17 and Linux 5.13 or newer, or run with GLIBC_TUNABLES=glibc.pthread.rseq=0",
     judge_rseq},
    {"SelinuxMissing", true, false, warn, false, "1.7", "a CRIU without SELinux where that is enforcing",
     "install a CRIU that is built with libselinux", judge_selinux},
    {"UserNamespace", true, false, warn, false, "4.12", "a user namespace",
     "run the pod with hostUsers: true", judge_user_namespace, at_create},
    {"PidNamespaceShared", true, false, warn, false, "4.13",
     "a PID namespace that is not the container's own",
     "run the pod without shareProcessNamespace and hostPID", judge_pid_namespace, at_create},
    {"MemoryTight", true, false, warn, false, "4.15", "memory for the images in the page cache",
     "free memory on the node", judge_memory},
    {"PodIdentityInEnv", true, false, warn, false, "4.18",
     "environment variables that hold the pod's or the node's address",
     "let the program ask for its address when it needs it", judge_pod_identity, at_create},
    {"RootfsDiffLost", true, false, warn, false, "4.16",
     "files of the image that the container has changed and CRI-O or Podman leaves out of an archive",
     "let the program write to a volume, or to files that the image has not", judge_lost_files},
    {"VolumesLeftOut", true, false, warn, false, "4.17", "writable volumes, which no archive contains",
     "save the volumes by other means", judge_volumes, at_create},
};

std::span<const Check> table() {
    return checks;
}

// Ids that lpm.toml and annotations may still have, and what they are called now.
static constexpr std::pair<std::string_view, std::string_view> renamed[] = {
    {"Whereabouts", "PodIdentityInEnv"},
};

static std::string_view id_of(std::string_view written) {
    const auto at =
        std::ranges::find(renamed, written, &std::pair<std::string_view, std::string_view>::first);
    return at == std::end(renamed) ? written : at->second;
}

static std::optional<Severity> severity_of(const config::Settings& settings, std::string_view id) {
    auto severity = settings.severity_of(id);
    for (const auto& [before, now] : renamed)
        if (!severity && now == id)
            severity = settings.severity_of(before);
    return severity;
}

static bool may_skip(const config::Settings& settings, std::string_view id) {
    return settings.may_skip(id) || std::ranges::any_of(renamed, [&](const auto& one) {
               return one.second == id && settings.may_skip(one.first);
           });
}

// `id` is in a list separated by commas.
static bool names(std::string_view list, std::string_view id) {
    while (!list.empty())
        if (id_of(trim(next_part(list, ','))) == id)
            return true;
    return false;
}

// An annotation of the pod may make a warning of what blocks, where the node allows that for the check.
static void apply_annotation(const Facts& facts, const config::Settings& settings, std::string_view id,
                             Judgement& finding) {
    if (finding.verdict != Verdict::block || !facts.bundle || !names(facts.bundle->skip_checks, id))
        return;
    if (may_skip(settings, id)) {
        finding.verdict = Verdict::warn;
        finding.message += " (skipped by the annotation lpm.my.domain/skip-checks)";
    } else {
        finding.message += " (the annotation lpm.my.domain/skip-checks names this check, but lpm.toml of "
                           "this node does not allow that)";
    }
}

static bool runs_at(const Check& check, Stage stage) {
    switch (stage) {
    case Stage::create:
        return check.at_create;
    case Stage::checkpoint:
        return check.at_checkpoint;
    case Stage::restore:
        return check.at_restore;
    }
    return false;
}

Outcome run(const Facts& facts, const config::Settings& settings, const Deadline& deadline) {
    Outcome outcome;
    for (const Check& check : checks) {
        if (!runs_at(check, facts.subject.stage))
            continue;
        const Severity severity = severity_of(settings, check.id).value_or(check.severity);
        if (severity == Severity::off)
            continue;
        Judgement finding{Verdict::unknown, "not judged within the deadline", {}};
        if (!deadline.passed())
            finding = check.judge(facts);
        if (finding.verdict == Verdict::block && severity == Severity::warn)
            finding.verdict = Verdict::warn;
        apply_annotation(facts, settings, check.id, finding);
        if (finding.verdict == Verdict::block && outcome.code.empty()) {
            outcome.code = check.id;
            outcome.transient = true;
            outcome.message =
                finding.message + "; " + std::string(finding.remedy.empty() ? check.remedy : finding.remedy);
        }
        if (finding.verdict == Verdict::block)
            outcome.transient &= check.transient;
        outcome.findings.push_back(
            {std::string(check.id), severity, finding.verdict, std::move(finding.message)});
    }
    return outcome;
}

std::vector<std::string> unknown_ids(const config::Settings& settings) {
    std::vector<std::string> lines;
    for (const auto& [id, severity] : settings.severities) {
        if (const std::string_view now = id_of(id); now != id)
            lines.push_back("checks." + id + ": is called " + std::string(now) + " now");
        else if (std::ranges::none_of(checks, [&](const Check& check) { return check.id == id; }))
            lines.push_back("checks." + id + ": there is no such check; ignored");
    }
    return lines;
}

} // namespace lpm::check
