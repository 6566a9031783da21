// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/lease.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

namespace lpm {

std::optional<bool> opened_by_others(int fd, int lease) {
    struct statfs where{};
    // Of these, EAGAIN says that the server has given no lease.
    constexpr std::uint32_t remote[] = {NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC,  0xfe534d42 /* smb2 */,
                                        CIFS_SUPER_MAGIC, FUSE_SUPER_MAGIC, V9FS_MAGIC,
                                        CEPH_SUPER_MAGIC, AFS_SUPER_MAGIC};
    if (::fstatfs(fd, &where) != 0 || std::ranges::contains(remote, static_cast<std::uint32_t>(where.f_type)))
        return std::nullopt;
    if (::fcntl(fd, F_SETLEASE, lease) != 0)
        return errno == EAGAIN ? std::optional(true) : std::nullopt;
    ::fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

} // namespace lpm
