// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/bundle.hpp"

#include <fcntl.h>

#include "base/file.hpp"
#include "json/json.hpp"

namespace lpm::oci {

static constexpr std::size_t max_bytes = std::size_t{8} << 20;

// Annotation of an engine -> name in the record. The first of each name that is present wins.
struct NamedAnnotation {
    std::string_view annotation;
    std::string_view name;
};
static constexpr NamedAnnotation named[] = {
    {"io.kubernetes.pod.namespace", "namespace"},
    {"io.kubernetes.cri.sandbox-namespace", "namespace"},
    {"io.kubernetes.pod.name", "pod"},
    {"io.kubernetes.cri.sandbox-name", "pod"},
    {"io.kubernetes.pod.uid", "pod_uid"},
    {"io.kubernetes.cri.sandbox-uid", "pod_uid"},
    {"io.kubernetes.container.name", "name"},
    {"io.kubernetes.cri.container-name", "name"},
    {"io.kubernetes.cri-o.ImageName", "image"},
    {"io.kubernetes.cri-o.ImageRef", "image_ref"},
    {"io.kubernetes.cri.image-name", "image"},
    {"io.kubernetes.cri-o.SandboxID", "sandbox"},
    {"io.kubernetes.cri.sandbox-id", "sandbox"},
};

static void read_names(const json::Value& annotations, Bundle& bundle) {
    for (const auto& [annotation, name] : named) {
        const auto* value = json::find(annotations, annotation);
        if (value == nullptr || !value->is_string())
            continue;
        bool taken = false;
        for (const auto& [have, text] : bundle.names)
            taken = taken || have == name;
        if (!taken)
            bundle.names.emplace_back(std::string(name), value->get<std::string>());
    }
    if (const auto* criu = json::find(annotations, "org.criu.config"); criu != nullptr && criu->is_string())
        bundle.criu_config = criu->get<std::string>();
}

Result<Bundle> parse_bundle(std::string_view config_json) {
    TRY_ASSIGN(const json::Value spec, json::parse(config_json, {.bytes = max_bytes}));
    if (!spec.is_object())
        return fail(Errc::invalid, "config.json: not an object");
    Bundle bundle;
    bundle.terminal = json::is_true(spec, "process.terminal");
    if (const auto* namespaces = json::find_path(spec, "linux.namespaces");
        namespaces != nullptr && namespaces->is_array())
        for (const auto& entry : *namespaces)
            bundle.network_namespace =
                bundle.network_namespace || json::text_or_empty(entry, "type") == "network";
    if (const auto* annotations = json::find(spec, "annotations"); annotations != nullptr)
        read_names(*annotations, bundle);
    return bundle;
}

Result<Bundle> read_bundle(const std::string& path) {
    const std::string file = path + "/config.json";
    TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, file, max_bytes));
    auto bundle = parse_bundle(text);
    if (!bundle)
        return std::unexpected(std::move(bundle).error().in(file));
    return bundle;
}

} // namespace lpm::oci
