// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cerrno>
#include <optional>
#include <string>
#include <sys/stat.h>

#include "call.hpp"
#include "cleanup/mounts.hpp"
#include "cleanup/network.hpp"
#include "cleanup/orphans.hpp"
#include "failure.hpp"
#include "inspect/images.hpp"
#include "restore.hpp"

namespace lpm::gate {

using lifecycle::Point;

// The runtime has nothing of that name.
static bool is_unknown(const inspect::Subject& subject) {
    struct stat st{};
    return oci::valid_id(subject.id.c_str()) &&
           ::lstat((subject.root + "/" + subject.id).c_str(), &st) != 0 && errno == ENOENT;
}

// A restore in the foreground ends with the status of the container, hours later maybe: then CRIU's figures,
// which it writes last, tell that the restore itself went well.
static bool succeeded(const Call& call, const WorkDir& work) {
    const bool ok = call.progress.ended->ok();
    return ok || call.arguments.invocation.on(oci::Option::detach) ? ok : work.stats_written();
}

void restore(const Arguments& arguments, Progress& progress) {
    restore(arguments, progress, nullptr);
}

void restore(const Arguments& arguments, Progress& progress, const AtCreate* create) {
    Request request(arguments, inspect::Stage::restore);
    request.subject.at_create = create != nullptr;
    Recorder recorder(request, arguments, record::Operation::restore);
    Hooks hooks(Point::pre_restore, Point::post_restore, request.settings.hook_time, recorder);
    const Call call{arguments, request, recorder, hooks, progress};

    if (create != nullptr && !create->unpack(call))
        return;
    if (create != nullptr && create->layer)
        request.subject.layer = &*create->layer;
    recorder.record().restored_from = record_of_images(request.subject.image_path);
    auto facts = admit(call, [] { return false; });
    if (!facts)
        return;
    Command command(arguments.argv, arguments.argc, arguments.environment);
    add_to(command, call, *facts);
    const NetworkBefore network =
        read_network(facts->bundle ? inspect::open_network(*facts->bundle, facts->caller) : std::nullopt);
    // A restore into the PID namespace of another leaves no first process.
    std::optional<std::string> cgroups_path;
    if (facts->bundle && facts->bundle->own_pid)
        cgroups_path = facts->bundle->cgroups_path;
    facts.reset(); // a restore in the foreground may last for days
    if (!hooks_allow(call) || (create != nullptr && !create->prepare(call)))
        return;

    WorkDir work = WorkDir::of_restore(request.work_path);
    work.open();
    // What is left of a failed restore is taken away only where it is surely of this one: the container is
    // new, and no other restore works in this directory.
    const bool is_new = is_unknown(request.subject);
    const bool own = work.try_lock() && is_new;
    work.remember_files();
    const auto oom_kills = procfs::read_oom_kills();
    Delegate delegate;
    const EndOrphans end = [&] {
        return own && cgroups_path && end_orphans(*cgroups_path, delegate, recorder);
    };
    Watch watch(work, recorder, end);
    const auto once = [&](pid_t runtime) {
        delegate = delegate_of(runtime);
        recorder.settle_intent();
    };
    if (!run(call, command, {once, [&](pid_t) { watch.each_second(delegate); }}))
        return;

    work.open();
    const bool ok = succeeded(call, work) && (create == nullptr || create->hold(call));
    CriuRun criu;
    criu.restore = true;
    if (!ok)
        criu.running = await_criu(work, recorder, end);
    work.keep(recorder, ok);
    if (!ok) {
        const auto log = work.read_log();
        explain_failure(recorder, *progress.ended, log, oom_kills);
        criu.started = work.log_written();
        unlock_network(network, criu, log, recorder);
        (void)end();
        if (own)
            unbind_root(request, recorder);
    }
    finish(call, ok ? record::Outcome::completed : record::Outcome::failed);
    recorder.tell();
}

} // namespace lpm::gate
