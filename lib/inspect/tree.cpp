// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/tree.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "linux/procfs.hpp"

namespace lpm::inspect {

static std::string whole(const std::string& path, const std::string& dir) {
    return path.starts_with('/') ? path : dir + "/" + path;
}

// "/a//b/./c/../d/" and "a/b/d" are "/a/b/d", as the runtime takes a mount's place.
static std::string clean(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const auto part = next_part(path, '/');
        if (part == "..")
            out.resize(out.empty() ? 0 : out.rfind('/'));
        else if (!part.empty() && part != ".")
            out.append("/").append(part);
    }
    return out.empty() ? "/" : out;
}

static Result<struct statx> look(int root, const std::string& path) {
    Result<Fd> file = path.empty() ? Fd() : open_in_root(root, path, Links::none); // empty: a mounted file
    if (!file && file.error().sys == ELOOP)
        return fail(Errc::busy, "not reached without links");
    if (!file)
        return std::unexpected(std::move(file).error());
    struct statx st{};
    const int fd = path.empty() ? root : file->get();
    if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &st) != 0)
        return fail_errno(errno, "stat " + path);
    return st;
}

std::optional<Tree> Tree::open(const oci::Bundle& bundle, const std::string& bundle_dir, const Layer* layer) {
    auto node = LocalFiles::of_process(0);
    if (bundle.root.empty() || !node)
        return std::nullopt;
    auto root = open_at(AT_FDCWD, whole(bundle.root, bundle_dir), O_PATH | O_DIRECTORY);
    if (!root)
        return std::nullopt;
    auto real = procfs::read_proc_link(0, "fd/" + std::to_string(root->get()));
    if (!real)
        return std::nullopt;
    if (*real == "/")
        real->clear(); // what is below it begins with the slash
    Tree tree(*std::move(node), *std::move(root), *std::move(real));
    tree.layer_ = layer;
    for (const auto& mount : bundle.mounts) {
        tree.mounts_.push_back({clean(mount.place), whole(mount.source, bundle_dir), mount.bind, true});
        tree.resolve(tree.mounts_.back());
    }
    return tree;
}

// A mount's place may lead over links: /var/run/secrets is /run/secrets in most images. The runtime makes
// what is missing of it: then the part that is there decides.
void Tree::resolve(PlannedMount& mount) const {
    std::string there = mount.place;
    std::string rest;
    auto file = open_in_root(root_.get(), there, Links::followed);
    for (auto slash = there.rfind('/'); !file && slash != std::string::npos && slash > 0;
         slash = there.rfind('/')) {
        rest.insert(0, there.substr(slash));
        there.resize(slash);
        file = open_in_root(root_.get(), there, Links::followed);
    }
    if (file) {
        const auto path = procfs::read_proc_link(0, "fd/" + std::to_string(file->get()));
        if (!path || !is_below(*path, root_path_)) {
            mount.sure = false;
            return;
        }
        there = path->substr(root_path_.size());
    } else {
        rest = mount.place;
        there.clear();
    }
    mount.place = there + rest;
    if (rest.empty())
        return;
    const auto next = open_in_root(root_.get(), there + rest.substr(0, rest.find('/', 1)), Links::none);
    mount.sure = !next && next.error().sys == ENOENT;
}

const Tree::PlannedMount* Tree::mount_of(std::string_view name, std::size_t count) const {
    const PlannedMount* above = nullptr;
    for (std::size_t i = 0; i < std::min(count, mounts_.size()); ++i) // the last of two at one place is seen
        if (is_below(name, mounts_[i].place) &&
            (above == nullptr || mounts_[i].place.size() >= above->place.size()))
            above = &mounts_[i];
    return above;
}

Result<struct statx> Tree::find(const std::string& name, std::size_t count) const {
    const PlannedMount* above = mount_of(name, count);
    if (above == nullptr) {
        const auto told = layer_ == nullptr ? std::nullopt : layer_->find(name);
        return told ? *told : look(root_.get(), name);
    }
    if (!above->bind)
        return fail(Errc::busy, "filled by CRIU");
    const std::string rest = name.substr(above->place.size());
    TRY_ASSIGN(const Fd source, node_.open(above->source));
    if (!node_.is_local(above->source + rest))
        return fail(Errc::unavailable, above->source + rest + " is on a file system that may not answer");
    return look(source.get(), rest);
}

} // namespace lpm::inspect
