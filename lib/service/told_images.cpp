// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service/told_images.hpp"

#include <algorithm>
#include <limits>

namespace lpm::service {

using inspect::ImageFacts;
using json::Value;

static constexpr std::size_t longest_text = 8192; // names of a processor's features

static Value value_of(const inspect::Endpoint& end) {
    return {{"address", end.address}, {"port", end.port}};
}

static Value value_of(const criu::InventoryEntry& inventory) {
    Value value{{"lsm", static_cast<std::uint32_t>(inventory.lsmtype)},
                {"tcp_close", inventory.tcp_close},
                {"allow_uprobes", inventory.allow_uprobes}};
    if (inventory.network_lock_method)
        value["network_lock"] = *inventory.network_lock_method;
    return value;
}

static Value value_of(const record::CheckpointManifest& manifest) {
    return {{"cpu", manifest.cpu}, {"kernel", manifest.kernel}, {"tcp", manifest.tcp.text()}};
}

Value write_images(const ImageFacts& facts) {
    Value root = Value::object();
    if (facts.descriptors)
        root["descriptors"] = facts.descriptors->has_value() ? "" : facts.descriptors->error().text;
    if (facts.mtype)
        root["machine"] = static_cast<std::uint32_t>(*facts.mtype);
    if (facts.inventory)
        root["inventory"] = value_of(*facts.inventory);
    if (facts.manifest)
        root["manifest"] = value_of(*facts.manifest);
    if (facts.connections) {
        Value& list = root["connections"] = Value::array();
        for (const auto& [local, remote] : *facts.connections)
            if (list.size() < most_told)
                list.push_back({{"local", value_of(local)}, {"remote", value_of(remote)}});
        root["tcp_streams"] = facts.tcp_streams;
    }
    if (facts.profiles) {
        Value& list = root["profiles"] = Value::array();
        for (const auto& [pid, text] : *facts.profiles)
            if (list.size() < most_told)
                list.push_back({{"pid", pid}, {"text", text}});
    }
    root["file_locks"] = facts.dumped.file_locks;
    return root;
}

// Of an unsigned member that has to be there, and fits.
template <class T> static Result<T> number_of(const Value& value, std::string_view name) {
    const auto number = json::natural(value, name);
    if (!number || *number > std::numeric_limits<T>::max())
        return fail(Errc::invalid, "images." + std::string(name) + ": must be a number that fits");
    return static_cast<T>(*number);
}

static Result<std::string> text_of(const Value& value, std::string_view name) {
    std::string text = json::text_or_empty(value, name);
    if (text.size() > longest_text)
        return fail(Errc::invalid, "images." + std::string(name) + ": has at most " +
                                       std::to_string(longest_text) + " bytes");
    return text;
}

static Result<inspect::Endpoint> endpoint_of(const Value& value, std::string_view name) {
    const Value* end = json::find(value, name);
    if (end == nullptr)
        return fail(Errc::invalid, "images.connections: must have two ends each");
    inspect::Endpoint endpoint;
    TRY_ASSIGN(endpoint.address, text_of(*end, "address"));
    TRY_ASSIGN(endpoint.port, number_of<std::uint16_t>(*end, "port"));
    return endpoint;
}

static Result<criu::InventoryEntry> inventory_of(const Value& value) {
    criu::InventoryEntry inventory;
    TRY_ASSIGN(const auto lsm, number_of<std::uint32_t>(value, "lsm"));
    inventory.lsmtype = static_cast<criu::LsmType>(lsm);
    inventory.tcp_close = json::is_true(value, "tcp_close");
    inventory.allow_uprobes = json::is_true(value, "allow_uprobes");
    if (json::find(value, "network_lock") != nullptr) {
        TRY_ASSIGN(inventory.network_lock_method, number_of<std::uint32_t>(value, "network_lock"));
    }
    return inventory;
}

static Result<record::CheckpointManifest> manifest_of(const Value& value) {
    record::CheckpointManifest manifest;
    TRY_ASSIGN(manifest.cpu, text_of(value, "cpu"));
    TRY_ASSIGN(manifest.kernel, text_of(value, "kernel"));
    manifest.tcp = record::Word<config::Tcp>::read(json::text_or_empty(value, "tcp"));
    return manifest;
}

// Nothing when it is not there.
template <class Read> static Result<> each_of(const Value& root, std::string_view name, const Read& read) {
    const Value* list = json::find(root, name);
    if (list == nullptr)
        return {};
    if (!list->is_array() || list->size() > most_told)
        return fail(Errc::invalid, "images." + std::string(name) + ": must be a list of at most " +
                                       std::to_string(most_told));
    for (const Value& value : *list)
        TRY(read(value));
    return {};
}

Result<ImageFacts> read_images(const Value& value) {
    if (!value.is_object())
        return fail(Errc::invalid, "images: must be an object");
    ImageFacts facts;
    if (json::find(value, "descriptors") != nullptr) {
        TRY_ASSIGN(const std::string why, text_of(value, "descriptors"));
        facts.descriptors = why.empty() ? Result<>() : fail(Errc::invalid, std::string(why));
    }
    if (json::find(value, "machine") != nullptr) {
        TRY_ASSIGN(const auto machine, number_of<std::uint32_t>(value, "machine"));
        facts.mtype = static_cast<criu::March>(machine);
    }
    if (const Value* inventory = json::find(value, "inventory")) {
        TRY_ASSIGN(facts.inventory, inventory_of(*inventory));
    }
    if (const Value* manifest = json::find(value, "manifest")) {
        TRY_ASSIGN(facts.manifest, manifest_of(*manifest));
    }
    if (json::find(value, "connections") != nullptr)
        facts.connections.emplace();
    TRY(each_of(value, "connections", [&](const Value& one) -> Result<> {
        inspect::Connection& connection = facts.connections->emplace_back();
        TRY_ASSIGN(connection.local, endpoint_of(one, "local"));
        TRY_ASSIGN(connection.remote, endpoint_of(one, "remote"));
        return {};
    }));
    facts.tcp_streams = json::is_true(value, "tcp_streams");
    if (json::find(value, "profiles") != nullptr)
        facts.profiles.emplace();
    TRY(each_of(value, "profiles", [&](const Value& one) -> Result<> {
        inspect::LsmProfile& profile = facts.profiles->emplace_back();
        TRY_ASSIGN(profile.pid, number_of<std::uint32_t>(one, "pid"));
        TRY_ASSIGN(profile.text, text_of(one, "text"));
        return {};
    }));
    facts.dumped.file_locks = json::is_true(value, "file_locks");
    return facts;
}

} // namespace lpm::service
