// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "creation.hpp"

#include "base/fixed_text.hpp"
#include "linux/syscall.hpp"

namespace lpm::shim {
namespace {

// In the runtime's folder of a container.
struct Path : FixedText<4096> {
    // False when no path may be built from the id.
    bool enter(const char* root, const char* id) {
        return oci::valid_id(id) && add(root) && add("/") && add(id);
    }
    bool has(const char* name) {
        const unsigned folder = length;
        const bool there = add(name) && sys::exists(text);
        cut(folder);
        return there;
    }
};

bool in_progress(const char* root, const char* id) {
    Path folder;
    return folder.enter(root, id) && (folder.has(criu_root) || (!folder.has("/state.json") &&
                                                                !folder.has("/status") && folder.has("")));
}

} // namespace

bool creation_in_progress(const oci::Invocation& call) {
    const char* root = call.text(oci::Option::root);
    if (root != nullptr)
        return in_progress(root, call.id);
    return in_progress(oci::default_root, call.id) || in_progress("/run/crun", call.id);
}

void unbind_root(const oci::Invocation& call) {
    const char* root = call.text(oci::Option::root);
    Path folder;
    if (folder.enter(root == nullptr ? oci::default_root : root, call.id) && folder.add(criu_root))
        sys::unmount(folder.text);
}

} // namespace lpm::shim
