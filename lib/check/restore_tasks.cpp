// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What the restored processes need to be what they were: options, numbers, room, profiles.
#include "check/found.hpp"
#include "check/judges.hpp"

namespace lpm::check {

static bool criu_is_least(const Facts& facts, std::uint32_t version) {
    return facts.tools.criu && facts.tools.criu->version >= version;
}

Judgement judge_tcp_option(const Facts& facts) {
    constexpr std::uint32_t asks = 40000; // the first CRIU that compares the option with that of the dump
    if (!facts.images.connections)
        return not_compared();
    if (facts.images.inventory && facts.images.inventory->tcp_close && criu_is_least(facts, asks))
        return unless(facts, "tcp-close",
                      {Verdict::block,
                       "the checkpoint was taken with tcp-close, and CRIU restores it only with that option",
                       "let CRIU have the option: no CRIU configuration file of this node may turn it off"});
    if (facts.images.connections->empty())
        return {};
    Judgement finding{Verdict::block,
                      "connections are in the images, and CRIU is not told what to do with them: " +
                          some_of(*facts.images.connections)};
    return unless(facts, "tcp-close", unless(facts, "tcp-established", std::move(finding)));
}

Judgement judge_uprobes_again(const Facts& facts) {
    if (!facts.images.inventory || !facts.tools.criu || facts.tools.criu->version == 0)
        return not_compared();
    if (!facts.images.inventory->allow_uprobes || !criu_is_least(facts, criu::knows_uprobes))
        return {};
    return unless(facts, "allow-uprobes",
                  {Verdict::block,
                   "the checkpoint was taken with allow-uprobes, and CRIU restores it only with "
                   "that option"});
}

Judgement judge_missing_pid_namespace(const Facts& facts) {
    if (!facts.images.pid_namespace_missing || !facts.bundle)
        return not_compared();
    if (!*facts.images.pid_namespace_missing)
        return {};
    return {Verdict::block,
            "the container shared the PID namespace of another, and config.json names none to "
            "join"};
}

Judgement judge_taken_pids(const Facts& facts) {
    return judge_list(facts.images.taken_pids,
                      "the processes need their old numbers in a PID namespace that they share, and others "
                      "have them");
}

// The limit is the kernel's while CRIU makes the processes: runc puts CRIU into the container's cgroup first.
// Unless CRIU moves them to the cgroups that they were dumped in, with the limits of then.
bool limit_holds(const Facts& facts) {
    if (!facts.tools.runtime || facts.tools.runtime->kind != oci::RuntimeKind::runc)
        return false;
    const auto mode = facts.options.find("manage-cgroups");
    const std::string_view word = mode ? std::string_view(mode->value) : std::string_view();
    if (facts.host.pids == inspect::PidsController::cgroup_v2)
        return word == "ignore";
    return facts.host.pids == inspect::PidsController::cgroup_v1 && word != "full" && word != "strict";
}

Judgement judge_pids_limit(const Facts& facts) {
    // Seen to be enough: tar and gzip for a tmpfs, and what CRIU starts for mounts.
    constexpr std::uint64_t helpers = 4;
    if (!facts.images.tasks || !facts.bundle)
        return not_compared();
    const auto tasks = *facts.images.tasks;
    const auto limit = facts.bundle->pids_limit;
    if (limit == 0 || limit >= tasks + helpers)
        return {};
    const std::string text = "the container is limited to " + std::to_string(limit) +
                             " processes and threads, and " + std::to_string(tasks) + " are in the images";
    if (limit < tasks && limit_holds(facts))
        return {Verdict::block, text};
    return {Verdict::warn, text + (limit < tasks ? "" : ", which may leave CRIU no room for its helpers")};
}

Judgement judge_lsm(const Facts& facts) {
    const auto& mismatches = facts.images.lsm_mismatches;
    if (!mismatches)
        return not_compared();
    if (mismatches->empty())
        return {};
    return {Verdict::block, text_of(mismatches->front())};
}

Judgement judge_privileges(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    if (const auto& excesses = facts.images.excesses; excesses && !excesses->empty())
        return {Verdict::block, text_of(excesses->front())};
    if (const auto& excesses = facts.images.mount_excesses; excesses && !excesses->empty())
        return {Verdict::block, text_of(excesses->front()),
                "mount it in the new pod as it was mounted at the checkpoint"};
    if (const auto& excesses = facts.images.spec_excesses; excesses && !excesses->empty())
        return {Verdict::block, text_of(excesses->front())};
    if (!facts.images.excesses)
        return {Verdict::unknown, "what the processes may do cannot be read from the images",
                "take the checkpoint again, or copy it again, whole"};
    if (!facts.images.mount_excesses)
        return {Verdict::unknown, "how the volumes were mounted cannot be read from the images",
                "take the checkpoint again, or copy it again, whole"};
    if (!facts.images.spec_excesses)
        return {Verdict::unknown,
                "no processes with more than config.json grants; but the config.json that they had is not "
                "beside the images (spec.dump), so the seccomp profile, masked and read-only paths and "
                "namespaces are not compared",
                "restore from an archive that CRI-O has made, which contains it"};
    return {};
}

} // namespace lpm::check
