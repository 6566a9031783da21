// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/hook.hpp"

#include <algorithm>

#include "config/read_key.hpp"

namespace lpm::config {

static bool set_match(LifecycleHook& hook, std::string_view, const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr)
        return false;
    return std::ranges::all_of(*table, [&](const auto& entry) {
        const auto* text = entry.second.as_string();
        if (text == nullptr || !is_word(text->get()))
            return false;
        hook.match.emplace_back(entry.first.str(), text->get());
        return true;
    });
}

static constexpr std::string_view times[] = {"running", "frozen"};
static constexpr std::string_view consequences[] = {"abort", "warn"};

static constexpr Key<LifecycleHook> keys[] = {
    {.name = "path",
     .means = "the program; the only key that must be there",
     .text = &LifecycleHook::path,
     .form = forms::path},
    {.name = "args",
     .means = "its arguments",
     .texts = &LifecycleHook::args,
     .most = 64,
     .form = forms::word,
     .expects = "a list of at most 64 texts"},
    {.name = "when",
     .means = "`running`: it needs a container that answers; `frozen`: it does not",
     .flag = &LifecycleHook::frozen,
     .words = times,
     .yes = "frozen"},
    {.name = "on_failure",
     .means = "`abort`: the operation is refused; `warn`: it goes on",
     .flag = &LifecycleHook::abort,
     .words = consequences,
     .yes = "abort"},
    {.name = "timeout_ms", .means = "then it is killed", .time = &LifecycleHook::timeout, .most = 60'000},
    {.name = "match",
     .means = "names of the container and what they must be; \"*\" at the end stands for anything",
     .set = set_match,
     .expects = "a table of names and texts",
     .example = "{}"},
};
static_assert(are_whole<LifecycleHook>(keys));

std::span<const Key<LifecycleHook>> hook_keys() {
    return keys;
}

Result<LifecycleHook> parse_hook(std::string_view text, const std::string& file, std::string name) {
    const auto parsed = parse_toml(text, file);
    if (!parsed)
        return fail(Errc::invalid, place(file, parsed.error().source(), parsed.error().description()));
    LifecycleHook hook;
    hook.name = std::move(name);
    for (const auto& [key, node] : parsed.table()) {
        const auto* known = find_key(hook_keys(), "", key.str());
        const std::string what(key.str());
        if (known == nullptr)
            return fail(Errc::invalid, place(file, key.source(), what + ": unknown key"));
        if (!read_key(hook, *known, key.str(), node))
            return fail(Errc::invalid, place(file, node.source(), what + ": must be " + expected(*known)));
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
