// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "api/pod.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "oci/restore_from.hpp"

namespace lpm::controller {

using json::Value;

static constexpr std::pair<std::string_view, double> units[] = {
    {"", 1.0},      {"m", 1e-3},    {"k", 1e3},     {"M", 1e6},     {"G", 1e9},
    {"T", 1e12},    {"P", 1e15},    {"E", 1e18},    {"Ki", 0x1p10}, {"Mi", 0x1p20},
    {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60},
};

std::optional<std::uint64_t> read_quantity(std::string_view text) {
    double value = 0;
    const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (err != std::errc{})
        return std::nullopt;
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    const auto* known = std::ranges::find(units, unit, &std::pair<std::string_view, double>::first);
    if (known == std::end(units))
        return std::nullopt;
    value = std::ceil(value * known->second);
    if (!(value >= 0 && value < 0x1p63))
        return std::nullopt;
    return static_cast<std::uint64_t>(value);
}

std::string_view image_base_name(std::string_view image) {
    image = image.substr(0, image.find('@'));
    if (const auto slash = image.rfind('/'); slash != std::string_view::npos)
        image.remove_prefix(slash + 1);
    return image.substr(0, image.find(':'));
}

static std::string read_id(const Value& status, std::string_view path) {
    const std::string id = json::text_or_empty(status, path);
    const auto scheme = id.find("://");
    return scheme == std::string::npos ? id : id.substr(scheme + 3);
}

static void read_state(const Value& status, Container& container) {
    const Value* state = json::find(status, "state");
    if (state == nullptr)
        return;
    container.running = json::find(*state, "running") != nullptr;
    container.ended = json::find(*state, "terminated") != nullptr;
    container.waiting = json::text_or_empty(*state, "waiting.reason");
    container.started = read_time(json::text_or_empty(*state, "running.startedAt"));
    container.id = read_id(status, "containerID");
    container.last_id = read_id(status, "lastState.terminated.containerID");
    container.image_digest = json::text_or_empty(status, "imageID");
}

static Container read_container(const Value& spec, Container::Kind kind) {
    Container container;
    container.name = json::text_or_empty(spec, "name");
    container.image = json::text_or_empty(spec, "image");
    container.kind = kind;
    if (const std::string limit = json::text_or_empty(spec, "resources.limits.memory"); !limit.empty())
        container.memory_limit = read_quantity(limit);
    if (json::find(spec, "livenessProbe") != nullptr)
        container.patience = json::integer(spec, "livenessProbe.periodSeconds").value_or(10) *
                             json::integer(spec, "livenessProbe.failureThreshold").value_or(3);
    return container;
}

static std::map<std::string, std::string> read_restores(const Value& object) {
    std::map<std::string, std::string> restores;
    const Value* annotations = json::find_path(object, "metadata.annotations");
    if (annotations == nullptr || !annotations->is_object())
        return restores;
    for (const auto& [name, value] : annotations->items())
        if (name.starts_with(oci::restore_from) && value.is_string())
            restores.emplace(name.substr(oci::restore_from.size()), value.get<std::string>());
    return restores;
}

bool asks_for_restore(const Value& object) {
    return !read_restores(object).empty();
}

Result<Pod> read_pod(const Value& object) {
    Pod pod;
    pod.uid = json::text_or_empty(object, "metadata.uid");
    if (pod.uid.empty())
        return fail(Errc::invalid, "no pod: it has no uid");
    pod.node = json::text_or_empty(object, "spec.nodeName");
    pod.phase = json::text_or_empty(object, "status.phase");
    pod.deleted = !json::text_or_empty(object, "metadata.deletionTimestamp").empty();
    pod.created = read_time(json::text_or_empty(object, "metadata.creationTimestamp"));
    pod.restores = read_restores(object);
    struct Part {
        const char* specs;
        const char* statuses;
        Container::Kind kind;
    };
    static constexpr std::array parts{
        Part{"spec.containers", "status.containerStatuses", Container::Kind::regular},
        Part{"spec.initContainers", "status.initContainerStatuses", Container::Kind::init},
        Part{"spec.ephemeralContainers", "status.ephemeralContainerStatuses", Container::Kind::ephemeral},
    };
    for (const Part& part : parts) {
        const Value* specs = json::find_path(object, part.specs);
        const Value* statuses = json::find_path(object, part.statuses);
        if (specs == nullptr || !specs->is_array())
            continue;
        for (const Value& spec : *specs) {
            Container container = read_container(spec, part.kind);
            if (statuses != nullptr && statuses->is_array())
                for (const Value& status : *statuses)
                    if (json::text_or_empty(status, "name") == container.name)
                        read_state(status, container);
            pod.containers.push_back(std::move(container));
        }
    }
    return pod;
}

Choice choose_container(const Pod& pod, std::string_view name) {
    for (const Container& one : pod.containers)
        if (one.name == name)
            return {&one, false};
    const Container* only = nullptr;
    for (const Container& one : pod.containers) {
        if (one.kind != Container::Kind::regular)
            continue;
        if (only != nullptr)
            return {};
        only = &one;
    }
    if (only == nullptr || image_base_name(only->image) != name)
        return {};
    return {only, true};
}

} // namespace lpm::controller
