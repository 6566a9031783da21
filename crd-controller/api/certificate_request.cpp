// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "api/certificate_request.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "kube/base64.hpp"

namespace lpm::controller {

// As much as an object in etcd can have: what is too long is denied by the judge, and not left alone here.
static constexpr std::size_t most_texts = 4096;                      // of a list of texts that is read
static constexpr std::size_t longest_request = std::size_t{2} << 20; // bytes of base64

static Result<std::vector<std::string>> texts(const json::Value& object, std::string_view path) {
    std::vector<std::string> found;
    const json::Value* list = json::find_path(object, path);
    if (list == nullptr)
        return found;
    if (!list->is_array() || list->size() > most_texts)
        return fail(Errc::invalid, std::string(path) + " is no list, or has more than " +
                                       std::to_string(most_texts) + " texts");
    for (const json::Value& one : *list) {
        if (!one.is_string())
            return fail(Errc::invalid, std::string(path) + " has something else than texts in it");
        found.push_back(one.get_ref<const std::string&>());
    }
    return found;
}

static bool has_condition(const json::Value& object, std::string_view type) {
    const json::Value* list = json::find_path(object, "status.conditions");
    return list != nullptr && list->is_array() &&
           std::ranges::any_of(*list, [&](const json::Value& condition) {
               return json::text_or_empty(condition, "type") == type;
           });
}

// DNS-1123, as names of nodes are.
static bool is_node_name(std::string_view name) {
    if (name.empty() || name.size() > 253)
        return false;
    while (!name.empty()) {
        const bool goes_on = name.contains('.');
        const auto part = next_part(name, '.');
        const bool ends_well = !part.empty() && part.front() != '-' && part.back() != '-';
        if (!ends_well || (goes_on && name.empty()) || !std::ranges::all_of(part, [](char c) {
                return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
            }))
            return false;
    }
    return true;
}

std::string CertificateRequest::node() const {
    constexpr std::string_view prefix = "system:node:";
    std::string_view asker = user;
    if (!asker.starts_with(prefix) || !std::ranges::contains(groups, "system:nodes"))
        return {};
    asker.remove_prefix(prefix.size());
    return is_node_name(asker) ? std::string(asker) : std::string();
}

Result<CertificateRequest> read_certificate_request(const json::Value& object) {
    CertificateRequest read{.name = json::text_or_empty(object, "metadata.name"),
                            .signer = json::text_or_empty(object, "spec.signerName"),
                            .user = json::text_or_empty(object, "spec.username"),
                            .groups = {},
                            .usages = {},
                            .seconds = json::integer(object, "spec.expirationSeconds"),
                            .pem = {}};
    const std::string title = "certificatesigningrequest " + one_line(read.name, 253);
    const auto take = [&](std::vector<std::string>& to, std::string_view path) -> Result<> {
        auto found = texts(object, path);
        if (!found)
            return std::unexpected(std::move(found).error().in(title));
        to = *std::move(found);
        return {};
    };
    TRY(take(read.groups, "spec.groups"));
    TRY(take(read.usages, "spec.usages"));
    const std::string encoded = json::text_or_empty(object, "spec.request");
    auto pem = encoded.size() <= longest_request ? kube::from_base64(encoded) : std::nullopt;
    if (read.name.empty() || read.signer.empty() || !pem)
        return fail(Errc::invalid, title + ": it has no name, signer or request that can be read");
    read.pem = *std::move(pem);
    read.approved = has_condition(object, "Approved");
    read.ended = has_condition(object, "Denied") || has_condition(object, "Failed") ||
                 !json::text_or_empty(object, "status.certificate").empty();
    return read;
}

static json::Value& status_of(json::Value& object) {
    json::Value& status = object["status"];
    if (!status.is_object())
        status = json::Value::object();
    return status;
}

json::Value with_condition(json::Value object, std::string_view type, std::string_view reason,
                           std::string_view message) {
    json::Value& list = status_of(object)["conditions"];
    if (!list.is_array())
        list = json::Value::array();
    list.push_back({{"type", type}, {"status", "True"}, {"reason", reason}, {"message", message}});
    return object;
}

json::Value with_certificate(json::Value object, std::string_view pem) {
    status_of(object)["certificate"] = kube::base64(pem);
    return object;
}

} // namespace lpm::controller
