// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "front/unbind.hpp"

#include "front/syscall.hpp"
#include "runtime.hpp"

namespace lpm::front {
namespace {

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
};

} // namespace

void unbind_root(const oci::Invocation& call) {
    if (!oci::valid_id(call.id))
        return;
    const char* root = call.text(oci::Option::root);
    Path path;
    if (path.add(root == nullptr ? oci::default_root : root) && path.add("/") && path.add(call.id) &&
        path.add(shim::criu_root))
        sys::unmount(path.text);
}

} // namespace lpm::front
