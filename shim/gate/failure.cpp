// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "failure.hpp"

#include "check/failures.hpp"
#include "criu/log.hpp"
#include "linux/procfs.hpp"
#include "oci/phrases.hpp"

namespace lpm::gate {

// Of a log that tells nothing more: CRIU's last line is always that it was done, or that it failed.
static criu::LogError cut_off() {
    return {"CriuCutShort", "CRIU ended in the middle of its work and did not say why"};
}

static std::optional<criu::LogError> read_error(const std::optional<std::string>& log) {
    if (!log)
        return std::nullopt;
    const auto error = criu::first_error(*log);
    return !error && criu::cut_short(*log) ? cut_off() : error;
}

// The killer leaves no word in CRIU's log: that has no end, or tells of something that nobody knows, as of a
// helper of CRIU's that has gone ("cgroupd: recv req error"), or that a process was killed and not by whom.
static bool may_be_out_of_memory(const criu::LogError& error) {
    return error.code == "CriuCutShort" || error.code == criu::unknown_error ||
           error.code == criu::process_ended;
}

void explain_failure(Recorder& recorder, const Ended& ended, const std::optional<std::string>& log,
                     const std::optional<std::uint64_t>& oom_kills) {
    record::Record& record = recorder.record();
    const auto error = read_error(log);
    record.code = "RuntimeFailed";
    record.message = "the runtime failed for a reason of its own, which it has printed";
    if (ended.signal != 0) {
        record.code = "RuntimeKilled";
        record.message = "the runtime was killed by signal " + std::to_string(ended.signal);
    } else if (error) {
        record.code = error->code;
        record.message = error->message;
        const auto kills = procfs::read_oom_kills();
        if (may_be_out_of_memory(*error) && oom_kills && kills && *kills > *oom_kills) {
            record.code = "OutOfMemory";
            record.message =
                "for want of memory the kernel killed a process while CRIU worked (" + record.message + ")";
        }
    }
    const std::string_view remedy = check::remedy_of(record.code);
    if (!remedy.empty())
        record.message += "; " + std::string(remedy);
    if (record.code == "RuntimeFailed")
        return;
    std::string line = "lpm: " + record.operation.text() + " of " + record.container + " failed";
    // CRIU quotes the kernel in words that callers take for something else; the log has them.
    if (!oci::misread(record.message))
        line += ": " + record.message;
    else if (!remedy.empty())
        line += ": " + std::string(remedy);
    line += " [" + record.code + "]";
    if (const std::string logs = recorder.log_dir(); !logs.empty())
        line += "; logs are kept in " + logs;
    recorder.say(std::move(line));
}

} // namespace lpm::gate
