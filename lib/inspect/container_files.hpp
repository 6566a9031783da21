// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include "inspect/container_walk.hpp"
#include "linux/local_files.hpp"
#include "linux/procfd.hpp"

namespace lpm::inspect {

[[nodiscard]] inline bool is_deleted(std::string_view path) {
    return path.ends_with(" (deleted)");
}

// What a process has open or mapped.
class Files {
  public:
    Files(Walk& walk, const Process& process) : walk_(walk), process_(process) {}

    // `through` leads to the file itself whatever has become of its name. fd -1: it is mapped.
    void path(int fd, std::string_view path, int dir, const char* through);
    // By the kernel's name: "[io_uring]".
    void anonymous(int fd, std::string_view kind);
    void add(Item item, int fd, std::string_view thing, std::uint64_t bytes = 0);
    // By errno.
    void unread(std::string_view call, std::string_view thing);

  private:
    [[nodiscard]] procfs::FdInfo info(int fd);
    [[nodiscard]] bool of_kernel(const struct statx& st) const;
    void device(int fd, std::string_view path, dev_t device, bool block);
    void tun(int fd, std::string_view path);
    void deleted(int fd, std::string_view path, const struct statx& st);
    [[nodiscard]] bool is_there(std::string_view path, const struct statx& st);
    [[nodiscard]] bool is_on_overlay(const struct statx& st) const;
    void mount(int fd, std::string_view path, const struct statx& st);
    [[nodiscard]] Place place(const struct statx& st);
    void watches(int fd, std::string_view kind);
    void pidfd(int fd);

    Walk& walk_;
    const Process& process_;
    std::optional<Result<LocalFiles>> own_files_{};
};

} // namespace lpm::inspect
