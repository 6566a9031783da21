// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/hook.hpp"

#include <algorithm>

#include "config/toml.hpp"

namespace lpm::config {

static constexpr std::size_t most_args = 64;

static bool set_text(std::string& to, const toml::node& node) {
    const auto* value = node.as_string();
    if (value == nullptr || value->get().find(not_ascii) != std::string::npos ||
        value->get().find('\0') != std::string::npos)
        return false;
    to = value->get();
    return true;
}

static bool set_path(LifecycleHook& hook, const toml::node& node) {
    return set_text(hook.path, node) && hook.path.starts_with('/');
}

static bool set_args(LifecycleHook& hook, const toml::node& node) {
    const auto* list = node.as_array();
    if (list == nullptr || list->size() > most_args)
        return false;
    return std::ranges::all_of(
        *list, [&](const toml::node& word) { return set_text(hook.args.emplace_back(), word); });
}

// One of two words, the second of which is true.
template <bool LifecycleHook::* member>
static bool set_choice(LifecycleHook& hook, const toml::node& node, std::string_view no,
                       std::string_view yes) {
    std::string word;
    if (!set_text(word, node) || (word != no && word != yes))
        return false;
    hook.*member = word == yes;
    return true;
}

static bool set_timeout(LifecycleHook& hook, const toml::node& node) {
    return read_number<60'000>(node, hook.timeout);
}

static bool set_match(LifecycleHook& hook, const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr)
        return false;
    return std::ranges::all_of(*table, [&](const auto& entry) {
        hook.match.emplace_back(entry.first.str(), "");
        return set_text(hook.match.back().second, entry.second);
    });
}

struct Key {
    std::string_view name;
    std::string_view expects;
    bool (*set)(LifecycleHook&, const toml::node&);
};
static constexpr Key keys[] = {
    {"path", "an absolute path in ASCII", set_path},
    {"args", "a list of at most 64 texts", set_args},
    {"when", R"("running" or "frozen")",
     [](LifecycleHook& hook, const toml::node& node) {
         return set_choice<&LifecycleHook::frozen>(hook, node, "running", "frozen");
     }},
    {"on_failure", R"("abort" or "warn")",
     [](LifecycleHook& hook, const toml::node& node) {
         return set_choice<&LifecycleHook::abort>(hook, node, "warn", "abort");
     }},
    {"timeout_ms", "a whole number from 1 to 60000", set_timeout},
    {"match", "a table of names and texts", set_match},
};

Result<LifecycleHook> parse_hook(std::string_view text, const std::string& file, std::string name) {
    const auto parsed = parse_toml(text, file);
    if (!parsed)
        return fail(Errc::invalid, place(file, parsed.error().source(), parsed.error().description()));
    LifecycleHook hook;
    hook.name = std::move(name);
    for (const auto& [key, node] : parsed.table()) {
        const auto* known = std::ranges::find(keys, key.str(), &Key::name);
        const std::string what(key.str());
        if (known == std::end(keys))
            return fail(Errc::invalid, place(file, key.source(), what + ": unknown key"));
        if (!known->set(hook, node))
            return fail(Errc::invalid,
                        place(file, node.source(), what + ": must be " + std::string(known->expects)));
    }
    if (hook.path.empty())
        return fail(Errc::invalid, file + ": path: missing");
    return hook;
}

static bool fits(std::string_view value, std::string_view pattern) {
    if (!pattern.ends_with('*'))
        return value == pattern;
    pattern.remove_suffix(1);
    return value.starts_with(pattern);
}

bool LifecycleHook::wants(const std::vector<std::pair<std::string, std::string>>& names) const {
    return std::ranges::all_of(match, [&](const auto& wanted) {
        return std::ranges::any_of(names, [&](const auto& has) {
            return has.first == wanted.first && fits(has.second, wanted.second);
        });
    });
}

} // namespace lpm::config
