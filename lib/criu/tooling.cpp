// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/tooling.hpp"

#include <algorithm>
#include <fcntl.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "json/json.hpp"

namespace lpm::criu {

static constexpr std::size_t max_bytes = std::size_t{256} << 10;

static oci::RuntimeKind kind_of(std::string_view name) {
    for (const auto kind : {oci::RuntimeKind::runc, oci::RuntimeKind::crun})
        if (name == name_of(kind))
            return kind;
    return oci::RuntimeKind::unknown;
}

template <class Facts> static const Facts* with_key(const std::vector<Facts>& all, std::string_view key) {
    if (key.empty())
        return nullptr;
    for (const auto& facts : all)
        if (facts.key == key)
            return &facts;
    return nullptr;
}

const oci::RuntimeFacts* Tooling::runtime(std::string_view key) const {
    return with_key(runtimes, key);
}
const CriuFacts* Tooling::criu(std::string_view key) const {
    return with_key(crius, key);
}

std::optional<bool> CriuFacts::has(std::string_view feature) const {
    if (!missing)
        return std::nullopt;
    return std::ranges::find(*missing, feature) == missing->end();
}

bool CriuFacts::complete() const {
    const bool dumps = dump_failure && dump_failure->empty();
    return version != 0 && check_failure && missing &&
           (dumps ? network_lock && crashes_on_lock : !!dump_failure);
}

template <class T> static void fill(std::optional<T>& to, const std::optional<T>& from) {
    if (!to)
        to = from;
}

static void fill(CriuFacts& to, const CriuFacts& from) {
    if (to.version == 0)
        to.version = from.version;
    // Where no dump works there is nothing to be known of them.
    if (!to.dump_failure || to.dump_failure->empty()) {
        fill(to.network_lock, from.network_lock);
        fill(to.crashes_on_lock, from.crashes_on_lock);
    }
    fill(to.dump_failure, from.dump_failure);
    fill(to.check_failure, from.check_failure);
    fill(to.missing, from.missing);
    fill(to.selinux, from.selinux);
    fill(to.lock_failure, from.lock_failure);
}

template <class Facts>
static void keep(std::vector<Facts>& fresh, const std::vector<Facts>& before, const IsThere& is_there) {
    for (const Facts& facts : before)
        if (with_key(fresh, facts.key) == nullptr && is_there(facts.path, facts.key))
            fresh.push_back(facts);
}

Tooling merge(Tooling fresh, const Tooling& before, const IsThere& is_there) {
    for (CriuFacts& facts : fresh.crius)
        if (const auto* known = before.criu(facts.key))
            fill(facts, *known);
    keep(fresh.crius, before.crius, is_there);
    keep(fresh.runtimes, before.runtimes, is_there);
    return fresh;
}

static std::vector<std::string> read_texts(const json::Value& value, std::string_view key) {
    std::vector<std::string> texts;
    const auto* list = json::find(value, key);
    if (list != nullptr && list->is_array())
        for (const auto& text : *list)
            if (text.is_string())
                texts.push_back(text.get<std::string>());
    return texts;
}

static std::optional<std::string> read_text(const json::Value& value, std::string_view key) {
    const auto* text = json::find(value, key);
    return text != nullptr && text->is_string() ? std::optional(text->get<std::string>()) : std::nullopt;
}

static std::optional<bool> read_bool(const json::Value& value, std::string_view key) {
    const auto* truth = json::find(value, key);
    return truth != nullptr && truth->is_boolean() ? std::optional(truth->get<bool>()) : std::nullopt;
}

Result<Tooling> parse_tooling(std::string_view text) {
    TRY_ASSIGN(const json::Value value, json::parse(text, {.bytes = max_bytes}));
    Tooling tooling;
    tooling.boot_id = json::text_or_empty(value, "boot_id");
    if (const auto* runtimes = json::find(value, "runtimes"); runtimes != nullptr && runtimes->is_array())
        for (const auto& entry : *runtimes) {
            oci::RuntimeFacts facts;
            facts.path = json::text_or_empty(entry, "path");
            facts.key = json::text_or_empty(entry, "key");
            facts.kind = kind_of(json::text_or_empty(entry, "kind"));
            facts.version = json::text_or_empty(entry, "version");
            facts.criu = read_bool(entry, "criu");
            facts.missing_library = json::text_or_empty(entry, "missing_library");
            facts.checkpoint_flags = read_texts(entry, "checkpoint_flags");
            facts.restore_flags = read_texts(entry, "restore_flags");
            facts.ignores_cgroups = json::is_true(entry, "ignores_cgroups");
            tooling.runtimes.push_back(std::move(facts));
        }
    if (const auto* crius = json::find(value, "crius"); crius != nullptr && crius->is_array())
        for (const auto& entry : *crius) {
            CriuFacts facts;
            facts.path = json::text_or_empty(entry, "path");
            facts.key = json::text_or_empty(entry, "key");
            facts.version = static_cast<std::uint32_t>(json::natural(entry, "version").value_or(0));
            facts.network_lock = read_text(entry, "network_lock");
            facts.dump_failure = read_text(entry, "dump_failure");
            facts.check_failure = read_text(entry, "check_failure");
            if (json::find(entry, "missing") != nullptr)
                facts.missing = read_texts(entry, "missing");
            facts.selinux = read_bool(entry, "selinux");
            facts.crashes_on_lock = read_bool(entry, "crashes_on_lock");
            facts.lock_failure = read_text(entry, "lock_failure");
            tooling.crius.push_back(std::move(facts));
        }
    return tooling;
}

std::string write_tooling(const Tooling& tooling) {
    json::Value value{{"schema", 1}, {"boot_id", tooling.boot_id}};
    value["runtimes"] = json::Value::array();
    for (const auto& facts : tooling.runtimes) {
        json::Value entry{{"path", facts.path},
                          {"key", facts.key},
                          {"kind", name_of(facts.kind)},
                          {"version", facts.version},
                          {"checkpoint_flags", facts.checkpoint_flags},
                          {"restore_flags", facts.restore_flags},
                          {"ignores_cgroups", facts.ignores_cgroups}};
        if (facts.criu)
            entry["criu"] = *facts.criu;
        if (!facts.missing_library.empty())
            entry["missing_library"] = facts.missing_library;
        value["runtimes"].push_back(std::move(entry));
    }
    value["crius"] = json::Value::array();
    for (const auto& facts : tooling.crius) {
        json::Value entry{{"path", facts.path}, {"key", facts.key}, {"version", facts.version}};
        if (facts.network_lock)
            entry["network_lock"] = *facts.network_lock;
        if (facts.dump_failure)
            entry["dump_failure"] = *facts.dump_failure;
        if (facts.check_failure)
            entry["check_failure"] = *facts.check_failure;
        if (facts.missing)
            entry["missing"] = *facts.missing;
        if (facts.selinux)
            entry["selinux"] = *facts.selinux;
        if (facts.crashes_on_lock)
            entry["crashes_on_lock"] = *facts.crashes_on_lock;
        if (facts.lock_failure)
            entry["lock_failure"] = *facts.lock_failure;
        value["crius"].push_back(std::move(entry));
    }
    return json::write(value, 2) + "\n";
}

Tooling read_tooling(const std::string& file, std::string_view boot_id) {
    const auto text = read_file(AT_FDCWD, file, max_bytes);
    if (!text)
        return {};
    auto tooling = parse_tooling(*text);
    return tooling && tooling->boot_id == boot_id ? *std::move(tooling) : Tooling{};
}

std::uint32_t parse_criu_version(std::string_view output) {
    const auto at = output.find("Version: ");
    if (at == std::string_view::npos)
        return 0;
    auto rest = output.substr(at + 9);
    auto word = next_word(rest);
    std::uint32_t parts[3] = {};
    for (auto& part : parts) {
        const auto dot = word.find('.');
        const auto number = to_number<std::uint32_t>(word.substr(0, dot));
        if (!number || *number > 999)
            break;
        part = *number;
        word.remove_prefix(dot == std::string_view::npos ? word.size() : dot + 1);
    }
    return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

std::string version_text(std::uint32_t version) {
    std::string text = std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100);
    if (version % 100 != 0)
        text += "." + std::to_string(version % 100);
    return text;
}

} // namespace lpm::criu
