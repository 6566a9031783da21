// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/object_texts.hpp"
#include "record/record.hpp"
#include "json/json.hpp"

namespace lpm::record {

using json::Value;

static constexpr std::size_t max_bytes = std::size_t{1} << 20;
// As long as names of Kubernetes can be: a restore reads no more than 64 KiB of the file.
static constexpr std::size_t max_name = 253;

// One member of the file. One that is empty is left out, unless it has always been there.
struct Text {
    std::string_view name;
    std::string CheckpointManifest::* member;
    bool always = false;
};
static constexpr Text texts[] = {
    {"record", &CheckpointManifest::record, true},   {"container", &CheckpointManifest::container, true},
    {"arch", &CheckpointManifest::arch, true},       {"kernel", &CheckpointManifest::kernel, true},
    {"runtime", &CheckpointManifest::runtime, true}, {"criu", &CheckpointManifest::criu, true},
    {"created", &CheckpointManifest::created, true}, {"cpu", &CheckpointManifest::cpu},
    {"image", &CheckpointManifest::image},           {"image_ref", &CheckpointManifest::image_ref},
    {"namespace", &CheckpointManifest::name_space},  {"pod", &CheckpointManifest::pod},
    {"pod_uid", &CheckpointManifest::pod_uid},       {"container_name", &CheckpointManifest::container_name},
};

// One of the container's names, and where it goes.
struct Name {
    std::string_view name;
    std::string CheckpointManifest::* member;
    std::size_t longest;
};
static constexpr Name names[] = {
    {"image", &CheckpointManifest::image, max_bytes},
    {"image_ref", &CheckpointManifest::image_ref, max_bytes},
    {"namespace", &CheckpointManifest::name_space, max_name},
    {"pod", &CheckpointManifest::pod, max_name},
    {"pod_uid", &CheckpointManifest::pod_uid, max_name},
    {"name", &CheckpointManifest::container_name, max_name},
};

// lpm.json is flat.
static std::string object_member(std::string_view name) {
    return "object_" + std::string(name);
}

static CheckpointManifest manifest_of(const Record& record) {
    CheckpointManifest manifest;
    manifest.record = record.id;
    manifest.attempt = record.attempt;
    manifest.object = record.object;
    manifest.container = record.container;
    manifest.arch = record.arch;
    manifest.kernel = record.kernel;
    manifest.runtime = record.runtime_kind + " " + record.runtime_version;
    manifest.criu = record.criu_version;
    manifest.created = record.ended;
    manifest.cpu = record.cpu;
    manifest.tcp = record.tcp;
    for (const auto& [have, value] : record.names)
        for (const auto& [name, member, longest] : names)
            if (have == name && value.size() <= longest)
                manifest.*member = value;
    return manifest;
}

std::string write_manifest(const Record& record) {
    const CheckpointManifest manifest = manifest_of(record);
    Value root{{"schema", schema}};
    for (const auto& [name, member, always] : texts)
        if (always || !(manifest.*member).empty())
            root[std::string(name)] = manifest.*member;
    for (const auto& [name, member] : object_texts)
        if (const auto& value = manifest.object.*member; !value.empty() && value.size() <= max_name)
            root[object_member(name)] = value;
    if (valid_attempt(manifest.attempt))
        root["attempt"] = manifest.attempt;
    if (!manifest.tcp.empty())
        root["tcp"] = manifest.tcp.text();
    return json::write(root, 2) + "\n";
}

Result<CheckpointManifest> parse_manifest(std::string_view text) {
    TRY_ASSIGN(const Value root, json::parse(text, {.bytes = max_bytes}));
    CheckpointManifest manifest;
    for (const auto& [name, member, always] : texts)
        manifest.*member = json::text_or_empty(root, name);
    // It came out of an archive that anybody may have made.
    if (!valid_id(manifest.record))
        return fail(Errc::invalid, "lpm.json: no valid record id");
    if (auto attempt = json::text_or_empty(root, "attempt"); valid_attempt(attempt))
        manifest.attempt = std::move(attempt);
    for (const auto& [name, member] : object_texts)
        manifest.object.*member = json::text_or_empty(root, object_member(name));
    manifest.tcp = Word<config::Tcp>::read(json::text_or_empty(root, "tcp"));
    return manifest;
}

} // namespace lpm::record
