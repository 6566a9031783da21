// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <chrono>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

#include "base/deadline.hpp"
#include "base/file.hpp"
#include "node/archive.hpp"
#include "node/sandbox.hpp"
#include "service/judged_archive.hpp"

using namespace lpm;
using namespace std::chrono_literals;

static constexpr auto longest = 55s; // lpm-gate waits for 60 s

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

static Result<> set_limits() {
    constexpr rlim_t memory = rlim_t{512} << 20; // bytes of addresses; what is read takes 64 MiB at most
    constexpr auto time = static_cast<rlim_t>(longest / 1s + 1);
    for (const auto& [what, most] : {std::pair{RLIMIT_AS, memory}, std::pair{RLIMIT_CPU, time},
                                     std::pair{RLIMIT_FSIZE, rlim_t{0}}, std::pair{RLIMIT_CORE, rlim_t{0}}}) {
        const rlimit limit{most, most};
        if (::setrlimit(what, &limit) != 0)
            return fail_errno(errno, "set a limit");
    }
    return {};
}

static Result<> give_power_away() {
    TRY(become_user());
    TRY(set_limits());
    TRY(node::drop_capabilities());
    return node::allow_reading();
}

static std::string name_of(const node::ArchiveIdentity& identity, std::string_view key) {
    for (const auto& [name, value] : identity.names)
        if (name == key)
            return value;
    return {};
}

static service::JudgedArchive judge(int archive) {
    const Deadline deadline(longest);
    auto read = node::read_archive(archive, node::Depth::identity, [&]() -> Result<> {
        if (deadline.passed())
            return fail(Errc::unavailable, "it takes too long to read");
        return {};
    });
    if (!read)
        return {.message = read.error().text};
    const node::ArchiveIdentity& of = read->identity;
    return {.whole = read->state == node::ArchiveState::whole,
            .message = std::move(read->message),
            .engine = of.engine,
            .name_space = name_of(of, "namespace"),
            .pod = name_of(of, "pod"),
            .name = name_of(of, "name"),
            .attempt = of.attempt,
            .of_object = !of.object.name.empty() || !of.object.uid.empty()};
}

// Tells lpm-gate what the archive on standard input is (service/judged_archive.hpp): a file that others may
// have made, which root does not read. Exit status: 0, or 1 where its power could not be given away.
int main() {
    const auto powerless = give_power_away();
    const std::string answer = service::write_judged(
        powerless ? Result<service::JudgedArchive>(judge(STDIN_FILENO)) : std::unexpected(powerless.error()));
    return write_all(STDOUT_FILENO, answer + "\n") && powerless ? 0 : 1;
}
