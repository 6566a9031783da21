// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/container_lock.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>

#include "base/file.hpp"
#include "oci/argv.hpp"

namespace lpm::oci {

bool ContainerLock::try_lock(const std::string& root, const std::string& id) {
    if (folder_ || !valid_id(id.c_str()))
        return true;
    auto folder = open_at(AT_FDCWD, root + "/" + id, O_RDONLY | O_DIRECTORY);
    if (!folder)
        return true;
    if (::flock(folder->get(), LOCK_EX | LOCK_NB) != 0)
        return errno != EWOULDBLOCK;
    folder_ = *std::move(folder);
    return true;
}

} // namespace lpm::oci
