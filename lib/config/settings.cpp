// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/settings.hpp"

#include <algorithm>
#include <fcntl.h>

#include "base/file.hpp"
#include "config/toml.hpp"

namespace lpm::config {

static constexpr std::size_t max_bytes = std::size_t{1} << 20;

std::optional<Severity> Settings::severity_of(std::string_view check) const {
    for (const auto& [id, severity] : severities)
        if (id == check)
            return severity;
    return std::nullopt;
}

static bool lists(const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::any_of(names, [&](const std::string& one) { return one == "*" || one == name; });
}

bool Settings::may_skip(std::string_view check) const {
    return lists(skippable, check);
}

bool Settings::may_set(std::string_view option) const {
    return lists(settable, option);
}

// One key: where it is, and how its value gets into the settings; false = not a value for this key.
struct Key {
    std::string_view table;
    std::string_view name;
    std::string_view expects;
    bool (*set)(Settings&, const toml::node&);
};

template <auto member, std::int64_t most> static bool set_number(Settings& settings, const toml::node& node) {
    return read_number<most>(node, settings.*member);
}

template <auto member, std::int64_t most, std::int64_t unit = 1>
static bool set_retention(Settings& settings, const toml::node& node) {
    return read_number<most, unit>(node, settings.retention.*member);
}

static bool set_kubelet_dir(Settings& settings, const toml::node& node) {
    const auto* value = node.as_string();
    if (value == nullptr || !value->get().starts_with('/') ||
        value->get().find(not_ascii) != std::string::npos)
        return false;
    settings.kubelet_dir = value->get();
    return true;
}

template <std::vector<std::string> Settings::* names>
static bool set_names(Settings& settings, const toml::node& node) {
    const auto* list = node.as_array();
    if (list == nullptr)
        return false;
    for (const auto& entry : *list) {
        const auto* name = entry.as_string();
        if (name == nullptr)
            return false;
        (settings.*names).push_back(name->get());
    }
    return true;
}

static void read_option(Settings& settings, const std::string& file, const toml::key& key,
                        const toml::node& node) {
    std::string value;
    if (const auto* text = node.as_string())
        value = text->get();
    else if (const auto* truth = node.as_boolean())
        value = truth->get() ? "true" : "false";
    if (!settings.options.set(key.str(), value))
        settings.problems.push_back(place(file, key.source(),
                                          "options." + std::string(key.str()) +
                                              ": there is no such option, or it has no such value; ignored"));
}

static constexpr Key keys[] = {
    {"gate", "deadline_ms", "a whole number from 1 to 10000", set_number<&Settings::deadline, 10'000>},
    {"hooks", "total_ms", "a whole number from 1 to 20000", set_number<&Settings::hook_time, 20'000>},
    {"gate", "kubelet_dir", "an absolute path in ASCII", set_kubelet_dir},
    {"retention", "max_records", "a whole number from 1 to 1000000",
     set_retention<&Retention::max_records, 1'000'000>},
    {"retention", "max_days", "a whole number from 1 to 36500", set_retention<&Retention::max_days, 36'500>},
    {"retention", "max_log_mib", "a whole number from 1 to 1048576",
     set_retention<&Retention::max_log_bytes, 1'048'576, 1 << 20>},
    {"retention", "max_journal_mib", "a whole number from 1 to 1024",
     set_retention<&Retention::max_journal_bytes, 1024, 1 << 20>},
    {"annotations", "skip_checks", R"(a list of ids of checks, or ["*"])", set_names<&Settings::skippable>},
    {"annotations", "options", R"(a list of names of [options], or ["*"])", set_names<&Settings::settable>},
};

static void read_check(Settings& settings, const std::string& file, const toml::key& key,
                       const toml::node& node) {
    const auto* value = node.as_string();
    if (const auto severity = value == nullptr ? std::nullopt : find_value<Severity>(value->get())) {
        settings.severities.emplace_back(std::string(key.str()), *severity);
        return;
    }
    settings.problems.push_back(
        place(file, node.source(),
              "checks." + std::string(key.str()) + R"(: must be "block", "warn" or "off"; ignored)"));
}

static void read_key(Settings& settings, const std::string& file, std::string_view table,
                     const toml::key& key, const toml::node& node) {
    const std::string full = std::string(table) + "." + std::string(key.str());
    for (const Key& known : keys) {
        if (known.table != table || known.name != key.str())
            continue;
        if (!known.set(settings, node))
            settings.problems.push_back(
                place(file, node.source(), full + ": must be " + std::string(known.expects) + "; ignored"));
        return;
    }
    settings.problems.push_back(place(file, key.source(), full + ": unknown key; ignored"));
}

Settings parse(std::string_view text, const std::string& file) {
    Settings settings;
    const auto parsed = parse_toml(text, file);
    if (!parsed) {
        settings.problems.push_back(place(file, parsed.error().source(),
                                          std::string(parsed.error().description()) +
                                              "; the whole file is ignored, defaults are in force"));
        return settings;
    }
    for (const auto& [name, node] : parsed.table()) {
        const auto* table = node.as_table();
        if (table == nullptr) {
            settings.problems.push_back(
                place(file, name.source(), std::string(name.str()) + ": unknown key; ignored"));
            continue;
        }
        for (const auto& [key, value] : *table) {
            if (name.str() == "checks")
                read_check(settings, file, key, value);
            else if (name.str() == "options")
                read_option(settings, file, key, value);
            else
                read_key(settings, file, name.str(), key, value);
        }
    }
    return settings;
}

Settings read(const std::string& file) {
    const auto text = read_file(AT_FDCWD, file, max_bytes);
    if (text)
        return parse(*text, file);
    Settings settings;
    if (text.error().sys != ENOENT)
        settings.problems.push_back(text.error().text + "; defaults are in force");
    return settings;
}

} // namespace lpm::config
