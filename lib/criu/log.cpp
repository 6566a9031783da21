// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/log.hpp"

#include <algorithm>
#include <span>

#include "base/text.hpp"

namespace lpm::criu {

// A part of CRIU's text -> what it means. The first row that matches wins.
struct ErrorPattern {
    std::string_view part;
    std::string_view code;
    std::string_view also{}; // a second part that has to be there
};

static constexpr ErrorPattern known[] = {
    {"Connected TCP socket in image", "TcpOptionMissing"},
    {"Connected TCP socket", "TcpEstablished"},
    {"In-flight connection", "TcpInFlight"},
    {"opt: Operation not supported", "TcpOnNewKernel"},
    {"Unsupported proto 262", "Mptcp"},
    {"External socket is used", "UnixExternal"},
    {"Can't dump half of stream unix connection", "UnixExternal"},
    {"Dangling connection", "UnixExternal"},
    {"without peer", "UnixExternal"},
    {"unresolved for", "UnixExternal"},
    {"The socket has data to read", "NetlinkUnread"},
    {"Unknown socket collected", "SocketFamily"},
    {"increase limit", "GhostTooLarge"},
    {"Can't create link remap", "LinkRemap"},
    {"Can't link", "LinkRemap"},
    {"(/secretmem", "AnonInode"},
    {"path=/secretmem", "AnonInode"},
    {"mqueue isn't empty", "MessageQueue"},
    {"packetized mode", "PacketPipe"},
    {"closed in-flight socket", "UnixInFlight"},
    {"corked dgram socket", "UdpCorked"},
    {"for fd=0 path=", "StdioOutsideMounts"},
    {"for fd=1 path=", "StdioOutsideMounts"},
    {"for fd=2 path=", "StdioOutsideMounts"},
    {"Can't lookup mount=", "FileOutsideMounts"},
    {"anon_inode:[io_uring]", "IoUring"},
    {"send_fds failed", "IoUring"},
    {"(anon anon_inode:", "AnonInode"},
    {"(chr ", "DeviceOpen"},
    {"filter on-board", "TunInterface"},
    {"required to dump tun link", "TunInterface"},
    {"No tun device for file", "TunInterface"},
    {"PIDFD_THREAD", "PidfdOutside"},
    {"Can't dump that handle", "InotifyOverlay"},
    {"Can't splice", "GuardPages"},
    {"OOM storing pipe", "PipesFull"},
    {"doesn't live in IPC ns", "SysvShm"},
    {"Zombies with threads", "ZombieLeader"},
    {"more than one netns", "NestedNamespace"},
    {"overmounted mounts", "FileCovered"},
    {"unsupported id", "FilesystemUnsupported"},
    {"No task found with sid", "ForeignTerminal"},
    {"Can't dump file", "UnsupportedFile"},
    {"Some file locks are hold", "FileLocks"},
    {"Unresolved lock found", "FileLocks"},
    {"ctty inheritance detected", "Terminal"},
    {"Found dangling tty", "Terminal"},
    {"Don't have tty to inherit session", "Terminal"},
    // CRIU had it, and it did not stop: EINTR of its own time limit, and not ECHILD.
    {"Unseizable non-zombie", "FreezeStuck", "err -1/4"},
    {"Unseizable non-zombie", "Traced"},
    {"Can't make VM id", "MemoryShared"},
    {"Dump eventpoll", "EpollTarget"},
    {"POKEDATA failed", "SharedCode"},
    {"is outside of its pid namespace", "SessionOutside"},
    {"Can't dump nested", "NestedNamespace"},
    {"Unable to freeze cgroup", "CannotFreeze"},
    {"'s mountinfo", "RootChanged"},
    {"doesn't have a proper root mount", "MountUnknown"},
    {"unreachable sharing", "MountSharing"},
    {"Can't re-create deleted", "MountDeleted"},
    {"--allow-uprobes", "Uprobes"},
    {"uprobes vma", "Uprobes"},
    {"using nftables", "NetworkLockHeld"},
    {"iptables-restore", "NetworkLockTool"},
    {"ip6tables-restore", "NetworkLockTool"},
    {"execvp(\"tar\"", "TarMissing"},
    {"No space left on device", "DiskSpace"},
    {"has bad size", "FileChanged"},
    {"bad mode", "FileChanged"},
    {"build-ID", "FileChanged"},
    {"PR_SET_MM_MAP) failed with -13", "ProgramMode"},
    // Said of a file as well: on a mount that is noexec.
    {"Unable to map ANON_VMA: Operation not permitted", "ProgramMode"},
    {"Can't connect inet socket back", "AddressMissing"},
    {"Cannot assign requested address", "AddressMissing"},
    {"Can't bind transport socket", "AddressInUse"},
    {"Address already in use", "AddressInUse"},
    {"march mismatch", "ArchMismatch"},
    {"pid mismatch", "PidTaken"},
    {"into an empty PID namespace", "PidNamespaceMissing"},
    {" intersects with ", "SessionTaken"},
    {"do not match expected", "PidTaken"},
    {"Can't fork for", "PidsLimit", "temporarily unavailable"},
    {"Unable to create a thread: -17", "PidTaken"},
    {"Unable to create a thread: -11", "PidsLimit"},
    {"Unable to find an external pidns", "PidNamespaceMissing"},
    {"Can't fork for", "PidTaken"},
    {"No mapping for", "MountMissing"},
    {"Can't mount at", "MountMissing"},
    {"write lsm profile", "LsmMismatch"},
    {"mismatched lsm", "LsmMismatch"},
    {"set FPU registers", "CpuMismatch"},
    {"Task had vdso", "KernelOlder"},
    {"xsave size mismatch", "CpuMismatch"},
    {"xfeatures has unsupported bits", "CpuMismatch"},
    {"instruction capabilities do not match", "CpuMismatch"},
    {"Need to set the --tcp-close", "TcpOptionMissing"},
    {"agic doesn't match", "ImageIncomplete"},
    {"Not supported images version", "ImageVersion"},
    {"Img trimmed", "ImageIncomplete"},
    {"TCP repair mode ON", "Capabilities"},
    {"Can't create ghost", "RestoredTwice"},
    {"Can't get rlimit", "Capabilities"},
    {"Need to have the CAP", "Privileges"},
    {"Can't open file", "FileMissing"},
    // CRIU waits for any child, and what it traces is one: all that is in the container's cgroup. The numbers
    // are of waitpid, of SIGKILL mostly; those of siginfo say CLD_EXITED and CLD_KILLED.
    {"is in unexpected state: 9", process_ended},
    {"Namespaces dumping finished with error 9", process_ended},
    {"si_code=1 ", process_ended, "si_pid="},
    {"si_code=2 ", process_ended, "si_pid="},
};

// CRIU marks these as errors and goes on.
static constexpr std::string_view harmless[] = {
    "rlimit: Can't setup RLIMIT_NOFILE for self",
};

// Only a prelude, which counts if nothing better comes. The first is said of every zombie, and alone when a
// traced process could not be stopped; the second when some process does not stop, which is named next; the
// third of a helper (iptables-restore, tar), whose caller says next what it was for, the last of tar, which
// may have found no room.
static constexpr ErrorPattern preludes[] = {
    {"found while seizing", "Traced"},
    {"Timeout reached", "FreezeStuck"},
    {"exited, status=", unknown_error},
    {"Can't dump tmpfs content", unknown_error},
};

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
            return {row.code, one_line(text)};
    return {unknown_error, one_line(text)};
}

std::optional<LogError> first_error(std::string_view log) {
    std::optional<LogError> prelude;
    while (!log.empty()) {
        const auto text = error_text(next_line(log));
        if (text.empty() || skipped(text))
            continue;
        const auto* before =
            std::ranges::find_if(preludes, [&](const ErrorPattern& row) { return text.contains(row.part); });
        if (before != std::end(preludes)) {
            prelude = classified(text, {before, 1});
            continue;
        }
        auto error = classified(text, known);
        // It is in no cgroup that CRIU has frozen, and so was never seized: a tracer keeps CRIU from that,
        // and then there is a prelude.
        if (error.code == "Traced" && (!prelude || prelude->code != error.code))
            error.code = "CannotSeize";
        const bool says_less = error.code == unknown_error && prelude &&
                               (prelude->code != unknown_error || text.contains("ing FAILED"));
        return says_less ? prelude : error;
    }
    return prelude;
}

std::set<std::string_view> error_codes() {
    std::set<std::string_view> codes{preludes[0].code, "CannotSeize"};
    for (const ErrorPattern& row : known)
        codes.insert(row.code);
    return codes;
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
