// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "schema.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "api/checkpoint.hpp"

namespace lpm::controller {

static bool has_field(const json::Value& status, std::string_view path) {
    const json::Value* at = &status;
    while (at != nullptr && !path.empty()) {
        if (json::is_true(*at, "x-kubernetes-preserve-unknown-fields"))
            return true;
        const auto dot = path.find('.');
        const json::Value* properties = json::find(*at, "properties");
        at = properties != nullptr ? json::find(*properties, path.substr(0, dot)) : nullptr;
        path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
    }
    return at != nullptr;
}

std::vector<std::string> missing_fields(const json::Value& crd) {
    std::vector<std::string> missing;
    const json::Value* versions = json::find_path(crd, "spec.versions");
    if (versions == nullptr || !versions->is_array())
        return missing;
    for (const json::Value& version : *versions) {
        const json::Value* status = json::find_path(version, "schema.openAPIV3Schema.properties.status");
        if (json::text_or_empty(version, "name") != "v1" || status == nullptr)
            continue;
        for (std::string& field : status_fields())
            if (!has_field(*status, field))
                missing.push_back(std::move(field));
    }
    return missing;
}

std::string names_of(const std::vector<std::string>& fields) {
    std::string names;
    for (const std::string& field : fields)
        names += (names.empty() ? "" : ", ") + field;
    return names;
}

void Schema::set(std::vector<std::string> missing) {
    const std::lock_guard lock(mutex_);
    missing_ = std::move(missing);
}

std::vector<std::string> Schema::missing() const {
    const std::lock_guard lock(mutex_);
    return missing_;
}

bool Schema::is_too_old() const {
    const std::lock_guard lock(mutex_);
    // The last two: an object would be tried without end, or without a pause.
    static constexpr std::string_view needed[] = {
        "phase",          "podUID",         "attempt",           "attempt.uid",
        "attempt.holder", "attempt.number", "attempt.notBefore", "startTime"};
    return std::ranges::any_of(missing_,
                               [](const std::string& field) { return std::ranges::contains(needed, field); });
}

} // namespace lpm::controller
