// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "kube/credentials.hpp"
#include "kube/http.hpp"
#include "json/json.hpp"

// An API server's objects. Paths are those of its REST interface: "/api/v1/namespaces/x/pods/y".
//
// Errors of all calls: Errc::absent 404, exists 409 AlreadyExists, busy 409 Conflict, denied 401 and 403,
// invalid other 4xx, unavailable 429, 5xx and a server that is not reached, io when the connection broke.
// Their text is the server's message. 429 and 5xx that name a time are tried again, three times and for half
// a minute at most.
namespace lpm::kube {

class Client {
  public:
    // Both must outlive it. `seen`: is told of every answer (method, status; 0: none came), for metrics.
    Client(Http& http, Credentials& credentials,
           std::function<void(std::string_view method, long status)> seen = {});

    // For who has a deadline: each request has so long, and is tried once. Not while others use this client.
    void hurry(std::chrono::milliseconds timeout) {
        timeout_ = timeout;
        tries_ = 1;
    }

    [[nodiscard]] Result<json::Value> get(const std::string& path);
    [[nodiscard]] Result<> create(const std::string& path, const json::Value& object);
    // Whose answer is wanted: the object as it is now, or what the server says to a TokenRequest.
    [[nodiscard]] Result<json::Value> create_and_read(const std::string& path, const json::Value& object);
    [[nodiscard]] Result<json::Value> replace(const std::string& path, const json::Value& object);
    // application/merge-patch+json; a member that the kind does not have is an error
    // (fieldValidation=Strict).
    [[nodiscard]] Result<> patch(const std::string& path, const json::Value& change);
    [[nodiscard]] Result<json::Value> patch_and_read(const std::string& path, const json::Value& change);
    // Only the object of that uid, when one is given.
    [[nodiscard]] Result<> remove(const std::string& path, std::string_view uid = {});

    // What is sent of each object of a list or a watch. Changes of the rest are told all the same.
    enum class Depth { whole, metadata };
    // The whole list of a kind, each object given to `each` as it comes and not kept; the list's
    // resourceVersion.
    using Each = std::function<void(json::Value object)>;
    [[nodiscard]] Result<std::string> list(const std::string& path, const Each& each,
                                           const std::stop_token& stop, Depth depth = Depth::whole);

    // Changes after `version`, which goes along, until the server ends the stream, some minutes at most.
    // Errc::absent: that version is too old, list again.
    enum class Change { set, removed };
    using Changed = std::function<void(Change, json::Value object)>;
    [[nodiscard]] Result<> watch(const std::string& path, std::string& version, const Changed& changed,
                                 std::stop_token stop, Depth depth = Depth::whole);

    // One request as it is, its answer whatever the status; with our credentials. Tried once.
    [[nodiscard]] Result<Response> send(Request request, const std::string& path);

  private:
    [[nodiscard]] Result<Response> patiently(const Request& request, const std::string& path);
    [[nodiscard]] Result<Response> succeed(Request& request, const std::string& path);
    [[nodiscard]] Result<json::Value> object_of(Request request, const std::string& path);
    // The answer is an object as far as its first and last byte tell.
    [[nodiscard]] Result<> only_sent(Request request, const std::string& path);

    Http& http_;
    Credentials& credentials_;
    std::function<void(std::string_view, long)> seen_;
    std::chrono::milliseconds timeout_{30'000};
    int tries_ = 3;
};

// The error that an answer of 300 and above is.
[[nodiscard]] Error error_of(const Response& response);

// "?a=b" and "&c=d": `path` with one more parameter, escaped.
[[nodiscard]] std::string with_query(std::string path, std::string_view name, std::string_view value);

} // namespace lpm::kube
