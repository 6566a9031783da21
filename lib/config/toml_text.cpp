// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/toml_text.hpp"

#include <algorithm>

#include "base/format.hpp"
#include "config/crio_file.hpp"

namespace lpm::config {

static bool is_plain(char c) {
    return static_cast<unsigned char>(c) < 0x80;
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, is_plain);
}

bool is_repeatable(std::string_view text, bool ascii) {
    return is_ascii(text) && (ascii || !text.contains(not_ascii));
}

std::string quote_toml(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text)
        if (c == '"' || c == '\\')
            quoted.append("\\").append(1, c);
        else if (c >= ' ' && c <= '~')
            quoted += c;
        else
            quoted += lpm::format("\\u{:04X}", static_cast<unsigned char>(c));
    return quoted + "\"";
}

static std::string key_text(std::string_view key) {
    const bool bare = !key.empty() && std::ranges::all_of(key, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_';
    });
    return bare ? std::string(key) : quote_toml(key);
}

static std::optional<std::string> table_text(const toml::table& table, bool ascii, int depth) {
    std::string text;
    for (const auto& [name, node] : table) {
        const auto value = toml_text(node, ascii, depth);
        if (!value || !is_repeatable(name.str(), ascii))
            return std::nullopt;
        text += (text.empty() ? " " : ", ") + key_text(name.str()) + " = " + *value;
    }
    return "{" + text + (text.empty() ? "}" : " }");
}

static std::optional<std::string> list_text(const toml::array& list, bool ascii, int depth) {
    std::string text;
    for (const auto& node : list) {
        const auto value = toml_text(node, ascii, depth);
        if (!value)
            return std::nullopt;
        text += (text.empty() ? "" : ", ") + *value;
    }
    return "[" + text + "]";
}

std::optional<std::string> toml_text(const toml::node& node, bool ascii, int depth) {
    constexpr int deepest = 8;
    if (depth > deepest)
        return std::nullopt;
    if (const auto* text = node.as_string())
        return is_repeatable(text->get(), ascii) ? std::optional(quote_toml(text->get())) : std::nullopt;
    if (const auto* number = node.as_integer())
        return std::to_string(number->get());
    if (const auto* flag = node.as_boolean())
        return flag->get() ? "true" : "false";
    if (const auto* list = node.as_array())
        return list_text(*list, ascii, depth + 1);
    if (const auto* table = node.as_table())
        return table_text(*table, ascii, depth + 1);
    return std::nullopt;
}

std::string write_crio_handler(std::string_view name, const std::vector<CrioKey>& keys) {
    std::string text = "[crio.runtime.runtimes." + key_text(name) + "]\n";
    for (const auto& [key, value] : keys)
        text.append(key_text(key)).append(" = ").append(value).append("\n");
    return text;
}

} // namespace lpm::config
