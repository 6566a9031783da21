// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// HTTPS as a client. http.cpp and http_pool.hpp are all that sees libcurl.
namespace lpm::kube {

// How a server is verified and what it is shown. It is always verified: by `ca`, or by one of `pins`.
struct Tls {
    std::string ca;                // PEM; empty: the authorities of the system
    std::string certificate;       // PEM, with its chain; empty: none is shown
    std::string key;               // PEM
    std::string server_name;       // instead of the URL's host: in SNI and in the server's certificate
    std::vector<std::string> pins; // "sha256//BASE64" of public keys: any of these, and no authority is asked
    bool operator==(const Tls&) const = default;
};

struct Request {
    std::string method = "GET";
    std::string url;
    std::string body{};
    std::string content_type{}; // of `body`
    std::string accept = "application/json";
    std::string bearer{}; // token
    std::string user{};   // "name:password", for servers that still know it
    std::string proxy{};  // empty: none
    Tls tls{};
    std::chrono::milliseconds timeout{30'000}; // for all of it; 0: none
    std::chrono::seconds silence{0};           // the peer is dead after so long without a byte; 0: never
    std::size_t limit = std::size_t{16} << 20; // bytes of the answer's body that are taken, at most
    // Never sent twice: libcurl sends a request again when a connection that it has kept turns out to be dead
    // (Curl_retry_request), also a POST that may have been acted on. No kept connection is used: of one that
    // turns out to be dead nobody could tell what became of the request.
    bool once = false;
    // Gets the body of an answer below 300 as it comes, instead of Response::body; an error ends the request.
    std::function<Result<>(std::string_view)> sink{};
    std::stop_token stop{}; // asked at least once a second
};

struct Response {
    long status = 0;
    std::string body;
    std::string content_type;
    std::optional<std::chrono::seconds> retry_after;
};

// Connections are kept between requests. May be used by many threads.
class Http {
  public:
    // `environment_proxy`: HTTPS_PROXY and NO_PROXY count for requests that name no proxy.
    explicit Http(std::string user_agent, bool environment_proxy = false);
    Http(const Http&) = delete;
    Http& operator=(const Http&) = delete;
    ~Http();

    // Errc::unavailable: the server was not reached, or the request is none: nothing was sent.
    // Errc::denied: its certificate is not trusted, nothing was sent.
    // Errc::io: the request was sent, or a part of it, and no whole answer came: nobody knows what became of
    // it. Errc::invalid: the answer is longer than `limit`. Others: as the
    // sink says.
    [[nodiscard]] Result<Response> send(const Request& request);

    // The certificate that a server shows, in PEM, with nothing verified and nothing sent. For messages only.
    [[nodiscard]] Result<std::string> certificate_of(const std::string& url);

  private:
    class Pool;
    std::unique_ptr<Pool> pool_;
};

} // namespace lpm::kube
