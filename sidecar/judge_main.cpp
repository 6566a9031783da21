// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <chrono>
#include <unistd.h>
#include <utility>

#include "base/deadline.hpp"
#include "base/file.hpp"
#include "node/archive.hpp"
#include "powerless.hpp"
#include "service/judged_archive.hpp"

using namespace lpm;
using namespace std::chrono_literals;

static constexpr auto longest = 55s; // lpm-gate waits for 60 s

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
    const auto powerless = sidecar::give_power_away(longest);
    const std::string answer = service::write_judged(
        powerless ? Result<service::JudgedArchive>(judge(STDIN_FILENO)) : std::unexpected(powerless.error()));
    return write_all(STDOUT_FILENO, answer + "\n") && powerless ? 0 : 1;
}
