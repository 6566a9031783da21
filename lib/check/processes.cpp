// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/found.hpp"
#include "check/judges.hpp"

namespace lpm::check {

// Each CRIU puts the freezer back to what it found: of two at once one may find it frozen by the other, and
// leave it so for ever.
Judgement judge_checkpoint_in_progress(const Facts& facts) {
    if (!facts.subject.checkpoint_in_progress)
        return {};
    return {Verdict::block, "another checkpoint of this container is under way"};
}

// Some hold secrets that must not lie in a file.
Judgement judge_never_checkpoint(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    if (facts.bundle->checkpoint != "never")
        return {};
    return {Verdict::block, "the pod's annotation lpm.my.domain/checkpoint is: never"};
}

Judgement judge_skipped_hooks(const Facts& facts) {
    if (facts.skipped_hooks.empty())
        return {};
    return {Verdict::block,
            "the caller has frozen the container, and life-cycle hooks that must succeed need one that "
            "runs: " +
                some_of(facts.skipped_hooks)};
}

Judgement judge_container_state(const Facts& facts) {
    // The runtime has words of its own for a container that it does not know, and callers match them.
    if (!facts.container.state)
        return {Verdict::unknown, "the runtime's state of the container cannot be read"};
    if (facts.container.state->init == 0)
        return {Verdict::unknown, "the runtime's state does not name the container's first process"};
    if (!facts.container.alive)
        return {Verdict::block, "the container is stopped: its first process " +
                                    std::to_string(facts.container.state->init) + " has ended"};
    if (facts.container.state->waits_for_start)
        return {Verdict::block, "the container is created but not started"};
    return {};
}

// CRI-O writes "terminal": false into the bundle of each restore.
static Judgement judge_terminal_in_images(const Facts& facts) {
    if (!facts.images.outer_terminal)
        return not_compared();
    if (!*facts.images.outer_terminal)
        return {};
    return unless(
        facts, "shell-job",
        {Verdict::block, "the container had a terminal at the checkpoint, and config.json gives it none"});
}

Judgement judge_terminal(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    if (!facts.bundle->terminal && facts.subject.stage == Stage::restore)
        return judge_terminal_in_images(facts);
    if (!facts.bundle->terminal)
        return {};
    // CRI-O restores detached and without a console socket; podman gives one.
    if (facts.subject.stage != Stage::restore)
        return {facts.subject.stage == Stage::create && facts.bundle->crio ? Verdict::block : Verdict::warn,
                "the container has a terminal: CRI-O cannot restore it",
                "use a container without a terminal"};
    if (facts.call.detach && !facts.call.console_socket)
        return {
            Verdict::block, "the container has a terminal, and a detached restore has nobody to give it to",
            facts.bundle->crio ? "" : "use a container without a terminal, or restore with --console-socket"};
    return {};
}

Judgement judge_freeze(const Facts& facts) {
    if (!facts.container.state)
        return {Verdict::unknown, "the runtime's state of the container cannot be read"};
    if (facts.container.freezing)
        return {Verdict::block,
                "the container was told to freeze and has not: a process of it cannot be stopped, "
                "as one that waits for a dead NFS server cannot"};
    return {};
}

Judgement judge_exec_session(const Facts& facts) {
    return judge_found(facts, Item::outside_init, "a session of exec, or a probe of that kind,",
                       "it is no child of the container's first process, and CRIU does not take it along");
}

Judgement judge_traced(const Facts& facts) {
    return judge_found(facts, Item::traced, "tracing",
                       "CRIU must trace it itself, and a process has one tracer");
}

Judgement judge_lost_terminal(const Facts& facts) {
    return judge_found(facts, Item::lost_terminal, "a controlling terminal",
                       "after a restore the leader of its session has it, and no other process, which cannot "
                       "open /dev/tty then",
                       Verdict::warn);
}

Judgement judge_session(const Facts& facts) {
    return judge_found(facts, Item::outside_session, "a session whose leader is outside of the container,",
                       "CRIU cannot restore the session");
}

// On cgroup v1 CRIU waits for ever for a stopped process that is frozen as well, and leaves all frozen when
// it is killed.
Judgement judge_stopped(const Facts& facts) {
    const bool hangs = facts.container.state && !facts.container.state->unified;
    Judgement finding =
        judge_found(facts, Item::stopped, "being stopped by a signal",
                    "CRIU may wait for ever for the process", hangs ? Verdict::block : Verdict::warn);
    if (finding.verdict == Verdict::pass && facts.container.workload->stops_gap)
        return {Verdict::unknown, text_of(*facts.container.workload->stops_gap)};
    return finding;
}

Judgement judge_zombie_leader(const Facts& facts) {
    return judge_found(facts, Item::zombie_leader, "an ended first thread with others alive",
                       "CRIU does not support it");
}

Judgement judge_nested(const Facts& facts) {
    return judge_found(
        facts, Item::nested_namespace, "a namespace of its own",
        "CRIU takes one namespace of each kind for a container, and nested mount namespaces only");
}

Judgement judge_shared_memory(const Facts& facts) {
    return judge_found(facts, Item::shared_memory, &inspect::Workload::shared_memory_gap,
                       "memory that is another process's as well",
                       "CRIU takes processes with a memory of their own only");
}

Judgement judge_uninterruptible(const Facts& facts) {
    return judge_found(facts, Item::uninterruptible, &inspect::Workload::waiting_gap,
                       "a sleep that no signal ends",
                       "it cannot be stopped before it has what it waits for, and CRIU gives up after 10 s");
}

Judgement judge_other_cgroup(const Facts& facts) {
    return judge_found(facts, Item::other_cgroup, &inspect::Workload::children_gap,
                       "another cgroup than the container's",
                       "CRIU freezes that of the container only, and cannot seize the process");
}

static Judgement judge_of_threads(const Facts& facts, Item item, std::string_view what,
                                  std::string_view why) {
    return judge_found(facts, item, &inspect::Workload::threads_gap, what, why, Verdict::warn);
}

// CRIU dumps them of the first thread (criu/cr-dump.c, dump_one_task).
Judgement judge_thread_apart(const Facts& facts) {
    Judgement files =
        judge_of_threads(facts, Item::own_files, "a thread with descriptors of its own",
                         "CRIU does not dump them, and a restored thread has those of its process");
    if (files.verdict == Verdict::warn)
        return files;
    return judge_of_threads(
        facts, Item::own_fs, "a thread with a working directory of its own",
        "CRIU does not dump it, and a restored thread has that of its process, and its umask");
}

Judgement judge_affinity(const Facts& facts) {
    return judge_of_threads(facts, Item::own_cpus, "a CPU affinity of its own",
                            "CRIU does not dump it, and after a restore all CPUs of the container are used");
}

Judgement judge_pid_namespace(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    if (facts.bundle->own_pid)
        return {};
    return {Verdict::warn,
            "the container shares its PID namespace: a restore fails where one of its numbers is taken"};
}

Judgement judge_user_namespace(const Facts& facts) {
    if (!facts.bundle)
        return no_bundle();
    if (!facts.bundle->user_namespace)
        return {};
    return {
        Verdict::warn,
        "the container has a user namespace: a restore is known to work only where ids stand for themselves"};
}

} // namespace lpm::check
