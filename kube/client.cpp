// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/client.hpp"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "base/random.hpp"
#include "base/text.hpp"
#include "json/splitter.hpp"

namespace lpm::kube {

// An object in etcd has 1.5 MiB at most by default; an event of a watch is an object and a few words.
static constexpr json::Limits object_limits{.bytes = std::size_t{8} << 20, .depth = 64, .values = 500'000};
static constexpr std::string_view page = "500";            // objects of a list at a time
static constexpr auto silence = std::chrono::seconds(150); // bookmarks come every minute
static constexpr auto most_wait = std::chrono::seconds(15);

// Half of an object is who has written which of its fields.
static Result<json::Value> parse_object(std::string_view text) {
    return json::parse(json::without(text, "managedFields"), object_limits);
}

static std::string escaped(std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            std::string_view("-._~").contains(c)) {
            out += c;
        } else {
            out += '%';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    return out;
}

std::string with_query(std::string path, std::string_view name, std::string_view value) {
    path += path.contains('?') ? '&' : '?';
    path += name;
    path += '=';
    return path + escaped(value);
}

Error error_of(const Response& response) {
    const auto status = json::parse(response.body, object_limits);
    const std::string reason = status ? json::text_or_empty(*status, "reason") : "";
    std::string said = status ? json::text_or_empty(*status, "message") : "";
    if (said.empty())
        said = response.body.empty() ? "no reason given" : response.body;
    Error error{Errc::invalid, 0, std::to_string(response.status) + ": " + one_line(said, 1000)};
    if (response.status == 401 || response.status == 403)
        error.code = Errc::denied;
    else if (response.status == 404 || response.status == 410)
        error.code = Errc::absent;
    else if (response.status == 409)
        error.code = reason == "AlreadyExists" ? Errc::exists : Errc::busy;
    else if (response.status == 429 || response.status >= 500 || response.status < 300)
        error.code = Errc::unavailable;
    return error;
}

Client::Client(Http& http, Credentials& credentials, std::function<void(std::string_view, long)> seen)
    : http_(http), credentials_(credentials), seen_(std::move(seen)) {}

Result<Response> Client::send(Request request, const std::string& path) {
    auto found = credentials_.access();
    if (!found) // nothing was sent
        return fail(Errc::unavailable, "credentials: " + found.error().text);
    Access access = *std::move(found);
    request.url = access.server + path;
    request.tls = std::move(access.tls);
    request.bearer = std::move(access.bearer);
    request.user = std::move(access.user);
    request.proxy = std::move(access.proxy);
    auto response = http_.send(request);
    if (seen_)
        seen_(request.method, response ? response->status : 0);
    if (response && response->status == 401)
        credentials_.expire();
    return response;
}

// Only what the server says can be tried again is (client-go's with_retry.go), and a 401 once: a token may
// have been renewed just now.
Result<Response> Client::patiently(const Request& request, const std::string& path) {
    bool unauthorized = false;
    for (int tries = 1;; ++tries) {
        auto response = send(request, path);
        if (!response || tries >= tries_)
            return response;
        if (response->status == 401 && !unauthorized) {
            unauthorized = true;
            continue;
        }
        if ((response->status != 429 && response->status < 500) || !response->retry_after)
            return response;
        std::this_thread::sleep_for(std::min<std::chrono::seconds>(*response->retry_after, most_wait));
    }
}

// It was said that it worked, so nobody may think that it did not; nor that it did, whoever said so.
static std::unexpected<Error> no_object(const Request& request, const std::string& path,
                                        const Response& response) {
    return fail(Errc::io, "the answer to " + request.method + " " + path +
                              " is no object: " + one_line(response.body, 100));
}

Result<Response> Client::succeed(Request& request, const std::string& path) {
    request.timeout = timeout_;
    TRY_ASSIGN(Response response, patiently(request, path));
    if (response.status >= 300)
        return std::unexpected(error_of(response));
    return response;
}

Result<json::Value> Client::object_of(Request request, const std::string& path) {
    TRY_ASSIGN(const Response response, succeed(request, path));
    auto value = parse_object(response.body);
    if (!value || !value->is_object())
        return no_object(request, path, response);
    return value;
}

Result<> Client::only_sent(Request request, const std::string& path) {
    TRY_ASSIGN(const Response response, succeed(request, path));
    const std::string_view body = trim(response.body);
    if (!body.starts_with('{') || !body.ends_with('}'))
        return no_object(request, path, response);
    return {};
}

Result<json::Value> Client::get(const std::string& path) {
    return object_of({}, path);
}

static Request with_body(std::string_view method, const json::Value& body, std::string_view type) {
    Request request;
    request.method = method;
    request.body = json::write(body);
    request.content_type = type;
    return request;
}

Result<> Client::create(const std::string& path, const json::Value& object) {
    return only_sent(with_body("POST", object, "application/json"), path);
}

Result<json::Value> Client::create_and_read(const std::string& path, const json::Value& object) {
    return object_of(with_body("POST", object, "application/json"), path);
}

Result<json::Value> Client::replace(const std::string& path, const json::Value& object) {
    return object_of(with_body("PUT", object, "application/json"), path);
}

static Request merge_patch(const json::Value& change) {
    return with_body("PATCH", change, "application/merge-patch+json");
}

Result<> Client::patch(const std::string& path, const json::Value& change) {
    return only_sent(merge_patch(change), with_query(path, "fieldValidation", "Strict"));
}

Result<json::Value> Client::patch_and_read(const std::string& path, const json::Value& change) {
    return object_of(merge_patch(change), with_query(path, "fieldValidation", "Strict"));
}

Result<> Client::remove(const std::string& path, std::string_view uid) {
    json::Value options = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
    if (!uid.empty())
        options["preconditions"]["uid"] = uid;
    return only_sent(with_body("DELETE", options, "application/json"), path);
}

static std::string accepted(Client::Depth depth, std::string_view kind) {
    static constexpr std::string_view json = "application/json";
    return std::string(json) +
           (depth == Client::Depth::whole ? "" : ";as=" + std::string(kind) + ";g=meta.k8s.io;v=v1");
}

Result<std::string> Client::list(const std::string& path, const Each& each, const std::stop_token& stop,
                                 Depth depth) {
    std::string version;
    std::string next;
    do {
        json::Value around;
        bool outside = false;
        json::Splitter splitter(json::Splitter::Into::items, object_limits.bytes,
                                [&](std::string_view text) -> Result<> {
                                    TRY_ASSIGN(auto value, parse_object(text));
                                    if (value.contains("items")) { // of the list itself, which comes last
                                        around = std::move(value);
                                        outside = true;
                                    } else {
                                        each(std::move(value));
                                    }
                                    return {};
                                });
        Request request;
        request.accept = accepted(depth, "PartialObjectMetadataList");
        request.timeout = std::chrono::minutes(5);
        request.silence = std::chrono::seconds(60);
        request.stop = stop;
        request.sink = [&](std::string_view bytes) { return splitter.push(bytes); };
        std::string whole = with_query(path, "limit", page);
        if (!next.empty())
            whole = with_query(whole, "continue", next);
        TRY_ASSIGN(const Response response, patiently(request, whole));
        if (response.status >= 300)
            return std::unexpected(error_of(response));
        TRY(splitter.finish());
        if (!outside)
            return fail(Errc::invalid, "the answer to GET " + path + " is no list");
        version = json::text_or_empty(around, "metadata.resourceVersion");
        next = json::text_or_empty(around, "metadata.continue");
    } while (!next.empty());
    return version;
}

// One event of a watch.
static Result<> on_event(std::string_view text, std::string& version, const Client::Changed& changed) {
    TRY_ASSIGN(auto event, parse_object(text));
    const std::string type = json::text_or_empty(event, "type");
    const json::Value* object = json::find(event, "object");
    if (object == nullptr || !object->is_object())
        return fail(Errc::invalid, "an event of a watch has no object");
    if (type == "ERROR") {
        const auto code = json::integer(*object, "code").value_or(0);
        return fail(code == 410 ? Errc::absent : Errc::unavailable,
                    "watch: " + one_line(json::text_or_empty(*object, "message")));
    }
    if (std::string now = json::text_or_empty(*object, "metadata.resourceVersion"); !now.empty())
        version = std::move(now);
    if (type == "ADDED" || type == "MODIFIED")
        changed(Client::Change::set, std::move(event["object"]));
    else if (type == "DELETED")
        changed(Client::Change::removed, std::move(event["object"]));
    return {}; // BOOKMARK, or what a later release may say
}

Result<> Client::watch(const std::string& path, std::string& version, const Changed& changed,
                       std::stop_token stop, Depth depth) {
    static thread_local std::mt19937 random{random_bytes<std::uint32_t>()};
    const auto seconds = std::uniform_int_distribution<>(300, 600)(random); // not all clients at once
    json::Splitter splitter(json::Splitter::Into::documents, object_limits.bytes,
                            [&](std::string_view text) { return on_event(text, version, changed); });
    std::string whole = with_query(with_query(path, "watch", "1"), "resourceVersion", version);
    whole = with_query(with_query(whole, "allowWatchBookmarks", "true"), "timeoutSeconds",
                       std::to_string(seconds));
    Request request;
    request.accept = accepted(depth, "PartialObjectMetadata");
    request.timeout = std::chrono::milliseconds(0);
    request.silence = silence;
    request.stop = std::move(stop);
    request.sink = [&](std::string_view bytes) { return splitter.push(bytes); };
    TRY_ASSIGN(const Response response, send(std::move(request), whole));
    if (response.status >= 300)
        return std::unexpected(error_of(response));
    return splitter.finish();
}

} // namespace lpm::kube
