// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/procfs.hpp"
#include "base/text.hpp"
#include "check/facts.hpp"
#include "check/target.hpp"

namespace lpm::check {

namespace {

constexpr std::size_t max_named = 1000; // a message names five

// The container's files as they will be: its root, and what is mounted over parts of it.
class Tree {
  public:
    Tree(Fd root, std::string root_path, const oci::Bundle& bundle, const std::string& bundle_dir)
        : root_(std::move(root)), root_path_(std::move(root_path)) {
        for (const auto& mount : bundle.mounts)
            mounts_.push_back({canonical(mount.place), whole(mount.source, bundle_dir), mount.bind});
    }

    // Something that CRIU mounts and fills by itself.
    void add_own(std::string place) { mounts_.push_back({std::move(place), {}, false}); }

    // Names in images have no symbolic links in them, as the kernel tells them. Errc::busy: cannot be told,
    // since CRIU fills it by itself, or something in the way is a link now.
    Result<struct stat> find(const std::string& name) const {
        const Mount* above = nullptr;
        for (const Mount& mount : mounts_) // the last of two at one place is seen
            if (is_below(name, mount.place) &&
                (above == nullptr || mount.place.size() >= above->place.size()))
                above = &mount;
        if (above == nullptr)
            return look(root_.get(), name);
        if (!above->bind)
            return fail(Errc::busy, "filled by CRIU");
        TRY_ASSIGN(const Fd source, open_at(AT_FDCWD, above->source, O_PATH));
        return look(source.get(), name.substr(above->place.size()));
    }

  private:
    struct Mount {
        std::string place;
        std::string source;
        bool bind;
    };

    static Result<struct stat> look(int root, const std::string& path) {
        struct stat st{};
        if (path.empty()) // a mounted file
            return ::fstat(root, &st) == 0 ? Result<struct stat>(st) : fail_errno(errno, "stat");
        auto file = open_in_root(root, path, Links::none);
        if (!file && file.error().sys != ENOENT)
            return fail(Errc::busy, "not reached without links");
        if (!file)
            return std::unexpected(std::move(file).error());
        return ::fstat(file->get(), &st) == 0 ? Result<struct stat>(st) : fail_errno(errno, "stat");
    }

    static std::string whole(const std::string& path, const std::string& dir) {
        return path.starts_with('/') ? path : dir + "/" + path;
    }

    // A mount's place may lead over links: /var/run/secrets is /run/secrets in most images.
    std::string canonical(std::string place) const {
        while (place.size() > 1 && place.ends_with('/'))
            place.pop_back();
        auto there = open_in_root(root_.get(), place, Links::followed);
        // The runtime makes what is missing of it: then the part that is there decides.
        std::string rest;
        for (auto slash = place.rfind('/'); !there && slash != std::string::npos && slash > 0;
             slash = place.rfind('/')) {
            rest.insert(0, place.substr(slash));
            place.resize(slash);
            there = open_in_root(root_.get(), place, Links::followed);
        }
        if (!there)
            return place + rest;
        const auto path = procfs::read_proc_link(0, "fd/" + std::to_string(there->get()));
        if (!path || !is_below(*path, root_path_))
            return place + rest;
        return path->substr(root_path_.size()) + rest;
    }

    Fd root_;
    std::string root_path_; // as the kernel tells it
    std::vector<Mount> mounts_;
};

std::string describe(const criu::RegularFile& file, const struct stat& st) {
    std::string text = one_line(file.name, 100);
    if (file.size && S_ISREG(st.st_mode) && *file.size != static_cast<std::uint64_t>(st.st_size))
        return text + " (had " + std::to_string(*file.size) + " bytes, has " + std::to_string(st.st_size) +
               ")";
    return text + " (of another type)";
}

bool differs(const criu::RegularFile& file, const struct stat& st) {
    if (file.size && S_ISREG(st.st_mode) && *file.size != static_cast<std::uint64_t>(st.st_size))
        return true;
    // CRIU compares the permissions as well, unless skip-file-rwx-check tells it not to.
    return file.mode && (*file.mode & S_IFMT) != (st.st_mode & S_IFMT);
}

std::optional<Tree> open_tree(const oci::Bundle& bundle, const std::string& bundle_dir) {
    if (bundle.root.empty())
        return std::nullopt;
    const std::string path = bundle.root.starts_with('/') ? bundle.root : bundle_dir + "/" + bundle.root;
    auto root = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
    if (!root)
        return std::nullopt;
    auto real = procfs::read_proc_link(0, "fd/" + std::to_string(root->get()));
    if (!real)
        return std::nullopt;
    if (*real == "/")
        real->clear(); // what is below it begins with the slash
    return std::make_optional<Tree>(*std::move(root), *std::move(real), bundle, bundle_dir);
}

// The list of the container's mount namespace. False when there is none to be read, or more than one: then
// names are those of several roots, and which is whose is not known here.
bool add_own_mounts(int dir, Tree& tree) {
    constexpr std::size_t max_mounts = std::size_t{4} << 20;
    bool read = false;
    std::size_t lists = 0;
    (void)each_entry("/proc/self/fd/" + std::to_string(dir), [&](int, const dirent& entry) {
        if (!std::string_view(entry.d_name).starts_with("mountpoints-"))
            return true;
        if (++lists > 1) {
            read = false;
            return false;
        }
        const auto image = read_file(dir, entry.d_name, max_mounts);
        const auto mounts = image ? criu::parse_mounts(*image) : std::unexpected(image.error());
        if (!mounts) {
            read = false;
            return false;
        }
        read = true;
        for (const auto& mount : *mounts)
            if (!mount.external && mount.place.size() > 1 && mount.place.starts_with('/'))
                tree.add_own(mount.place);
        return true;
    });
    return read;
}

} // namespace

void compare_files(const Facts& facts, int dir, const criu::OpenFiles& files, Target& target) {
    auto tree = open_tree(*facts.bundle, facts.bundle_dir);
    if (!tree || !add_own_mounts(dir, *tree))
        return;
    std::unordered_set<std::uint32_t> remapped;
    constexpr std::size_t max_remaps = std::size_t{16} << 20;
    if (const auto image = read_file(dir, "remap-fpath.img", max_remaps))
        if (const auto ids = criu::parse_remaps(*image))
            remapped.insert(ids->begin(), ids->end());
    std::vector<std::string> missing;
    std::vector<std::string> changed;
    for (const auto& file : files.files) {
        if (facts.deadline->passed())
            return;
        if (file.external || !file.name.starts_with('/') || remapped.contains(file.id))
            continue;
        const auto found = tree->find(file.name);
        if (!found && found.error().sys == ENOENT && missing.size() < max_named)
            missing.push_back(one_line(file.name, 100));
        else if (found && differs(file, *found) && changed.size() < max_named)
            changed.push_back(describe(file, *found));
    }
    target.missing_files = std::move(missing);
    target.changed_files = std::move(changed);
}

} // namespace lpm::check
