// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "cleanup/mounts.hpp"

#include <cerrno>
#include <sys/mount.h>
#include <unistd.h>

#include "creation.hpp"

namespace lpm::gate {

void unbind_root(const Request& request, Recorder& recorder) {
    const inspect::Subject& subject = request.subject;
    const bool crun = subject.kind == oci::RuntimeKind::crun;
    const std::string place = (crun ? subject.bundle_dir : subject.root + "/" + subject.id) + shim::criu_root;
    const std::string what = "the container's root file system, which the runtime left mounted at " + place;
    if (::umount2(place.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
        ::rmdir(place.c_str());
        recorder.note(what + ", has been unmounted: a delete would have emptied it");
    } else if (errno != ENOENT && errno != ENOTDIR && errno != EINVAL) {
        recorder.note(what + ", could not be unmounted");
        recorder.say(
            "lpm: unmount " + place + " before anybody deletes " + subject.id +
            ": the runtime left it there, and a delete would empty the container's root file system through "
            "it");
    }
}

} // namespace lpm::gate
