// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "powerless.hpp"

#include <cerrno>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

#include "node/sandbox.hpp"

namespace lpm::sidecar {

// lpm-sidecar's user. Who is not root has nothing to give away.
static Result<> become_user() {
    if (::geteuid() != 0)
        return {};
    const passwd* user = ::getpwnam("lpm");
    if (user == nullptr || user->pw_uid == 0)
        return fail(Errc::absent, "there is no user lpm: make it with systemd-sysusers");
    if (::setgroups(0, nullptr) != 0 || ::setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        ::setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        return fail_errno(errno, "become the user lpm");
    return {};
}

static Result<> set_limits(std::optional<std::chrono::seconds> time) {
    constexpr rlim_t memory = rlim_t{512} << 20; // bytes of addresses; what is read takes 64 MiB at most
    const rlim_t seconds = time ? static_cast<rlim_t>(time->count() + 1) : RLIM_INFINITY;
    for (const auto& [what, most] : {std::pair{RLIMIT_AS, memory}, std::pair{RLIMIT_CPU, seconds},
                                     std::pair{RLIMIT_FSIZE, rlim_t{0}}, std::pair{RLIMIT_CORE, rlim_t{0}}}) {
        const rlimit limit{most, most};
        if (::setrlimit(what, &limit) != 0)
            return fail_errno(errno, "set a limit");
    }
    return {};
}

Result<> give_power_away(std::optional<std::chrono::seconds> time) {
    TRY(become_user());
    TRY(set_limits(time));
    TRY(lpm::node::drop_capabilities());
    return lpm::node::allow_reading();
}

} // namespace lpm::sidecar
