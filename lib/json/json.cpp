// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "json/json.hpp"

#include "base/file.hpp"

namespace lpm::json {

// Nesting and number of values are bounded before the parser builds anything.
static Result<> within(std::string_view text, const Limits& limits) {
    if (text.size() > limits.bytes)
        return fail(Errc::invalid, "json: longer than " + std::to_string(limits.bytes) + " bytes");
    std::size_t depth = 0;
    std::size_t values = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            ++values;
            if (++depth > limits.depth)
                return fail(Errc::invalid, "json: nested deeper than " + std::to_string(limits.depth));
        } else if (c == '}' || c == ']') {
            depth -= depth > 0 ? 1 : 0;
        } else if (c == ',') {
            ++values;
        }
    }
    if (values > limits.values)
        return fail(Errc::invalid, "json: more than " + std::to_string(limits.values) + " values");
    return {};
}

Result<Value> parse(std::string_view text, const Limits& limits) {
    TRY(within(text, limits));
    Value value = Value::parse(text, nullptr, /*allow_exceptions=*/false);
    if (value.is_discarded())
        return fail(Errc::invalid, "json: not a valid document");
    return value;
}

Result<Value> read(int dir, const std::string& path, const Limits& limits) {
    TRY_ASSIGN(const std::string text, read_file(dir, path, limits.bytes));
    auto value = parse(text, limits);
    if (!value)
        return std::unexpected(std::move(value).error().in(path));
    return value;
}

std::string write(const Value& value, int indent) {
    return value.dump(indent, ' ', false, Value::error_handler_t::replace);
}

const Value* find(const Value& value, std::string_view key) {
    if (!value.is_object())
        return nullptr;
    const auto it = value.find(key);
    return it == value.end() ? nullptr : &*it;
}

const Value* find_path(const Value& value, std::string_view path) {
    const Value* at = &value;
    while (at != nullptr && !path.empty()) {
        const auto dot = path.find('.');
        at = find(*at, path.substr(0, dot));
        path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
    }
    return at;
}

const Value& list_at(const Value& value, std::string_view path) {
    static const Value none = Value::array();
    const Value* at = find_path(value, path);
    return at != nullptr && at->is_array() ? *at : none;
}

static std::string text_of(const Value* value) {
    return value != nullptr && value->is_string() ? value->get_ref<const std::string&>() : std::string();
}

std::string member_text(const Value& value, std::string_view key) {
    return text_of(find(value, key));
}

std::string text_or_empty(const Value& value, std::string_view path) {
    return text_of(find_path(value, path));
}

std::optional<std::int64_t> integer(const Value& value, std::string_view path) {
    const Value* at = find_path(value, path);
    if (at == nullptr || !at->is_number_integer())
        return std::nullopt;
    if (at->is_number_unsigned() && at->get<std::uint64_t>() > INT64_MAX)
        return std::nullopt;
    return at->get<std::int64_t>();
}

std::optional<std::uint64_t> natural(const Value& value, std::string_view path) {
    const Value* at = find_path(value, path);
    if (at == nullptr || !at->is_number_unsigned())
        return std::nullopt;
    return at->get<std::uint64_t>();
}

bool is_true(const Value& value, std::string_view path) {
    const Value* at = find_path(value, path);
    return at != nullptr && at->is_boolean() && at->get<bool>();
}

} // namespace lpm::json
