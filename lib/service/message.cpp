// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service/message.hpp"

#include <climits>

#include "base/text.hpp"
#include "oci/argv.hpp"
#include "service/answer.hpp"
#include "service/told_images.hpp"
#include "json/json.hpp"

namespace lpm::service {

using json::Value;

static constexpr json::Limits request_limits{.bytes = max_request, .depth = 5, .values = 1000};
static constexpr std::size_t longest_name = 253; // of a DNS subdomain, as Kubernetes has names
static constexpr std::size_t most_options = 32;

namespace {

// Members of a request that are text, and where they go.
struct Text {
    std::string_view path;
    std::string& (*at)(Request&);
};
constexpr Text texts[] = {
    {"namespace", [](Request& r) -> std::string& { return r.target.name_space; }},
    {"pod", [](Request& r) -> std::string& { return r.target.pod; }},
    {"pod_uid", [](Request& r) -> std::string& { return r.target.pod_uid; }},
    {"name", [](Request& r) -> std::string& { return r.target.name; }},
    {"id", [](Request& r) -> std::string& { return r.target.id; }},
    {"attempt", [](Request& r) -> std::string& { return r.attempt; }},
    {"object.namespace", [](Request& r) -> std::string& { return r.object.name_space; }},
    {"object.name", [](Request& r) -> std::string& { return r.object.name; }},
    {"object.uid", [](Request& r) -> std::string& { return r.object.uid; }},
    {"file_id", [](Request& r) -> std::string& { return r.file_id; }},
};

} // namespace

static Result<> read_texts(const Value& root, Request& request) {
    for (const Text& text : texts) {
        const Value* value = json::find_path(root, text.path);
        if (value == nullptr)
            continue;
        if (!value->is_string() || value->get_ref<const std::string&>().size() > longest_name)
            return fail(Errc::invalid, std::string(text.path) + ": must be a text of at most " +
                                           std::to_string(longest_name) + " bytes");
        text.at(request) = value->get_ref<const std::string&>();
    }
    return {};
}

static Result<> read_options(const Value& root, Request& request) {
    const Value* options = json::find(root, "options");
    if (options == nullptr)
        return {};
    if (!options->is_object() || options->size() > most_options)
        return fail(Errc::invalid,
                    "options: must be an object of at most " + std::to_string(most_options) + " members");
    for (const auto& [name, value] : options->items()) {
        if (!value.is_string())
            return fail(Errc::invalid, "options." + one_line(name, 100) + ": must be a text");
        request.options.emplace_back(name, value.get_ref<const std::string&>());
    }
    return {};
}

static Result<> judge_target(const inspect::Target& target) {
    if (!target.id.empty() && !oci::valid_id(target.id.c_str()))
        return fail(Errc::invalid, "id: not an id of a container");
    const bool named = !target.name_space.empty() && !target.pod.empty() && !target.name.empty();
    if (!named && target.id.empty())
        return fail(Errc::invalid, "namespace, pod and name, or id: must say which container is meant");
    return {};
}

static Result<> read_preparation(const Value& root, Request& request) {
    constexpr std::uint64_t longest_ttl = 3600;
    if (!record::valid_attempt(request.attempt))
        return fail(Errc::invalid, "attempt: must be a uid: 1 to 64 letters, digits and -_.");
    if (json::find(root, "ttl_s") == nullptr)
        return {};
    const auto ttl = json::natural(root, "ttl_s");
    if (!ttl || *ttl == 0 || *ttl > longest_ttl)
        return fail(Errc::invalid,
                    "ttl_s: must be a number of seconds from 1 to " + std::to_string(longest_ttl));
    request.ttl = std::chrono::seconds(*ttl);
    return {};
}

static Result<> read_path(const Value& root, Request& request) {
    request.path = json::text_or_empty(root, "path");
    if (request.verb == Verb::list_archives)
        return {};
    if (!request.path.starts_with('/') || request.path.size() >= PATH_MAX || request.path.contains('\0'))
        return fail(Errc::invalid, "path: must be that of an archive, as it is listed");
    return {};
}

static Result<inspect::ImageFacts> read_told(const Value& root) {
    const Value* images = json::find(root, "images");
    return images == nullptr ? fail(Errc::invalid, "images: must be there") : read_images(*images);
}

static std::string list_of_verbs() {
    std::string list;
    for (const auto verb : verbs)
        list.append(list.empty() ? "" : ", ").append(verb);
    return list;
}

Result<Request> parse_request(std::string_view text) {
    TRY_ASSIGN(const Value root, json::parse(text, request_limits));
    if (!root.is_object())
        return fail(Errc::invalid, "a request must be an object");
    const auto verb = find_value<Verb>(json::text_or_empty(root, "verb"));
    if (!verb)
        return fail(Errc::invalid, "verb: must be one of " + list_of_verbs());
    Request request;
    request.verb = *verb;
    TRY(read_texts(root, request));
    if (is_of_archives(*verb)) {
        TRY(read_path(root, request));
        return request;
    }
    if (*verb == Verb::judge_restore) {
        TRY_ASSIGN(request.images, read_told(root));
        return request;
    }
    TRY(judge_target(request.target));
    TRY(read_options(root, request));
    if (request.verb == Verb::prepare)
        TRY(read_preparation(root, request));
    return request;
}

std::string write_request(const Request& request) {
    Value root{{"verb", name_of(request.verb)}};
    Request copy = request;
    for (const Text& text : texts) {
        const std::string& value = text.at(copy);
        if (value.empty())
            continue;
        const auto dot = text.path.find('.');
        if (dot == std::string_view::npos)
            root[std::string(text.path)] = value;
        else
            root[std::string(text.path.substr(0, dot))][std::string(text.path.substr(dot + 1))] = value;
    }
    if (!request.path.empty())
        root["path"] = request.path;
    for (const auto& [name, value] : request.options)
        root["options"][name] = value;
    if (request.verb == Verb::prepare)
        root["ttl_s"] = request.ttl.count();
    if (request.verb == Verb::judge_restore)
        root["images"] = write_images(request.images);
    return json::write(root);
}

std::string write_answer(const Result<record::Record>& judged) {
    return judged ? "{\"record\":" + record::write_record(*judged) + "}" : write_error(judged.error());
}

Result<record::Record> parse_answer(std::string_view text) {
    TRY_ASSIGN(const Value root, parse_object(text));
    const Value* record = json::find(root, "record");
    if (record == nullptr)
        return fail(Errc::io, "lpm-gate's answer has no record");
    return record::parse_record(json::write(*record));
}

} // namespace lpm::service
