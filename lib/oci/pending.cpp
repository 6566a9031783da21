// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/pending.hpp"

#include "linux/syscall.hpp"
#include "oci/argv.hpp"

namespace lpm::oci {

bool make_pending_path(const char* root, const char* id, PendingPath& path) {
    char hash[17];
    root_hash(root, hash);
    return valid_id(id) && path.add(paths::run_dir) && path.add("/") && path.add(pending_dir) &&
           path.add("/") && path.add(hash) && path.add("/") && path.add(id);
}

bool is_pending(const char* root, const char* id) {
    PendingPath path;
    return make_pending_path(root, id, path) && sys::exists(path.text);
}

} // namespace lpm::oci
