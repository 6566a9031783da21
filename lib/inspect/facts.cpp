// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/facts.hpp"

#include <utility>

#include "inspect/effective_options.hpp"

namespace lpm::inspect {

CallOptions call_options(const oci::Invocation& invocation) {
    using oci::Option;
    return {.leave_running = invocation.on(Option::leave_running),
            .incremental = invocation.text(Option::parent_path) != nullptr,
            .page_server = invocation.text(Option::page_server) != nullptr,
            .detach = invocation.on(Option::detach),
            .console_socket = invocation.text(Option::console_socket) != nullptr,
            .lsm_profile = invocation.text(Option::lsm_profile) != nullptr};
}

static criu::EffectiveOptions read_options(const Facts& facts, const oci::Invocation& invocation) {
    const auto sends = [&](std::string_view flag) {
        return !facts.tools.runtime || oci::RuntimeFacts::lists(facts.tools.runtime->checkpoint_flags, flag);
    };
    const Environment environment = facts.caller.environment.value_or(Environment{});
    return criu::EffectiveOptions::read({.home = environment.home,
                                         .config_file = environment.criu_config_file,
                                         .runtime_config = facts.tools.runtime_config,
                                         .sends_link_remap = sends("link-remap"),
                                         .sends_skip_in_flight = sends("tcp-skip-in-flight"),
                                         .root = facts.caller.root},
                                        invocation);
}

static ImageFacts find_images(const Subject& subject, const Destination& destination) {
    if (subject.told_images == nullptr)
        return inspect_image_directory(subject.image_path, destination);
    ImageFacts facts = *subject.told_images;
    compare_told(facts, destination);
    return facts;
}

static void gather_workload(Facts& facts, const Deadline& deadline) {
    ContainerFacts& container = facts.container;
    // What a container that is created holds is the runtime's, which waits in it.
    if (!container.alive || container.state->waits_for_start)
        return;
    container.workload =
        inspect_workload(container, {.caller = facts.caller,
                                     .terminal = facts.bundle && facts.bundle->terminal,
                                     .shared_shm = facts.bundle && facts.bundle->shared_shm,
                                     .ghost_limit = criu::ghost_limit(facts.options),
                                     .guards = guards_matter(facts.host.kernel, facts.tools.criu) == true,
                                     .deadline = deadline});
    if (container.workload && facts.bundle)
        find_queues(container, *facts.bundle, *container.workload);
    if (container.workload && container.workload->memory && facts.bundle)
        add_files_in_memory(container, *facts.bundle, deadline, *container.workload);
}

Facts gather(const Subject& subject, const oci::Invocation& invocation, const Caller& caller,
             const config::Settings& settings, const criu::Tooling& tooling, const Deadline& deadline) {
    Facts facts;
    facts.subject = subject;
    facts.call = call_options(invocation);
    facts.caller = caller;
    std::optional<LocalFiles> node;
    if (subject.stage == Stage::checkpoint)
        if (auto files = LocalFiles::of_process(0))
            node = *std::move(files);
    facts.host = inspect_host(subject, node);
    if (subject.stage == Stage::checkpoint)
        facts.container = inspect_container(subject);
    const auto& state = facts.container.state;
    const std::string bundle_dir = subject.bundle_dir.empty() && state ? state->bundle : subject.bundle_dir;
    if (!bundle_dir.empty())
        if (auto bundle = oci::read_bundle(bundle_dir))
            facts.bundle = *std::move(bundle);
    if (facts.bundle)
        add_places_behind_links(facts.container, *facts.bundle);
    if (subject.stage == Stage::restore) // what they were dumped with decides what is added
        facts.images = find_images(subject, {.caller = facts.caller,
                                             .host = facts.host,
                                             .bundle = facts.bundle,
                                             .bundle_dir = bundle_dir,
                                             .layer = subject.layer,
                                             .lsm_profile = facts.call.lsm_profile,
                                             .deadline = deadline});
    facts.tools = inspect_tools(subject, caller, facts.bundle, invocation.text(oci::Option::criu), tooling);
    facts.options = read_options(facts, invocation);
    decide_additions(facts, invocation, settings);
    gather_workload(facts, deadline);
    if (facts.bundle && node)
        facts.container.lost = find_lost_files(*facts.bundle, facts.container.mounts, *node, deadline);
    return facts;
}

} // namespace lpm::inspect
