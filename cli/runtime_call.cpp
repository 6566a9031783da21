// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "runtime_call.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/format.hpp"
#include "base/paths.hpp"
#include "selftest/spec.hpp"

namespace lpm::cli {

static constexpr std::size_t most_log = std::size_t{1} << 20;

Result<Output> run_runtime(const RuntimeCall& call) {
    Job job;
    job.argv = {"/bin/sh",
                "-c",
                "exec \"$@\" >/dev/null 2>&1",
                "sh",
                paths::front_program,
                "--root",
                call.root,
                "--log",
                call.log,
                "--log-format",
                "json"};
    std::ranges::copy(call.words, std::back_inserter(job.argv));
    job.timeout = call.timeout;
    job.environment = {{"CRI_O_EXTERNAL=1", "PATH=" + call.path}};
    return run(job);
}

Result<> call_runtime(const RuntimeCall& call) {
    (void)::unlink(call.log.c_str());
    const std::string& verb = call.words.front();
    TRY_ASSIGN(const Output done, run_runtime(call));
    if (done.late)
        return fail(Errc::unavailable, lpm::format("lpm-runc {} did not end in {}", verb, call.timeout));
    if (done.status == 0)
        return {};
    const std::string said = selftest::last_message(read_file(AT_FDCWD, call.log, most_log).value_or(""));
    return fail(Errc::io, said.empty() ? lpm::format("lpm-runc {} ends with {}", verb, done.status) : said);
}

} // namespace lpm::cli
