// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/http.hpp"

#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tls_server.hpp"

using namespace lpm;
using namespace std::chrono_literals;
using test::TlsServer;

static kube::Request request_to(const TlsServer& server, const std::string& method = "GET",
                                bool once = false) {
    kube::Request request;
    request.method = method;
    request.url = server.url();
    request.tls.ca = server.ca();
    request.timeout = 10s;
    request.once = once;
    return request;
}

// Answers the first request of the first connection only: every other one, there, finds it closed.
static std::optional<std::string> closes_after_one(int connection, int request) {
    if (connection == 1 && request > 1)
        return std::nullopt;
    return TlsServer::ok("fine");
}

TEST(Http, keeps_a_connection) {
    TlsServer server([](int, int) { return TlsServer::ok("fine"); });
    kube::Http http("test");
    for (int i = 0; i < 3; ++i) {
        const auto response = http.send(request_to(server, i == 1 ? "POST" : "GET"));
        ASSERT_TRUE(response) << response.error().text;
        EXPECT_EQ(response->status, 200);
        EXPECT_EQ(response->body, "fine");
    }
    EXPECT_EQ(server.connections(), 1);
}

// What libcurl does of its own accord: the reason for `once`.
TEST(Http, sends_again_what_a_kept_connection_has_not_answered) {
    TlsServer server(closes_after_one);
    kube::Http http("test");
    ASSERT_TRUE(http.send(request_to(server)));
    const auto response = http.send(request_to(server, "POST"));
    EXPECT_TRUE(response);
    EXPECT_EQ(server.requests(), 3);
    EXPECT_EQ(server.connections(), 2);
}

TEST(Http, opens_a_connection_for_what_is_to_be_sent_once) {
    TlsServer server(closes_after_one);
    kube::Http http("test");
    ASSERT_TRUE(http.send(request_to(server)));
    const auto response = http.send(request_to(server, "POST", true));
    ASSERT_TRUE(response) << response.error().text << ": the kept one has ended";
    EXPECT_EQ(server.connections(), 2);
    EXPECT_EQ(server.requests(), 2);
}

TEST(Http, sends_once_what_is_to_be_sent_once) {
    TlsServer server([](int connection, int) {
        return connection == 1 ? std::nullopt : std::optional(TlsServer::ok("fine"));
    });
    kube::Http http("test");
    const auto response = http.send(request_to(server, "POST", true));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::io) << "it was sent: nobody knows what became of it";
    EXPECT_EQ(server.requests(), 1);
    const auto next = http.send(request_to(server, "POST", true));
    ASSERT_TRUE(next) << next.error().text;
    EXPECT_EQ(server.requests(), 2);
}

TEST(Http, sends_nothing_to_who_is_not_trusted) {
    TlsServer server([](int, int) { return TlsServer::ok("fine"); });
    const TlsServer other([](int, int) { return TlsServer::ok("other"); });
    kube::Http http("test");
    kube::Request request = request_to(server);
    request.tls.ca = other.ca();
    const auto response = http.send(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::denied);
    EXPECT_EQ(server.requests(), 0);
}

TEST(Http, sends_nothing_to_who_is_not_there) {
    std::string url;
    std::string ca;
    {
        const TlsServer server([](int, int) { return TlsServer::ok("fine"); });
        url = server.url();
        ca = server.ca();
    }
    kube::Http http("test");
    kube::Request request;
    request.url = url;
    request.tls.ca = ca;
    const auto response = http.send(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::unavailable) << response.error().text;
}

TEST(Http, takes_no_longer_answer_than_it_is_told) {
    TlsServer server([](int, int) { return TlsServer::ok(std::string(1000, 'x')); });
    kube::Http http("test");
    kube::Request request = request_to(server);
    request.limit = 999;
    const auto longer = http.send(request);
    ASSERT_FALSE(longer);
    EXPECT_EQ(longer.error().code, Errc::invalid);
    request.limit = 1000;
    EXPECT_TRUE(http.send(request));
}

static std::string half(std::string_view header = {}) {
    return "HTTP/1.1 200 OK\r\n" + std::string(header) + "Content-Length: 5000\r\n\r\nhalf of it";
}

TEST(Http, an_answer_that_breaks_off_is_none) {
    TlsServer server([](int, int) { return half(TlsServer::then_close); });
    kube::Http http("test");
    const auto response = http.send(request_to(server, "POST", true));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::io);
    EXPECT_EQ(server.requests(), 1);
}

TEST(Http, an_answer_that_takes_too_long_is_none) {
    TlsServer server([](int, int) { return half(); });
    kube::Http http("test");
    kube::Request request = request_to(server, "POST", true);
    request.timeout = 1s;
    const auto response = http.send(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::io);
}

// The server has ended with the request, and another stands there.
TEST(Http, what_was_sent_is_unknown_whoever_is_there_now) {
    TlsServer* there = nullptr;
    TlsServer server([&](int, int) {
        there->change_certificate();
        return std::optional<std::string>();
    });
    there = &server;
    kube::Http http("test");
    const auto response = http.send(request_to(server, "POST", true));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::io) << response.error().text;
    EXPECT_EQ(server.requests(), 1);
}

TEST(Http, says_after_how_long_to_ask_again) {
    TlsServer server(
        [](int, int) { return "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"; });
    kube::Http http("test");
    const auto response = http.send(request_to(server));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 429);
    EXPECT_EQ(response->retry_after, 7s);
}

TEST(Http, a_watch_is_given_as_it_comes_and_ends_when_it_is_told) {
    TlsServer server(
        [](int, int) { return "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nthe first event\n"; });
    kube::Http http("test");
    std::stop_source stop;
    std::string got;
    kube::Request request = request_to(server);
    request.timeout = 0s;
    request.stop = stop.get_token();
    request.sink = [&](std::string_view bytes) -> Result<> {
        got += bytes;
        stop.request_stop();
        return {};
    };
    const auto response = http.send(request);
    ASSERT_FALSE(response);
    EXPECT_TRUE(response.error().text.contains("stopped")) << response.error().text;
    EXPECT_EQ(got, "the first event\n");
}

TEST(Http, a_peer_that_is_silent_is_dead) {
    TlsServer server(
        [](int, int) { return "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nthe first event\n"; });
    kube::Http http("test");
    kube::Request request = request_to(server);
    request.timeout = 0s;
    request.silence = 2s;
    request.sink = [](std::string_view) -> Result<> { return {}; };
    const auto began = std::chrono::steady_clock::now();
    const auto response = http.send(request);
    ASSERT_FALSE(response);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}
