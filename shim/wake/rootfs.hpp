// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "layer.hpp"
#include "tar.hpp"

namespace lpm::wake {

// The root file system of a new container, in which nothing runs yet.
class Rootfs {
  public:
    explicit Rootfs(int root) : root_(root) {} // borrowed

    [[nodiscard]] bool has_file(const std::string& path) const;
    // As a container engine unpacks: only a folder where a folder is stays, all else is replaced.
    [[nodiscard]] Result<> apply(int archive, Extent tar);
    // Those that are there, and what is below them.
    [[nodiscard]] Result<> remove(const std::vector<std::string>& paths);

  private:
    [[nodiscard]] Result<> put(const Member& member, Tar& tar);
    [[nodiscard]] Result<> put_folder(const Member& member, int parent, const std::string& name);
    [[nodiscard]] Result<int> parent_of(const std::string& path);
    [[nodiscard]] Result<Fd> make_folders(const std::string& path);
    [[nodiscard]] Result<> finish_folders();

    int root_;
    // Where the last member was put: the next one mostly is its neighbour.
    std::optional<std::pair<std::string, Fd>> parent_{};
    // What is put into a folder changes its time.
    std::vector<std::pair<std::string, timespec>> folders_{};
};

} // namespace lpm::wake
