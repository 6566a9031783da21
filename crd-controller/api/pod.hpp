// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/time.hpp"
#include "base/result.hpp"
#include "json/json.hpp"

// What a checkpoint has to know of a pod.
namespace lpm::controller {

struct Container {
    enum class Kind { regular, init, ephemeral };
    std::string name{};
    std::string image{};
    Kind kind = Kind::regular;
    std::optional<std::uint64_t> memory_limit{}; // bytes
    // Seconds without an answer after which its liveness probe ends it: periodSeconds x failureThreshold.
    std::optional<std::int64_t> patience{};
    bool running = false;
    bool ended = false;            // and is not waiting to be started again
    std::string id{};              // without "cri-o://"
    std::string image_digest{};    // imageID, as the kubelet names it
    std::string waiting{};         // why it does not run yet: ContainerCreating, CrashLoopBackOff
    std::optional<Time> started{}; // while it runs
    std::string last_id{};         // of the one before, in whose place it is
};

struct Pod {
    std::string uid;
    std::string node;  // empty: not scheduled yet
    std::string phase; // Pending, Running, Succeeded, Failed, Unknown
    bool deleted = false;
    std::optional<Time> created{};
    std::map<std::string, std::string> restores; // {container: what it asks to be restored from}
    std::vector<Container> containers;           // regular ones first, then init, then ephemeral ones

    [[nodiscard]] bool has_ended() const { return phase == "Succeeded" || phase == "Failed"; }
};

[[nodiscard]] Result<Pod> read_pod(const json::Value& object);

// Whether a pod, of which the metadata is enough, asks that a container is restored (Pod::restores).
[[nodiscard]] bool asks_for_restore(const json::Value& object);

// The container that is meant by a name. The user's own manifest names `nginx` in a pod of `kubectl run
// test-pod
// --image=nginx`, whose container is called test-pod: when no container has the name, and the pod has one
// regular container, and the base name of its image is that name, that one is meant. nullptr: none.
struct Choice {
    const Container* container = nullptr;
    bool by_image = false;
};
[[nodiscard]] Choice choose_container(const Pod& pod, std::string_view name);

// "registry:5000/library/nginx:1.27@sha256:..." -> "nginx"
[[nodiscard]] std::string_view image_base_name(std::string_view image);

// A quantity of Kubernetes, "512Mi", "1.5G", "1e9", in whole units, rounded up; nothing for what is none.
[[nodiscard]] std::optional<std::uint64_t> read_quantity(std::string_view text);

} // namespace lpm::controller
