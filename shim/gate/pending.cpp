// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "pending.hpp"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "base/dir.hpp"
#include "base/draft.hpp"
#include "base/file.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "inspect/daemon.hpp"
#include "linux/procfs.hpp"
#include "oci/argv.hpp"
#include "oci/pending.hpp"
#include "report.hpp"
#include "json/json.hpp"

namespace lpm::gate {

static constexpr const char* restored_dir = "restored";
static constexpr const char* waking_dir = "waking";

static std::string hash_of(const std::string& root) {
    char hash[17];
    oci::root_hash(root.c_str(), hash);
    return hash;
}

static std::string path_in(const std::string& folder, const std::string& name) {
    return std::string(folder).append("/").append(name);
}

static bool is_gone(const std::string& path) {
    return ::access(path.c_str(), F_OK) != 0 && errno == ENOENT;
}

static std::vector<std::string> all_names_in(const std::string& folder) {
    std::vector<std::string> names;
    each_entry(folder, [&](int, const dirent& entry) {
        names.emplace_back(entry.d_name);
        return true;
    });
    return names;
}

// Without drafts.
static std::vector<std::string> names_in(const std::string& folder) {
    auto names = all_names_in(folder);
    std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
    return names;
}

// Of a gate that was killed.
static void remove_drafts(const std::string& folder) {
    each_entry(folder, [](int at, const dirent& entry) {
        if (is_left_draft(entry.d_name))
            ::unlinkat(at, entry.d_name, 0);
        return true;
    });
}

static Result<Fd> make_folder(const char* base, const std::string& folder) {
    TRY_ASSIGN(const Fd root, open_at(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY));
    return make_dirs(root.get(), std::string(base).substr(1) + "/" + folder);
}

static std::string pending_folder(const std::string& root) {
    return std::string(oci::pending_dir) + "/" + hash_of(root);
}

static Result<> write_mark(const std::string& root, const std::string& id, const Pending& pending) {
    TRY_ASSIGN(const Fd dir, make_folder(paths::run_dir, pending_folder(root)));
    const json::Value value{{"root", root},
                            {"pod_uid", pending.pod_uid},
                            {"container", pending.container},
                            {"hostname", pending.hostname},
                            {"gate", pending.gate},
                            {"gate_start", pending.gate_start},
                            {"monitor", pending.monitor},
                            {"monitor_start", pending.monitor_start},
                            {"bundle", pending.bundle},
                            {"cgroups_path", pending.cgroups_path},
                            {"held", pending.held},
                            {"started", pending.started}};
    return replace_file(dir.get(), id, json::write(value) + "\n", 0600, Sync::none);
}

Result<> mark_pending(const std::string& root, const std::string& id, Pending pending) {
    const auto start_of = [](const Result<procfs::Stat>& stat) { return stat ? stat->start : 0; };
    pending.gate = ::getpid();
    pending.gate_start = start_of(procfs::read_stat(0));
    pending.monitor = ::getppid();
    pending.monitor_start = start_of(procfs::read_stat(::getppid()));
    return write_mark(root, id, pending);
}

Result<> note_held(const std::string& root, const std::string& id) {
    auto pending = read_pending(root, id);
    if (!pending)
        return fail(Errc::absent, "it was deleted while it was restored");
    pending->held = true;
    return write_mark(root, id, *pending);
}

Result<> note_start(const std::string& root, const std::string& id, Pending pending) {
    pending.started = true;
    return write_mark(root, id, pending);
}

static Result<Pending> read_mark(const std::string& path) {
    TRY_ASSIGN(const json::Value value, json::read(AT_FDCWD, path, {.bytes = 65536}));
    return Pending{.root = json::text_or_empty(value, "root"),
                   .pod_uid = json::text_or_empty(value, "pod_uid"),
                   .container = json::text_or_empty(value, "container"),
                   .hostname = json::text_or_empty(value, "hostname"),
                   .gate = static_cast<pid_t>(json::integer(value, "gate").value_or(0)),
                   .gate_start = json::natural(value, "gate_start").value_or(0),
                   .monitor = static_cast<pid_t>(json::integer(value, "monitor").value_or(0)),
                   .monitor_start = json::natural(value, "monitor_start").value_or(0),
                   .bundle = json::text_or_empty(value, "bundle"),
                   .cgroups_path = json::text_or_empty(value, "cgroups_path"),
                   // One that an older lpm-gate has made does not say.
                   .held = !value.contains("held") || json::is_true(value, "held"),
                   .started = json::is_true(value, "started")};
}

Result<Pending> read_pending(const std::string& root, const std::string& id) {
    oci::PendingPath path;
    if (!oci::make_pending_path(root.c_str(), id.c_str(), path))
        return fail(Errc::absent, "no such id");
    return read_mark(path.text);
}

void unmark_pending(const std::string& root, const std::string& id) {
    oci::PendingPath path;
    if (oci::make_pending_path(root.c_str(), id.c_str(), path))
        ::unlink(path.text);
}

// Both are names that the engine gave; oci::parse_restore_from lets no slash through.
static std::string restored_name(const std::string& pod_uid, const std::string& container) {
    return pod_uid + "_" + container;
}

Result<> mark_restored(const Pending& pending) {
    TRY_ASSIGN(const Fd dir, make_folder(paths::state_dir, restored_dir));
    return replace_file(dir.get(), restored_name(pending.pod_uid, pending.container), "", 0600);
}

Result<bool> was_restored(const std::string& pod_uid, const std::string& container) {
    const std::string path =
        std::string(paths::state_dir) + "/" + restored_dir + "/" + restored_name(pod_uid, container);
    if (::access(path.c_str(), F_OK) == 0)
        return true;
    return errno == ENOENT ? Result<bool>(false) : fail_errno(errno, path);
}

void forget_restored() {
    const auto kubelet = inspect::find_kubelet_dir();
    if (!kubelet)
        return;
    const std::string pods = *kubelet + "/pods";
    const std::string marks = std::string(paths::state_dir) + "/" + restored_dir;
    for (const auto& name : names_in(marks)) {
        const std::string pod = name.substr(0, name.find('_'));
        if (::access(pods.c_str(), X_OK) == 0 && is_gone(path_in(pods, pod)))
            ::unlink(path_in(marks, name).c_str());
    }
}

static std::string unpacked_folder(const std::string& root, const std::string& id) {
    return std::string(waking_dir) + "/" + hash_of(root) + "/" + id;
}

std::string unpacked_dir(const std::string& root, const std::string& id) {
    return std::string(paths::state_dir) + "/" + unpacked_folder(root, id);
}

Result<> make_unpacked_dir(const std::string& root, const std::string& id) {
    TRY_ASSIGN(const Fd made, make_folder(paths::state_dir, unpacked_folder(root, id)));
    // Memory of a container: for root alone.
    return ::fchmod(made.get(), 0700) == 0 ? Result<>() : fail_errno(errno, unpacked_dir(root, id));
}

// Files, and folders of files: `checkpoint` of lpm-wake, and one where a CRIU that was killed has left
// cgroups mounted, which is no place to go into. What stays is removed in the next round of settling.
static void remove_folder(int parent, const std::string& name, bool nested) {
    if (const auto dir = open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
        each_entry(dir->get(), [&](int at, const dirent& entry) {
            if (::unlinkat(at, entry.d_name, 0) != 0 && nested && entry.d_name != std::string_view(".") &&
                entry.d_name != std::string_view(".."))
                remove_folder(at, entry.d_name, false);
            return true;
        });
    ::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

static void remove_unpacked(const std::string& dir) {
    for (const auto& name : all_names_in(dir))
        if (name.starts_with(".criu."))
            ::umount2(path_in(dir, name).c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    remove_folder(AT_FDCWD, dir, true);
}

void remove_unpacked(const std::string& root, const std::string& id) {
    remove_unpacked(unpacked_dir(root, id));
}

// Of one whose gate has ended. A conmon whose runtime was killed reads the standard error of the container
// before it tells CRI-O (conmon.c), and the container that was half made holds it: who ends that lets both go
// on. CRI-O removes the bundle of a container that it does not know when it begins.
static bool is_abandoned(const Pending& pending) {
    const bool alone = pending.monitor > 0 && pending.monitor_start > 0 &&
                       procfs::has_ended(pending.monitor, pending.monitor_start);
    return !pending.started &&
           (!pending.held || alone || (pending.bundle.starts_with('/') && is_gone(pending.bundle)));
}

// It would hold its memory, frozen, until the next boot. By lpm-runc, as its engine would: a restore that was
// cut off has left a mount (creation.hpp).
static void remove_container(const Pending& pending, const std::string& id) {
    const auto done = run({paths::front_program, "--root", pending.root, "delete", "--force", id},
                          std::chrono::seconds{20});
    if (done && done->status == 0)
        std::printf("removed the container %s, whose create or start nobody can complete\n", id.c_str());
    else
        warn({"the container " + id + ", whose create or start nobody can complete, cannot be removed: " +
              (done ? one_line(done->text) : done.error().text)});
}

// Of a mark whose gate has ended.
static void remove_left(const Pending& pending, const std::string& id) {
    remove_unpacked(pending.root, id); // nobody reads the images any more, whatever becomes of the container
    if (is_abandoned(pending))
        remove_container(pending, id);
    if (pending.started || is_gone(path_in(pending.root, id)))
        unmark_pending(pending.root, id);
}

// Of a gate that has ended: it changes it no more.
static std::optional<Pending> read_unwatched(const std::string& path) {
    const auto before = read_mark(path);
    if (!before || !before->root.starts_with('/') || !procfs::has_ended(before->gate, before->gate_start))
        return std::nullopt;
    // What it has noted at its end was not there yet.
    const auto mark = read_mark(path);
    if (!mark || mark->root != before->root || mark->gate != before->gate ||
        mark->gate_start != before->gate_start)
        return std::nullopt;
    return *mark;
}

void remove_left_pending() {
    const std::string marks = std::string(paths::run_dir) + "/" + oci::pending_dir;
    for (const auto& hash : names_in(marks)) {
        const std::string folder = path_in(marks, hash);
        remove_drafts(folder);
        for (const auto& id : names_in(folder))
            if (const auto pending = read_unwatched(path_in(folder, id)))
                remove_left(*pending, id);
    }
    remove_drafts(std::string(paths::state_dir) + "/" + restored_dir);
    const std::string unpacked = std::string(paths::state_dir) + "/" + waking_dir;
    for (const auto& hash : names_in(unpacked))
        for (const auto& id : names_in(path_in(unpacked, hash)))
            if (is_gone(path_in(path_in(marks, hash), id)))
                remove_unpacked(path_in(path_in(unpacked, hash), id));
}

} // namespace lpm::gate
