// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What an archive loses of the root file system. CRI-O and Podman make rootfs-diff.tar with code that they
// share (checkpointctl, lib: CRCreateRootFsDiffTar). It takes a file that is new, but of one that the image
// has too it asks the node: os.Stat of that path, as if the container's root were the node's. A changed file
// that the node has not, or has as a folder, is left out without a word, and a restore has the image's.
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/dir.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"
#include "inspect/container.hpp"

namespace lpm::inspect {

namespace {

// At an entry of the upper layer, or into a lower one: the workload may be frozen meanwhile, and so many take
// about 5 ms.
constexpr std::size_t max_looks = 2000;
constexpr std::size_t max_layers = 128;

// A folder of a layer. The container writes these trees: no link of it may lead us elsewhere.
Fd open_folder(int layer, const std::string& path) {
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    return Fd(
        static_cast<int>(::syscall(SYS_openat2, layer, path.empty() ? "." : path.c_str(), &how, sizeof how)));
}

// A folder of the upper layer that lower ones have as well. In any other folder everything is new.
struct SharedFolder {
    std::string path;                // "" is the root
    std::vector<std::size_t> lowers; // the layers, the topmost first
};

class Search {
  public:
    Search(const LocalFiles& node, Fd&& upper, std::vector<Fd>&& lowers, const Deadline& deadline)
        : node_(node), upper_(std::move(upper)), lowers_(std::move(lowers)), deadline_(deadline) {
        queue_.emplace_back();
        for (std::size_t i = 0; i < lowers_.size(); ++i)
            queue_.front().lowers.push_back(i);
    }

    // The shallow ones first: what there is to spend must not go to one deep folder.
    LostFiles run() && {
        for (std::size_t next = 0; next < queue_.size() && lost_.all; ++next) {
            const SharedFolder folder = std::move(queue_[next]); // which grows, and so moves
            visit(folder);
        }
        return std::move(lost_);
    }

  private:
    void visit(const SharedFolder& folder) {
        SharedFolder found{folder.path, {}};
        images_.clear();
        for (const std::size_t lower : folder.lowers) {
            Fd fd = spend() ? open_folder(lowers_[lower].get(), folder.path) : Fd();
            if (!lost_.all)
                return;
            if (fd) {
                images_.push_back(std::move(fd));
                found.lowers.push_back(lower);
            } else if (errno != ENOENT) {
                break; // it is deleted there, or a file: what is below does not show through
            }
        }
        const Fd upper = images_.empty() ? Fd() : open_folder(upper_.get(), folder.path);
        if (upper)
            each_entry(upper.get(), [&](int dir, const dirent& entry) { return look(found, dir, entry); });
    }

    bool look(const SharedFolder& folder, int dir, const dirent& entry) {
        const std::string_view name = entry.d_name;
        if (name == "." || name == "..")
            return true;
        if (!spend())
            return false;
        struct stat st{};
        auto type = entry.d_type;
        if (type == DT_UNKNOWN && ::fstatat(dir, entry.d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            type = static_cast<unsigned char>(IFTODT(st.st_mode));
        std::string path = folder.path.empty() ? std::string(name) : folder.path + "/" + std::string(name);
        if (type == DT_DIR)
            queue_.push_back({std::move(path), folder.lowers});
        else if (type == DT_REG)
            judge(entry.d_name, "/" + path);
        return lost_.all;
    }

    // Asks the node as the engine does, and first: that is one look, and the image's layers may be many.
    void judge(const char* name, std::string&& path) {
        const auto there = node_.stat(path);
        if ((there && !S_ISDIR(there->stx_mode)) || !image_has_file(name))
            return;
        if (!there && there.error().code == Errc::unavailable)
            lost_.reached = false;
        else
            lost_.paths.push_back(std::move(path));
    }

    bool spend() {
        ++looks_;
        if (looks_ > max_looks || (looks_ % 64 == 0 && deadline_.passed()))
            lost_.all = false;
        return lost_.all;
    }

    // The topmost layer that has the name decides: a device 0:0 says that it is deleted.
    [[nodiscard]] bool image_has_file(const char* name) {
        struct stat st{};
        for (const Fd& image : images_) {
            if (!spend())
                return false;
            if (::fstatat(image.get(), name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                return S_ISREG(st.st_mode);
        }
        return false;
    }

    const LocalFiles& node_;
    Fd upper_;
    std::vector<Fd> lowers_;
    std::vector<Fd> images_; // the folder that is visited, in the lower layers
    const Deadline& deadline_;
    std::vector<SharedFolder> queue_;
    std::size_t looks_ = 0;
    LostFiles lost_;
};

} // namespace

std::optional<LostFiles> find_lost_files(const oci::Bundle& bundle, const std::vector<procfs::Mount>& mounts,
                                         const LocalFiles& node, const Deadline& deadline) {
    const auto* root = procfs::mount_of(mounts, "/");
    if (!bundle.node_paths || root == nullptr)
        return std::nullopt;
    const auto layers = procfs::layers_of(*root);
    if (!layers.upper.starts_with('/'))
        return LostFiles{};
    // The engines keep the upper layer in a folder of the container's, below the one that relative paths of
    // lower ones start from.
    const std::string home = layers.upper + "/../..";
    const auto open = [&](const std::string& path) {
        const std::string absolute = path.starts_with('/') ? path : home + "/" + path;
        return node.open(absolute).value_or(Fd());
    };
    Fd upper = open(layers.upper);
    std::vector<Fd> lowers;
    for (const std::string& lower : layers.lowers) {
        Fd fd = open(lower);
        if (!fd || lowers.size() == max_layers)
            return std::nullopt;
        lowers.push_back(std::move(fd));
    }
    if (!upper || !open_folder(upper.get(), "")) // Linux before 5.6 has no openat2
        return std::nullopt;
    return Search(node, std::move(upper), std::move(lowers), deadline).run();
}

} // namespace lpm::inspect
