// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "base/fd.hpp"

namespace lpm::oci {

// Keeps two checkpoints of one container apart. The lock is on the folder that the runtime has of the
// container anyway, and neither the runtime nor an engine asks for it: delete and kill go on as ever. The
// runtime does not inherit it, and it ends with this process.
class ContainerLock {
  public:
    // False when another process has it. True also where there is nothing to lock: no such container is for
    // the runtime to say.
    [[nodiscard]] bool try_lock(const std::string& root, const std::string& id);

    // Another process has it. Told from /proc/locks: to try it would keep a checkpoint out that begins just
    // then. False where that cannot be told.
    [[nodiscard]] static bool is_locked(const std::string& root, const std::string& id);

  private:
    Fd folder_;
};

} // namespace lpm::oci
