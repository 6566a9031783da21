// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/check.hpp"

#include <algorithm>

#include "check/themes.hpp"

namespace lpm::check {

using config::Severity;

// In the order in which a user should hear of them: the first that blocks is the message.
static constexpr Check checks[] = {
    {"ContainerState", true, false, Severity::block, "1.8", "the container is started and alive",
     "checkpoint a container that is running or paused", judge_container_state},
    {"ToolingMissing", true, true, Severity::block, "1.1",
     "criu is on the PATH that the runtime gets, is at least 3.16, and the runtime is built with it",
     "install CRIU 3.16 or newer (better 4.2) where PATH finds it and run lpm-gate --probe", judge_tooling},
    {"ImageIncomplete", false, true, Severity::block, "5.1",
     "inventory, process tree, a core per thread and as many pages as the page maps list",
     "copy the checkpoint again, whole, and name its directory with --image-path", judge_images},
    {"DescriptorsMissing", false, true, Severity::block, "5.16",
     "descriptors.json, which the runtime writes at checkpoint",
     "restore from a checkpoint that was taken with runc or crun", judge_descriptors},
    {"Terminal", true, true, Severity::block, "3.11", "the container has a terminal",
     "use a container without a terminal, or give --console-socket", judge_terminal},
    {"StdioOutsideMounts", true, false, Severity::block, "3.8",
     "standard streams of init are no files outside the container's mounts",
     "let the container's output go to a pipe, or to a file inside its own mounts", judge_stdio},
    {"NetworkLockTool", true, true, Severity::block, "1.6",
     "what CRIU locks the network with is there, and works",
     "install iptables, or choose another network-lock for CRIU", judge_network_lock},
    {"DiskSpace", true, false, Severity::block, "4.14",
     "room for the images, and for the kubelet's archive of them",
     "free space there, or name another directory with --image-path", judge_disk_space},
};

std::span<const Check> table() {
    return checks;
}

std::string_view name_of(Verdict verdict) {
    switch (verdict) {
    case Verdict::pass:
        return "pass";
    case Verdict::warn:
        return "warn";
    case Verdict::block:
        return "block";
    case Verdict::unknown:
        return "unknown";
    case Verdict::covered:
        return "covered";
    }
    return "?";
}

Outcome run(const Facts& facts, const config::Settings& settings) {
    Outcome outcome;
    for (const Check& check : checks) {
        if (!(facts.subject.stage == Stage::checkpoint ? check.at_checkpoint : check.at_restore))
            continue;
        const Severity severity = settings.severity_of(check.id).value_or(check.severity);
        if (severity == Severity::off)
            continue;
        Finding finding{Verdict::unknown, "not judged within the deadline", {}};
        if (!facts.deadline->passed())
            finding = check.judge(facts);
        if (finding.verdict == Verdict::block && severity == Severity::warn)
            finding.verdict = Verdict::warn;
        if (finding.verdict == Verdict::block && outcome.code.empty()) {
            outcome.code = check.id;
            outcome.message =
                finding.message + "; " + std::string(finding.remedy.empty() ? check.remedy : finding.remedy);
        }
        outcome.findings.push_back({std::string(check.id), std::string(config::name_of(severity)),
                                    std::string(name_of(finding.verdict)), std::move(finding.message)});
    }
    return outcome;
}

std::vector<std::string> unknown_ids(const config::Settings& settings) {
    std::vector<std::string> lines;
    for (const auto& [id, severity] : settings.severities)
        if (std::ranges::none_of(checks, [&](const Check& check) { return check.id == id; }))
            lines.push_back("checks." + id + ": there is no such check; ignored");
    return lines;
}

} // namespace lpm::check
