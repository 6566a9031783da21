// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "config/keys.hpp"

// How a value of a file gets into the settings. For this folder only.
namespace lpm::config {

template <class S> std::optional<std::int64_t> read_number(const Key<S>& key, const toml::node& node) {
    const auto* value = node.as_integer();
    if (value == nullptr || value->get() < key.least || value->get() > key.most)
        return std::nullopt;
    return value->get();
}

template <class S> const std::string* read_text(const Key<S>& key, const toml::node& node) {
    const auto* value = node.as_string();
    if (value == nullptr || (key.form.fits != nullptr && !key.form.fits(value->get())) ||
        (!key.words.empty() && !std::ranges::contains(key.words, std::string_view(value->get()))))
        return nullptr;
    return &value->get();
}

template <class S> bool read_texts(const Key<S>& key, const toml::node& node, std::vector<std::string>& to) {
    const auto* list = node.as_array();
    if (list == nullptr || (key.most > 0 && std::cmp_greater(list->size(), key.most)))
        return false;
    return std::ranges::all_of(*list, [&](const toml::node& entry) {
        const auto* text = read_text(key, entry);
        if (text != nullptr)
            to.push_back(*text);
        return text != nullptr;
    });
}

// Words of an enumeration are read by their place among them.
template <class S> bool read_word(S& to, const Key<S>& key, const toml::node& node) {
    const auto* word = read_text(key, node);
    if (word == nullptr)
        return false;
    if (key.flag != nullptr)
        to.*key.flag = *word == key.yes;
    else if (key.tcp != nullptr)
        to.*key.tcp = *find_value<Tcp>(*word);
    else
        to.*key.text = *word;
    return true;
}

// False when the value does not suit the key. `name` is what the file has where the key's is "*".
template <class S> bool read_key(S& to, const Key<S>& key, std::string_view name, const toml::node& node) {
    if (key.set != nullptr)
        return key.set(to, name, node);
    if (key.texts != nullptr)
        return read_texts(key, node, to.*key.texts);
    if (key.text != nullptr || !key.words.empty())
        return read_word(to, key, node);
    if (key.flag != nullptr) {
        const auto* value = node.as_boolean();
        if (value != nullptr)
            to.*key.flag = value->get();
        return value != nullptr;
    }
    const auto number = read_number(key, node);
    if (!number)
        return false;
    if (key.number != nullptr)
        to.*key.number = static_cast<std::uint32_t>(*number);
    else if (key.mebibytes != nullptr)
        to.*key.mebibytes = static_cast<std::uint64_t>(*number) << 20;
    else
        to.*key.time = std::chrono::milliseconds(*number);
    return true;
}

} // namespace lpm::config
