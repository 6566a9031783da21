// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "linux/mountinfo.hpp"

// Looks for files without ever waiting for a server, or for a process: a lookup on an NFS or FUSE mount whose
// other side is gone does not come back.
namespace lpm {

// The kernel answers for file systems of this type by itself. What is not known may ask somebody.
[[nodiscard]] bool is_local_type(std::string_view type);

class LocalFiles {
  public:
    // As a process sees them whose root directory is `root`, and whose mounts these are.
    LocalFiles(Fd&& root, std::vector<procfs::Mount>&& mounts);
    // As process `pid` does; 0: this one.
    [[nodiscard]] static Result<LocalFiles> of_process(pid_t pid);
    // The same, of one whose mounts are known.
    [[nodiscard]] static Result<LocalFiles> of_process(pid_t pid, std::vector<procfs::Mount>&& mounts);

    // `path` is absolute. A root file system is taken for local whatever it is: everything stands on it.
    [[nodiscard]] bool is_local(std::string_view path) const;

    // O_PATH, links followed. Errc::unavailable when `path` leads to where an answer would be waited for.
    [[nodiscard]] Result<Fd> open(const std::string& path) const;
    [[nodiscard]] Result<struct statx> stat(const std::string& path) const;

  private:
    [[nodiscard]] Result<Fd> walk(std::string path) const;

    Fd root_;
    std::vector<procfs::Mount> mounts_;
    bool all_local_ = false;
};

} // namespace lpm
