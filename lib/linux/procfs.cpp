// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/procfs.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

namespace lpm::procfs {

static constexpr std::size_t max_text = std::size_t{32} << 20;

static std::string path_of(pid_t pid, std::string_view file) {
    // Not getpid(): this /proc may number processes differently.
    std::string path = pid == 0 ? std::string("/proc/self") : "/proc/" + std::to_string(pid);
    path += '/';
    path += file;
    return path;
}

Result<std::string> read_proc(pid_t pid, std::string_view file) {
    return read_file(AT_FDCWD, path_of(pid, file), max_text);
}

Result<std::string> read_proc_link(pid_t pid, std::string_view file) {
    const std::string path = path_of(pid, file);
    std::array<char, 4096>
        target; // the kernel builds these in one page; not cleared: there is one per descriptor
    const ssize_t n = ::readlink(path.c_str(), target.data(), target.size());
    if (n < 0)
        return fail_errno(errno, "read link " + path);
    return std::string(target.data(), static_cast<std::size_t>(n));
}

Result<ino_t> read_namespace(pid_t pid, std::string_view kind) {
    struct stat st{};
    std::string path = path_of(pid, "ns/");
    path += kind;
    return ::stat(path.c_str(), &st) == 0 ? Result<ino_t>(st.st_ino) : fail_errno(errno, "read " + path);
}

pid_t find_process(const std::function<bool(pid_t)>& holds) {
    pid_t found = 0;
    each_entry("/proc", [&](int, const dirent& entry) {
        if (const auto pid = to_number<pid_t>(entry.d_name); pid && holds(*pid))
            found = *pid;
        return found == 0;
    });
    return found;
}

std::string_view find_variable(std::string_view variables, std::string_view name) {
    while (!variables.empty()) {
        const auto entry = next_part(variables, '\0');
        if (entry.starts_with(name) && entry.substr(name.size()).starts_with('='))
            return entry.substr(name.size() + 1);
    }
    return {};
}

Result<Stat> parse_stat(std::string_view text) {
    // The command name may hold spaces and brackets: everything counts from the last ')'.
    const auto close = text.rfind(')');
    if (close == std::string_view::npos)
        return fail(Errc::invalid, "stat: no command name");
    auto rest = text.substr(close + 1);
    const auto state = next_word(rest);
    if (state.size() != 1)
        return fail(Errc::invalid, "stat: no state");
    const auto parent = to_number<pid_t>(next_word(rest));
    const auto group = to_number<pid_t>(next_word(rest));
    const auto session = to_number<pid_t>(next_word(rest));
    const auto terminal = to_number<int>(next_word(rest));
    if (!parent || !group || !session || !terminal)
        return fail(Errc::invalid, "stat: no parent, group, session or terminal");
    // tty_nr is field 7 of proc_pid_stat(5), starttime field 22.
    for (int field = 8; field < 22; ++field)
        (void)next_word(rest);
    const auto start = to_number<std::uint64_t>(next_word(rest));
    if (!start)
        return fail(Errc::invalid, "stat: no start time");
    const auto size = to_number<std::uint64_t>(next_word(rest));
    return Stat{state.front(), *parent, *group, *session, *terminal, *start, size.value_or(0)};
}

Result<Stat> read_stat(pid_t pid) {
    TRY_ASSIGN(const std::string text, read_proc(pid, "stat"));
    return parse_stat(text);
}

bool has_ended(pid_t pid, std::uint64_t start) {
    const auto stat = read_stat(pid);
    if (!stat)
        return is_gone(stat.error());
    return stat->start != start || stat->ended();
}

template <class T> static void take(std::string_view word, T& into, int base = 10) {
    if (const auto number = to_number<T>(word, base))
        into = *number;
}

static std::optional<std::uint64_t> bytes_of_kib(std::string_view word) {
    const auto kib = to_number<std::uint64_t>(word);
    return kib && *kib <= UINT64_MAX / 1024 ? std::optional(*kib * 1024) : std::nullopt;
}

static void take_kib(std::string_view word, std::uint64_t& into) {
    if (const auto bytes = bytes_of_kib(word))
        into = *bytes;
}

static void take_pids(std::string_view rest, std::vector<pid_t>& into) {
    std::vector<pid_t> pids;
    for (auto word = next_word(rest); !word.empty(); word = next_word(rest)) {
        const auto pid = to_number<pid_t>(word);
        if (!pid)
            return;
        pids.push_back(*pid);
    }
    into = std::move(pids);
}

static void add(std::string_view word, std::uint64_t& to) {
    to += to_number<std::uint64_t>(word).value_or(0);
}

static void take_ids(std::string_view rest, Ids& into) {
    const auto real = to_number<std::uint32_t>(next_word(rest));
    const auto effective = to_number<std::uint32_t>(next_word(rest));
    const auto saved = to_number<std::uint32_t>(next_word(rest));
    if (real && effective && saved)
        into = {*real, *effective, *saved};
}

Status parse_status(std::string_view text) {
    Status status;
    while (!text.empty()) {
        auto line = next_line(text);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos)
            continue;
        const auto key = line.substr(0, colon);
        line.remove_prefix(colon + 1);
        if (key == "Name") // its blanks are part of it, but for the tab before it
            status.name = line.substr(line.starts_with('\t') ? 1 : 0);
        else if (key == "State") {
            if (const auto word = next_word(line); word.size() == 1)
                status.state = word.front();
        } else if (key == "TracerPid")
            take(next_word(line), status.tracer);
        else if (key == "Uid")
            take_ids(line, status.users);
        else if (key == "Gid")
            take_ids(line, status.groups);
        else if (key == "NSpid")
            take_pids(line, status.ns_pids);
        else if (key == "NSpgid")
            take_pids(line, status.ns_groups);
        else if (key == "NSsid")
            take_pids(line, status.ns_sids);
        else if (key == "RssAnon")
            take_kib(next_word(line), status.memory.anon);
        else if (key == "RssShmem")
            take_kib(next_word(line), status.memory.shmem);
        else if (key == "VmSwap")
            take_kib(next_word(line), status.memory.swap);
        else if (key == "Threads")
            take(next_word(line), status.threads);
        else if (key == "CapEff")
            take(next_word(line), status.cap_eff, 16);
        else if (key == "Cpus_allowed_list")
            status.cpus = next_word(line);
        else if (key == "Seccomp")
            take(next_word(line), status.seccomp);
        else if (key == "voluntary_ctxt_switches" || key == "nonvoluntary_ctxt_switches")
            add(next_word(line), status.switches);
    }
    return status;
}

Result<Status> read_status(pid_t pid) {
    TRY_ASSIGN(const std::string text, read_proc(pid, "status"));
    return parse_status(text);
}

std::vector<pid_t> parse_children(std::string_view text) {
    std::vector<pid_t> children;
    take_pids(text, children);
    return children;
}

Result<std::vector<pid_t>> read_children(pid_t thread) {
    TRY_ASSIGN(const std::string text, read_proc(thread, "task/" + std::to_string(thread) + "/children"));
    return parse_children(text);
}

// key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap (ipc/shm.c)
static std::optional<SharedSegment> parse_segment(std::string_view line) {
    SharedSegment segment;
    for (int field = 0; field < 16; ++field) {
        const auto number = to_number<std::uint64_t>(next_word(line));
        if (field == 1 || field >= 14) {
            if (!number)
                return std::nullopt;
            (field == 1 ? segment.id : field == 14 ? segment.resident : segment.swapped) = *number;
        }
    }
    return segment;
}

std::vector<SharedSegment> parse_segments(std::string_view text) {
    std::vector<SharedSegment> segments;
    (void)next_line(text); // names of the columns
    while (!text.empty())
        if (const auto segment = parse_segment(next_line(text)))
            segments.push_back(*segment);
    return segments;
}

Result<std::uint64_t> parse_available_memory(std::string_view meminfo) {
    while (!meminfo.empty()) {
        auto line = next_line(meminfo);
        if (next_word(line) != "MemAvailable:")
            continue;
        if (const auto bytes = bytes_of_kib(next_word(line)))
            return *bytes;
    }
    return fail(Errc::absent, "meminfo: no MemAvailable");
}

Result<std::uint64_t> read_available_memory() {
    TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, "/proc/meminfo", 65536));
    return parse_available_memory(text);
}

std::optional<std::uint64_t> parse_oom_kills(std::string_view vmstat) {
    while (!vmstat.empty()) {
        auto line = next_line(vmstat);
        if (next_word(line) == "oom_kill")
            return to_number<std::uint64_t>(next_word(line));
    }
    return std::nullopt;
}

std::optional<std::uint64_t> read_oom_kills() {
    const auto text = read_file(AT_FDCWD, "/proc/vmstat", 65536);
    return text ? parse_oom_kills(*text) : std::nullopt;
}

} // namespace lpm::procfs
