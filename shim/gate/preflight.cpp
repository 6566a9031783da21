// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "preflight.hpp"

#include <vector>

#include "base/paths.hpp"
#include "call.hpp"
#include "crio/crio.hpp"
#include "inspect/crio_files.hpp"
#include "lifecycle/lifecycle.hpp"
#include "oci/container_lock.hpp"
#include "recorder.hpp"
#include "verbs.hpp"

namespace lpm::gate {

// As CRI-O calls the runtime for a checkpoint (internal/lib/checkpoint.go).
static std::vector<std::string> words_of_call(const inspect::Located& container, const std::string& dir) {
    return {"runc",
            "--root",
            container.root,
            "checkpoint",
            "--file-locks",
            "--image-path",
            dir + "/checkpoint",
            "--work-path",
            dir,
            "--leave-running",
            container.id};
}

// The bundle of CRI-O and Podman is on a tmpfs; the files of a checkpoint are beside the container's layer.
static std::string dir_of_images(const inspect::Located& container, const inspect::Engine& engine) {
    const bool known = engine.monitor && !engine.monitor->persist_dir.empty();
    return known ? engine.monitor->persist_dir : container.state.bundle;
}

static std::vector<std::string> skipped_hooks(const inspect::Facts& facts) {
    if (!facts.bundle)
        return {};
    const lifecycle::HookContext frozen{.point = lifecycle::Point::pre_checkpoint,
                                        .frozen = true,
                                        .total = {},
                                        .dir = paths::hooks_dir,
                                        .keep = {}};
    return lifecycle::skipped_hooks(frozen, facts.bundle->names);
}

namespace {

// A command line of the runtime that nobody has called. What is read of it points into it.
struct Line {
    explicit Line(std::vector<std::string>&& of) : words(std::move(of)) {
        argv.reserve(words.size() + 1);
        for (auto& word : words)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        invocation = oci::parse(count(), argv.data());
    }
    [[nodiscard]] int count() const { return static_cast<int>(words.size()); }

    std::vector<std::string> words;
    std::vector<char*> argv;
    oci::Invocation invocation;
};

} // namespace

static void record_outcome(record::Record& record, const inspect::Facts& facts, check::Outcome&& outcome) {
    record_judged(record, facts, std::move(outcome.findings));
    record.code = std::move(outcome.code);
    record.message = std::move(outcome.message);
    record.transient = outcome.transient;
    for (const auto& word : facts.additions.words)
        record.additions.push_back(criu::word_of(word));
}

Result<Preflight> preflight(const inspect::Target& target, const record::OptionList& options, bool prepared,
                            char** environment) {
    const auto roots = crio::state_roots(inspect::read_crio());
    Preflight found;
    TRY_ASSIGN(found.container, inspect::locate(target, roots, Deadline(locate_time)));
    found.engine = inspect::find_engine(found.container.state);

    Line line(words_of_call(found.container, dir_of_images(found.container, found.engine)));
    const Arguments arguments{line.invocation, line.argv.data(), line.count(), environment};
    Request request(arguments, inspect::Stage::checkpoint);
    request.subject.options = options;

    found.record = begin_record_of(request, arguments, record::Operation::checkpoint);
    auto [facts, outcome] =
        judge(request, line.invocation, found.engine.caller,
              {[&] { return oci::ContainerLock::is_locked(found.container.root, found.container.id); },
               [&](const inspect::Facts& found_then) {
                   return prepared ? std::vector<std::string>() : skipped_hooks(found_then);
               }});
    record_outcome(found.record, facts, std::move(outcome));
    found.settings = std::move(request.settings);
    return found;
}

record::Record judge_restore(const inspect::ImageFacts& images, char** environment) {
    Line line(
        {"runc", "restore", "--detach", "--image-path", "/", "none"}); // as conmon calls it (src/conmon.c)
    const Arguments arguments{line.invocation, line.argv.data(), line.count(), environment};
    Request request(arguments, inspect::Stage::restore);
    request.subject.bundle_dir.clear();
    request.subject.told_images = &images;

    record::Record record = begin_record_of(request, arguments, record::Operation::restore);
    for (auto* text : {&record.container, &record.root, &record.image_path, &record.work_path})
        text->clear(); // there is none yet
    record.argv.clear();
    auto [facts, outcome] =
        judge(request, line.invocation, inspect::find_crio(),
              {[] { return false; }, [](const inspect::Facts&) { return std::vector<std::string>(); }});
    check::keep_verified(outcome.findings);
    record_outcome(record, facts, std::move(outcome));
    return record;
}

} // namespace lpm::gate
