// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "making.hpp"

#include "front/syscall.hpp"

namespace lpm::shim {
namespace {

// In the runtime's folder of a container.
struct Path {
    char text[4096];
    unsigned length = 0;

    // False when it does not fit.
    bool add(const char* part) {
        for (; *part != '\0'; ++part) {
            if (length == sizeof text - 1)
                return false;
            text[length++] = *part;
        }
        text[length] = '\0';
        return true;
    }
    // False when no path may be built from the id.
    bool enter(const oci::Invocation& call) {
        const char* root = call.text(oci::Option::root);
        return oci::valid_id(call.id) && add(root == nullptr ? oci::default_root : root) && add("/") &&
               add(call.id);
    }
    bool has(const char* name) {
        const unsigned folder = length;
        const bool there = add(name) && sys::exists(text);
        text[length = folder] = '\0';
        return there;
    }
};

} // namespace

bool being_made(const oci::Invocation& call) {
    Path folder;
    return folder.enter(call) && (folder.has(criu_root) ||
                                  (!folder.has("/state.json") && !folder.has("/status") && folder.has("")));
}

void unbind_root(const oci::Invocation& call) {
    Path folder;
    if (folder.enter(call) && folder.add(criu_root))
        sys::unmount(folder.text);
}

} // namespace lpm::shim
