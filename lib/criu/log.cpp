// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/log.hpp"

#include <span>

#include "base/text.hpp"

namespace lpm::criu {

// A part of CRIU's text -> what it means. The first row that matches wins.
struct ErrorPattern {
    std::string_view part;
    std::string_view code;
    std::string_view remedy;
    std::string_view also{}; // a second part that has to be there
};

static constexpr ErrorPattern known[] = {
    {"Connected TCP socket in image", "TcpOptionMissing",
     "set tcp-established or tcp-close in /etc/criu/runc.conf on this node, as at the checkpoint"},
    {"Connected TCP socket", "TcpEstablished",
     "close or drain the open TCP connections, or allow tcp-close in /etc/criu/runc.conf on both nodes"},
    {"In-flight connection", "TcpInFlight", "try again: a client was about to be accepted"},
    {"opt: Operation not supported", "TcpOnNewKernel",
     "install CRIU 4.2 or newer: older ones cannot dump a TCP socket on Linux 6.16 and newer"},
    {"Unsupported proto 262", "Mptcp", "run the workload with GODEBUG=multipathtcp=0"},
    {"External socket is used", "UnixExternal", "close the connection to the socket outside the container"},
    {"Can't dump half of stream unix connection", "UnixExternal",
     "close the connection to the socket outside the container"},
    {"Dangling connection", "UnixExternal", "close the connection to the socket outside the container"},
    {"without peer", "UnixExternal", "close the connection to the socket outside the container"},
    {"unresolved for", "UnixExternal", "take the checkpoint again without a connection to a socket outside"},
    {"The socket has data to read", "NetlinkUnread", "try again: a netlink socket held unread data"},
    {"Unknown socket collected", "SocketFamily", "close the socket before the checkpoint"},
    {"increase limit", "GhostTooLarge", "raise ghost-limit in /etc/criu/runc.conf above the size named"},
    {"Can't create link remap", "LinkRemap", "set link-remap in /etc/criu/runc.conf"},
    // No descriptor: the program, or what it has mapped; seen on an overlay over another overlay.
    {"for fd=-3 path=", "FileOutsideMounts", "run the program from a file system of the container's mounts"},
    {"Can't link", "LinkRemap",
     "take the checkpoint again without leave-running, or when the file is closed"},
    {"Can't lookup mount=", "StdioOutsideMounts",
     "let the container's output go to a pipe, or to a file inside its own mounts"},
    {"anon_inode:[io_uring]", "IoUring",
     "deny io_uring_setup by a seccomp profile, or set kernel.io_uring_disabled=2"},
    {"send_fds failed", "IoUring",
     "deny io_uring_setup by a seccomp profile, or set kernel.io_uring_disabled=2"},
    {"(anon anon_inode:", "AnonInode", "close the kernel object named before the checkpoint"},
    {"(chr ", "DeviceOpen", "close the device before the checkpoint"},
    {"filter on-board", "TunInterface", "end what has the tap interface before the checkpoint"},
    {"required to dump tun link", "TunInterface",
     "close the tun device, or give the container a network namespace"},
    {"No tun device for file", "TunInterface",
     "take the checkpoint again when the interface named is gone: it is in no image"},
    {"PIDFD_THREAD", "PidfdOutside", "close the pidfd before the checkpoint"},
    {"Can't dump that handle", "InotifyOverlay", "let the program poll, or watch a directory on a volume"},
    {"Can't splice", "GuardPages",
     "install CRIU 4.2 or newer: older ones cannot dump the guard pages that glibc 2.42 makes"},
    {"OOM storing pipe", "PipesFull", "let the readers of the pipes catch up"},
    {"doesn't live in IPC ns", "SysvShm", "give the container an IPC namespace of its own"},
    {"Zombies with threads", "ZombieLeader", "end the process whose first thread has ended"},
    {"more than one netns", "NestedNamespace",
     "the workload makes namespaces of its own; it cannot be dumped"},
    {"overmounted mounts", "FileCovered", "close the file that a later mount hides"},
    {"unsupported id", "FilesystemUnsupported", "unmount it, or mount it on the node and bind it in"},
    {"No task found with sid", "ForeignTerminal",
     "end what an exec session left behind before the checkpoint"},
    {"Can't dump file", "UnsupportedFile",
     "close the descriptor named, or turn off the feature that uses it"},
    {"Some file locks are hold", "FileLocks", "pass --file-locks"},
    {"Unresolved lock found", "FileLocks", "release the lock that a process outside the container holds"},
    {"ctty inheritance detected", "Terminal", "use a container without a terminal"},
    {"Found dangling tty", "Terminal", "end the exec session, or use a container without a terminal"},
    {"Unseizable non-zombie", "Traced", "detach the debugger or tracer from the container"},
    {"is outside of its pid namespace", "SessionOutside", "end the process that was put in from outside"},
    {"Can't dump nested", "NestedNamespace", "the workload makes namespaces of its own; it cannot be dumped"},
    {"Unable to freeze cgroup", "CannotFreeze", "find the process that hangs in the kernel (state D)"},
    {"doesn't have a proper root mount", "MountUnknown", "remove the mount that was made after the start"},
    {"unreachable sharing", "MountSharing", "use mountPropagation None for the mount named"},
    {"--allow-uprobes", "Uprobes", "set allow-uprobes in /etc/criu/runc.conf on this node too"},
    {"uprobes vma", "Uprobes", "stop the eBPF tracer, or set allow-uprobes on both nodes"},
    {"using nftables", "NetworkLockHeld",
     "delete the nftables table CRIU-* that another run has left in the pod's network namespace"},
    {"iptables-restore", "NetworkLockTool", "install iptables, or set network-lock nftables"},
    {"ip6tables-restore", "NetworkLockTool", "install iptables, or set network-lock nftables"},
    {"execvp(\"tar\"", "TarMissing", "install tar: CRIU packs the container's tmpfs mounts with it"},
    {"No space left on device", "DiskSpace", "free space on the file system of the image directory"},
    {"has bad size", "FileChanged", "restore with the same content of the volume as at checkpoint"},
    {"bad mode", "FileChanged", "restore with the same content of the volume as at checkpoint"},
    {"build-ID", "FileChanged", "restore with the same image as at checkpoint"},
    {"Can't connect inet socket back", "AddressMissing",
     "restore where the pod has the address that its connections were made with, or with tcp-close"},
    {"Cannot assign requested address", "AddressMissing",
     "the workload listens on an address that this pod does not have: bind 0.0.0.0 or :: instead"},
    {"Can't bind transport socket", "AddressInUse", "let the other restore in this pod end first"},
    {"Address already in use", "AddressInUse", "stop what listens on the same port in this pod"},
    {"march mismatch", "ArchMismatch", "restore on a node of the same architecture"},
    {"pid mismatch", "PidTaken", "restore into an own pid namespace"},
    {"into an empty PID namespace", "PidNamespaceMissing", "checkpoint the container with its first process"},
    {" intersects with ", "SessionTaken", "try again: CRIU itself had a process id of the container's"},
    {"do not match expected", "PidTaken", "restore into an own pid namespace"},
    {"Can't fork for", "PidsLimit", "raise the limit of processes (pids.limit) of the container",
     "temporarily unavailable"},
    {"Unable to create a thread: -17", "PidTaken", "restore into an own pid namespace"},
    {"Unable to create a thread: -11", "PidsLimit",
     "raise the limit of processes (pids.limit) of the container"},
    {"Unable to find an external pidns", "PidNamespaceMissing",
     "restore it into a pod that shares its PID namespace, too"},
    {"Can't fork for", "PidTaken", "restore into an own pid namespace"},
    {"No mapping for", "MountMissing", "declare the same mounts as at checkpoint"},
    {"Can't mount at", "MountMissing", "declare the same mounts, file for file and directory for directory"},
    {"write lsm profile", "LsmMismatch", "load the profile of the container's on this node"},
    {"mismatched lsm", "LsmMismatch", "restore on a node with the same security module"},
    {"set FPU registers", "CpuMismatch", "restore on a node with the same CPU features"},
    {"Task had vdso", "KernelOlder", "restore on a node with the same kernel, or a newer one"},
    {"xsave size mismatch", "CpuMismatch", "restore on a node with the same CPU features"},
    {"xfeatures has unsupported bits", "CpuMismatch", "restore on a node with the same CPU features"},
    {"instruction capabilities do not match", "CpuMismatch", "restore on a node with the same CPU features"},
    {"Need to set the --tcp-close", "TcpOptionMissing", "set tcp-close in /etc/criu/runc.conf on this node"},
    {"agic doesn't match", "ImageIncomplete", "copy the checkpoint again: an image file is damaged"},
    {"Not supported images version", "ImageVersion", "restore with the CRIU that took the checkpoint"},
    {"Img trimmed", "ImageIncomplete", "copy the checkpoint again: an image file is cut short"},
    {"TCP repair mode ON", "Capabilities", "run the container engine with CAP_NET_ADMIN"},
    {"Can't create ghost", "RestoredTwice",
     "remove what an earlier restore has left on the volume, or restore once only"},
    {"Can't get rlimit", "Capabilities", "run the container engine with all capabilities"},
    {"Need to have the CAP", "Privileges", "run the runtime as real root"},
    {"Can't open file", "FileMissing", "restore with the same image and volumes as at checkpoint"},
};

// CRIU marks these as errors and goes on.
static constexpr std::string_view harmless[] = {
    "rlimit: Can't setup RLIMIT_NOFILE for self",
};

// Said of every zombie, and alone when a traced process could not be stopped: it counts if nothing better
// comes.
static constexpr ErrorPattern traced{"found while seizing", "Traced",
                                     "detach the debugger or tracer from the container"};
static constexpr std::string_view unknown = "CriuError";

static bool skipped(std::string_view text) {
    for (const auto part : harmless)
        if (text.find(part) != std::string_view::npos)
            return true;
    return false;
}

// "(00.07) Error (criu/util.c:1534): text", with "pie: 12: " or a pid before "Error": the text, else nothing.
static std::string_view error_text(std::string_view line) {
    const auto at = line.find("Error (");
    if (at == std::string_view::npos)
        return {};
    const auto close = line.find("):", at);
    return close == std::string_view::npos ? std::string_view{} : trim(line.substr(close + 2));
}

static LogError classified(std::string_view text, std::span<const ErrorPattern> rows) {
    for (const ErrorPattern& row : rows)
        if (text.find(row.part) != std::string_view::npos && text.find(row.also) != std::string_view::npos)
            return {row.code, one_line(text), row.remedy};
    return {unknown, one_line(text), {}};
}

std::optional<LogError> first_error(std::string_view log) {
    std::optional<LogError> seized;
    while (!log.empty()) {
        const auto text = error_text(next_line(log));
        if (text.empty() || skipped(text))
            continue;
        if (text.find(traced.part) != std::string_view::npos) {
            seized = classified(text, {&traced, 1});
            continue;
        }
        auto error = classified(text, known);
        return seized && error.code == unknown ? seized : error;
    }
    return seized;
}

bool cut_short(std::string_view log) {
    constexpr std::string_view begins = "Version: ";
    bool begun = false;
    while (!log.empty()) {
        const auto line = next_line(log);
        const auto has = [line](std::string_view part) { return line.find(part) != std::string_view::npos; };
        if (has("finished successfully") || has("ing FAILED"))
            return false;
        begun = begun || has(begins);
    }
    return begun;
}

// A CRIU that runc starts forks once more before it works: the last one counts.
std::string_view dump_run_id(std::string_view log) {
    constexpr std::string_view mark = "CRIU run id = ";
    const auto at = log.rfind(mark);
    if (at == std::string_view::npos)
        return {};
    auto rest = log.substr(at + mark.size());
    return trim(next_line(rest));
}

} // namespace lpm::criu
