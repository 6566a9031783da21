// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "base/result.hpp"

#include <cerrno>

namespace lpm {

static Errc code_of(int err) {
    switch (err) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
        return Errc::absent;
    case EEXIST:
        return Errc::exists;
    case EACCES:
    case EPERM:
    case EROFS:
        return Errc::denied;
    case EBUSY:
    case EAGAIN:
        return Errc::busy;
    case EINVAL:
    case ELOOP:
    case ENAMETOOLONG:
        return Errc::invalid;
    default:
        return Errc::io;
    }
}

std::unexpected<Error> fail_errno(int err, std::string_view what) {
    return std::unexpected(Error{code_of(err), err, std::string(what) + ": " + std::strerror(err)});
}

} // namespace lpm
