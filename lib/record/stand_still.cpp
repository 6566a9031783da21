// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/stand_still.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "linux/boot.hpp"
#include "linux/procfs.hpp"
#include "oci/argv.hpp"
#include "record/record.hpp"

namespace lpm::record {

static constexpr std::size_t max_note = 512; // bytes
static constexpr std::size_t max_entries = 100'000;
static constexpr const char* paused_file = "paused";
static constexpr const char* checkpoint_file = "checkpoint";
static constexpr const char* orphaned_file = "orphaned";
static constexpr const char* ended_dir = "ended";

static Result<Pause> take_pause(std::string_view& line) {
    Pause pause;
    const auto since = to_number<std::uint64_t>(next_word(line));
    const auto pid = to_number<pid_t>(next_word(line));
    const auto start = to_number<std::uint64_t>(next_word(line));
    pause.pid_namespace = next_word(line);
    if (!since || !pid || *pid <= 0 || !start || !pause.pid_namespace.starts_with("pid:["))
        return fail(Errc::invalid, "not a note of a pause");
    pause.since = *since;
    pause.pid = *pid;
    pause.start = *start;
    return pause;
}

Result<Pause> parse_pause(std::string_view text) {
    auto line = next_line(text);
    return take_pause(line);
}

Result<StandStill> parse_stand_still(std::string_view text) {
    StandStill note;
    auto line = next_line(text);
    note.record = next_word(line);
    if (!valid_id(note.record))
        return fail(Errc::invalid, "not a note of a checkpoint");
    TRY_ASSIGN(note.pause, take_pause(line));
    note.chain = find_value<Chain>(next_word(line)).value_or(Chain::unknown);
    auto end = next_line(text);
    const auto how = next_word(end);
    if (how.empty())
        return note;
    note.end = find_value<End>(how);
    const auto until = to_number<std::uint64_t>(next_word(end));
    if (!until || !note.end)
        return fail(Errc::invalid, "not an end of a checkpoint");
    note.until = *until;
    return note;
}

bool is_of_this_namespace(const Pause& pause) {
    const auto own = procfs::read_proc_link(0, "ns/pid");
    return own && *own == pause.pid_namespace;
}

static std::string text_of(const StandStill& note) {
    return note.record + " " + std::to_string(note.pause.since) + " " + std::to_string(note.pause.pid) + " " +
           std::to_string(note.pause.start) + " " + note.pause.pid_namespace + " " +
           std::string(name_of(note.chain)) + "\n";
}

static Result<std::optional<std::string>> read_note(int dir, const char* name) {
    struct stat st{};
    if (::fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        return std::nullopt;
    if (!S_ISREG(st.st_mode))
        return fail(Errc::invalid, std::string(name) + " is not a regular file");
    TRY_ASSIGN(std::string text, read_file(dir, name, max_note));
    return text;
}

ContainerName ContainerName::of(const std::string& root, const std::string& id) {
    char hash[17];
    oci::root_hash(root.c_str(), hash);
    return {hash, id};
}

Result<ContainerNotes> ContainerNotes::open(const std::string& run_dir, const ContainerName& name) {
    if (!oci::valid_id(name.id.c_str()))
        return fail(Errc::invalid, "not an id of a container");
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    TRY_ASSIGN(Fd run, open_at(AT_FDCWD, run_dir, flags));
    TRY_ASSIGN(const Fd root, open_at(run.get(), name.root_hash, flags));
    TRY_ASSIGN(Fd dir, open_at(root.get(), name.id, flags));
    return ContainerNotes(std::move(run), std::move(dir));
}

Result<std::optional<Pause>> ContainerNotes::pause() const {
    TRY_ASSIGN(const auto text, read_note(dir_.get(), paused_file));
    if (!text)
        return std::nullopt;
    TRY_ASSIGN(Pause pause, parse_pause(*text));
    return pause;
}

Result<std::optional<StandStill>> ContainerNotes::checkpoint() const {
    TRY_ASSIGN(const auto text, read_note(dir_.get(), checkpoint_file));
    if (!text)
        return std::nullopt;
    TRY_ASSIGN(StandStill note, parse_stand_still(*text));
    return note;
}

// lpm-runc does not make the folder of what has ended: it has no time.
Result<> ContainerNotes::write_checkpoint(const StandStill& note) const {
    TRY(make_dirs(run_.get(), ended_dir));
    return replace_file(dir_.get(), checkpoint_file, text_of(note), 0600, Sync::none);
}

Result<> ContainerNotes::end(const StandStill& note, End how) const {
    TRY_ASSIGN(const Fd ended, make_dirs(run_.get(), ended_dir));
    const std::string text =
        text_of(note) + std::string(name_of(how)) + " " + std::to_string(boot_time_ns()) + "\n";
    TRY(replace_file(ended.get(), note.record, text, 0600, Sync::none));
    forget();
    return {};
}

void ContainerNotes::forget() const {
    for (const char* name : {checkpoint_file, paused_file, orphaned_file})
        ::unlinkat(dir_.get(), name, 0);
}

std::uint64_t ContainerNotes::orphaned_since() const {
    const auto text = read_note(dir_.get(), orphaned_file);
    return text && *text ? to_number<std::uint64_t>(trim(**text)).value_or(0) : 0;
}

Result<> ContainerNotes::write_orphaned(std::uint64_t since) const {
    return replace_file(dir_.get(), orphaned_file, std::to_string(since) + "\n", 0600, Sync::none);
}

std::vector<ContainerName> list_checkpoints(const std::string& run_dir) {
    constexpr std::size_t hash_length = 16;
    std::vector<ContainerName> names;
    each_entry(run_dir, [&](int at, const dirent& root) {
        const std::string_view hash = root.d_name;
        if (hash.size() != hash_length ||
            hash.find_first_not_of("0123456789abcdef") != std::string_view::npos)
            return true;
        const auto folder = open_at(at, root.d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!folder)
            return true;
        each_entry(folder->get(), [&](int in, const dirent& entry) {
            const std::string note = std::string(entry.d_name) + "/" + checkpoint_file;
            if (oci::valid_id(entry.d_name) && ::faccessat(in, note.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                names.push_back({std::string(hash), entry.d_name});
            return names.size() < max_entries;
        });
        return names.size() < max_entries;
    });
    return names;
}

std::vector<std::string> list_ended(const std::string& run_dir) {
    std::vector<std::string> records;
    each_entry(run_dir + "/" + ended_dir, [&](int, const dirent& entry) {
        if (valid_id(entry.d_name))
            records.emplace_back(entry.d_name);
        return records.size() < max_entries;
    });
    return records;
}

Result<StandStill> read_ended(const std::string& run_dir, const std::string& record) {
    TRY_ASSIGN(const Fd ended,
               open_at(AT_FDCWD, run_dir + "/" + ended_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY_ASSIGN(const auto text, read_note(ended.get(), record.c_str()));
    if (!text)
        return fail(Errc::absent, "no such note");
    TRY_ASSIGN(StandStill note, parse_stand_still(*text));
    if (note.record != record || !note.end)
        return fail(Errc::invalid, "not an end of a checkpoint");
    return note;
}

void remove_ended(const std::string& run_dir, const std::string& record) {
    ::unlink((run_dir + "/" + ended_dir + "/" + record).c_str());
}

} // namespace lpm::record
