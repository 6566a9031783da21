// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>

#include "base/text.hpp"
#include "node/archive.hpp"
#include "oci/bundle.hpp"
#include "json/json.hpp"

namespace lpm::node {

// Of texts that others wrote: what is longer is no id, name or time.
static constexpr std::size_t longest = 1024;

static std::string short_text(const json::Value& root, std::string_view path) {
    auto text = json::text_or_empty(root, path);
    return text.size() > longest ? std::string() : text;
}

static void set_name(ArchiveIdentity& to, std::string_view name, const std::string& value) {
    if (!value.empty() && !std::ranges::contains(to.names, name, &std::pair<std::string, std::string>::first))
        to.names.emplace_back(name, value);
}

// github.com/checkpoint-restore/checkpointctl/lib/metadata: ContainerConfig
bool read_config_dump(std::string_view text, ArchiveIdentity& to) {
    const auto root = json::parse(text);
    if (!root || !root->is_object())
        return false;
    to.container = short_text(*root, "id");
    to.runtime = short_text(*root, "runtime");
    to.image = short_text(*root, "rootfsImageName");
    to.image_ref = short_text(*root, "rootfsImageRef");
    if (to.created.empty())
        to.created = short_text(*root, "createdTime");
    to.checkpointed = short_text(*root, "checkpointedTime");
    set_name(to, "name", short_text(*root, "name"));
    return true;
}

static std::string engine_of(const json::Value& annotations) {
    const auto text = [&](std::string_view key) {
        const auto* value = json::find(annotations, key);
        return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
    };
    const std::string manager = text("io.container.manager");
    if (manager == "cri-o")
        return "CRI-O";
    if (manager == "libpod")
        return "Podman";
    return text("io.kubernetes.cri.container-type").empty() ? "" : "containerd";
}

// Of an annotation, whose key may have dots. Nothing when it is not there, or too long.
static void take_text(const json::Value& annotations, std::string_view key, std::string& to) {
    const auto* value = json::find(annotations, key);
    if (value != nullptr && value->is_string() && value->get_ref<const std::string&>().size() <= longest)
        to = value->get<std::string>();
}

std::vector<ArchiveMount> read_mounts(std::string_view spec_dump) {
    const auto root = json::parse(spec_dump);
    const auto* list = root ? json::find(*root, "mounts") : nullptr;
    std::vector<ArchiveMount> mounts;
    if (list != nullptr && list->is_array())
        for (const auto& entry : *list)
            mounts.push_back({json::text_or_empty(entry, "destination"), json::text_or_empty(entry, "type"),
                              json::text_or_empty(entry, "source")});
    return mounts;
}

bool read_spec_dump(std::string_view text, ArchiveIdentity& to) {
    const auto root = json::parse(text);
    if (!root || !root->is_object())
        return false;
    if (const auto* annotations = json::find(*root, "annotations")) {
        to.engine = engine_of(*annotations);
        take_text(*annotations, "io.kubernetes.cri-o.IP.0", to.address);
        // CRI-O writes config.dump some milliseconds later, which may be another second.
        take_text(*annotations, "io.kubernetes.cri-o.Created", to.created);
    }
    auto bundle = oci::parse_bundle(text);
    if (!bundle)
        return false;
    // The name in config.dump is the engine's own: k8s_app_web-1_shop_UID_0.
    for (auto& [name, value] : bundle->names) {
        if (value.size() > longest)
            continue;
        std::erase_if(to.names, [&](const auto& one) { return one.first == name; });
        to.names.emplace_back(name, std::move(value));
    }
    return true;
}

bool read_manifest(std::string_view text, ArchiveIdentity& to) {
    auto manifest = record::parse_manifest(text);
    if (!manifest)
        return false;
    for (const auto* one : {&manifest->attempt, &manifest->record, &manifest->object.name_space,
                            &manifest->object.name, &manifest->object.uid})
        if (one->size() > longest)
            return false;
    to.attempt = std::move(manifest->attempt);
    to.record = std::move(manifest->record);
    to.object = std::move(manifest->object);
    return true;
}

} // namespace lpm::node
