// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/controller.hpp"
#include "config/forms.hpp"
#include "config/hook.hpp"
#include "config/settings.hpp"
#include "config/sidecar.hpp"
#include "config/toml.hpp"

// The keys of our files of settings. For this folder only.
namespace lpm::config {

// One key, whose value goes into a member of S. From this row come its parser (read_key.hpp), what is said of
// a value that does not suit it, its line of the documentation and of the example file (document.cpp). What
// holds without the file is what the member is initialised with.
template <class S> struct Key {
    std::string_view table{};
    std::string_view name{};  // "*" stands for any
    std::string_view means{}; // for a person, in one line

    // Where the value goes: one of these.
    bool S::* flag = nullptr;
    std::uint32_t S::* number = nullptr;
    std::uint64_t S::* mebibytes = nullptr; // in bytes
    std::chrono::milliseconds S::* time = nullptr;
    std::string S::* text = nullptr;
    std::vector<std::string> S::* texts = nullptr;
    Tcp S::* tcp = nullptr;
    // Or what reads it; false when the value does not suit the key, which needs `expects` then.
    bool (*set)(S&, std::string_view name, const toml::node&) = nullptr;

    // What the value must be.
    std::int64_t least = 1; // of a number
    std::int64_t most = 0;  // of a number; of a list how many, 0: any number
    std::span<const std::string_view> words{};
    std::string_view yes{}; // the one of two words that makes a flag true
    Form form{};            // of a text, and of the texts of a list

    std::string_view expects{}; // "must be ...", where it does not follow from the above
    std::string_view example{}; // instead of the default in the example file; of "*" the whole line
};

// The rows of each file, in the order of the example files.
[[nodiscard]] std::span<const Key<Settings>> settings_keys();     // lpm.toml, but for the next two
[[nodiscard]] std::span<const Key<Options>> option_keys();        // [options]
[[nodiscard]] std::span<const Key<Retention>> retention_keys();   // [retention]
[[nodiscard]] std::span<const Key<LifecycleHook>> hook_keys();    // a file of /etc/lpm/checkpoint.d
[[nodiscard]] std::span<const Key<Controller>> controller_keys(); // controller.toml
[[nodiscard]] std::span<const Key<Sidecar>> sidecar_keys();       // sidecar.toml

// nullptr when there is no such key.
template <class S>
const Key<S>* find_key(std::span<const Key<S>> keys, std::string_view table, std::string_view name) {
    const auto key = std::ranges::find_if(
        keys, [&](const Key<S>& one) { return one.table == table && (one.name == name || one.name == "*"); });
    return key == keys.end() ? nullptr : &*key;
}

// "a", "b" or "c"
[[nodiscard]] std::string one_of(std::span<const std::string_view> words);

// "must be ..."
template <class S> std::string expected(const Key<S>& key) {
    if (!key.expects.empty())
        return std::string(key.expects);
    if (!key.words.empty())
        return one_of(key.words);
    if (!key.form.expects.empty())
        return std::string(key.form.expects);
    if (key.flag != nullptr)
        return "true or false";
    return "a whole number from " + std::to_string(key.least) + " to " + std::to_string(key.most);
}

// For static_assert: each row says one place for its value, and what the value must be.
template <class S> constexpr bool are_whole(std::span<const Key<S>> keys) {
    return std::ranges::all_of(keys, [](const Key<S>& key) {
        const bool number = key.number != nullptr || key.mebibytes != nullptr || key.time != nullptr;
        const int places = int(key.flag != nullptr) + int(key.number != nullptr) +
                           int(key.mebibytes != nullptr) + int(key.time != nullptr) +
                           int(key.text != nullptr) + int(key.texts != nullptr) + int(key.tcp != nullptr) +
                           int(key.set != nullptr);
        const bool said = !key.expects.empty() || !key.words.empty() || !key.form.expects.empty();
        return !key.name.empty() && !key.means.empty() && places == 1 &&
               (number ? key.least <= key.most : key.flag != nullptr || said) &&
               (key.flag == nullptr || key.words.empty() == key.yes.empty()) &&
               (key.tcp == nullptr || !key.words.empty());
    });
}

} // namespace lpm::config
