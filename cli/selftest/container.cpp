// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "selftest/container.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/format.hpp"
#include "base/paths.hpp"
#include "base/process.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "linux/mountinfo.hpp"
#include "oci/argv.hpp"
#include "runtime_call.hpp"
#include "selftest/spec.hpp"

namespace lpm::selftest {

using namespace std::chrono_literals;
using cli::RuntimeCall;

static constexpr auto patience = 60s; // of one call; a dump of what sleeps takes a tenth of a second
static constexpr std::size_t most_log = std::size_t{1} << 20;
static const std::string folder = std::string(paths::run_dir) + "/selftest";
static const std::string root = folder + "/root";     // states of the runtime
static const std::string bundle = folder + "/bundle"; // and logs of CRIU
static const std::string images = folder + "/images";
static const std::string call_log = folder + "/runtime.log";

static RuntimeCall call_of(const std::string& path, const std::vector<std::string>& words) {
    return {.path = path, .root = root, .log = call_log, .words = words, .timeout = patience};
}

// What lies below the folder is never followed into a mount: /usr of the node may be mounted there when a
// runtime was killed.
static Result<> unmount_all() {
    TRY_ASSIGN(const auto mounts, procfs::read_mountinfo(0));
    for (auto at = mounts.rbegin(); at != mounts.rend(); ++at) // the last that was mounted first
        if (at->point != folder && is_below(at->point, folder) &&
            ::umount2(at->point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
            return fail_errno(errno, "unmount " + at->point);
    return {};
}

static Result<> remove_all(const std::string& path) {
    std::vector<std::string> ids;
    each_entry(root, [&](int, const dirent& entry) {
        if (oci::valid_id(entry.d_name))
            ids.emplace_back(entry.d_name);
        return ids.size() < 100;
    });
    for (const auto& id : ids) {
        TRY_ASSIGN(const Output deleted, cli::run_runtime(call_of(path, {"delete", "--force", id})));
        // Its state is all by which it can be found again. What was half made has none, and is no error.
        const std::string state = lpm::format("{}/{}/state.json", root, id);
        if (deleted.late || (deleted.status != 0 && ::access(state.c_str(), F_OK) == 0))
            return fail(
                Errc::busy,
                lpm::format("lpm-runc delete --force {} has not ended the container: end it, then remove {}",
                            id, folder));
    }
    TRY(unmount_all());
    std::vector<std::string> words{"rm", "-rf", "--one-file-system", "--", root, bundle, images, call_log};
    TRY_ASSIGN(const Output removed, run(words, patience));
    if (removed.status != 0)
        return fail(Errc::io, one_line(removed.text));
    return {};
}

Container::Container(Fd&& lock, std::string path) : lock_(std::move(lock)), path_(std::move(path)) {
    id_ = lpm::format("lpm-selftest-{:08x}", random_bytes<std::uint32_t>());
}

Container::~Container() {
    try {
        if (lock_)
            (void)clean();
    } catch (...) { // NOLINT(bugprone-empty-catch): no memory; the next selftest removes what is left
    }
}

Result<Container> Container::make(const std::string& path) {
    TRY_ASSIGN(const Fd top, open_at(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(Fd dir, make_dirs(top.get(), folder.substr(1)));
    if (::flock(dir.get(), LOCK_EX | LOCK_NB) != 0)
        return fail(Errc::busy, "another selftest runs on this node");
    TRY(remove_all(path)); // of one that was killed
    Container container(std::move(dir), path);
    TRY(container.lay_out());
    return container;
}

static Result<> write_file(int dir, const std::string& name, std::string_view text) {
    TRY_ASSIGN(const Fd file, open_at(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600));
    return write_all(file.get(), text);
}

Result<> Container::lay_out() {
    const bool merged = ::access("/lib", F_OK) != 0 || file_key("/bin") == file_key("/usr/bin");
    for (const char* name : {"proc", "dev", "sys", "usr"})
        TRY(make_dirs(lock_.get(), std::string("bundle/rootfs/") + name));
    for (const char* name : {"bin", "lib", "lib64"}) {
        const std::string there = bundle + "/rootfs/" + name;
        if (!merged && ::access((std::string("/") + name).c_str(), F_OK) == 0)
            TRY(make_dirs(lock_.get(), std::string("bundle/rootfs/") + name));
        else if (merged && ::symlink((std::string("usr/") + name).c_str(), there.c_str()) != 0)
            return fail_errno(errno, there);
    }
    TRY(make_dirs(lock_.get(), "images"));
    return write_file(lock_.get(), "bundle/config.json",
                      json::write(make_spec(bundle + "/rootfs", id_, merged)));
}

Result<> Container::call(const std::vector<std::string>& words) {
    return cli::call_runtime(call_of(path_, words));
}

Result<> Container::create() {
    return call({"create", "--bundle", bundle, "--pid-file", folder + "/root.pid", id_});
}

Result<> Container::start() {
    return call({"start", id_});
}

Result<> Container::checkpoint() {
    log_ = bundle + "/dump.log";
    return call({"checkpoint", "--file-locks", "--image-path", images, "--work-path", bundle,
                 "--leave-running", id_});
}

Result<> Container::remove() {
    log_.clear();
    TRY(call({"delete", "--force", id_}));
    id_ += "-restored";
    return {};
}

Result<> Container::restore() {
    log_ = bundle + "/restore.log";
    return call({"restore", "--bundle", bundle, "--pid-file", folder + "/root.pid", "--detach",
                 "--image-path", images, "--work-path", bundle, id_});
}

Result<std::string> Container::status() {
    const auto output = run({.argv = {paths::front_program, "--root", root, "state", id_},
                             .timeout = patience,
                             .limit = most_log,
                             .environment = {{"CRI_O_EXTERNAL=1", "PATH=" + path_}}});
    if (!output)
        return std::unexpected(output.error());
    // The runtime's warnings, on standard error, come before it.
    const auto begin = std::min(output->text.find('{'), output->text.size());
    const auto state = json::parse(std::string_view(output->text).substr(begin));
    if (output->status != 0 || !state)
        return fail(Errc::io, "lpm-runc state: " + one_line(output->text));
    return json::text_or_empty(*state, "status");
}

Result<> Container::clean() {
    TRY(remove_all(path_));
    (void)::unlink((folder + "/root.pid").c_str());
    if (::rmdir(folder.c_str()) != 0)
        return fail_errno(errno, "remove " + folder);
    lock_.reset();
    return {};
}

std::string Container::end_of_log() const {
    constexpr std::size_t lines = 12;
    return log_.empty() ? "" : end_of(read_file(AT_FDCWD, log_, most_log).value_or(""), lines);
}

} // namespace lpm::selftest
