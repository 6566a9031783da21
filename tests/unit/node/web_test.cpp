// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/web.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/fd.hpp"
#include "base/file.hpp"

using namespace lpm;
using node::Page;
using node::Web;

namespace {

// One that nobody listens on: it is bound, looked at and given back.
std::string free_port() {
    const Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(probe.get(), generic, size), 0);
    EXPECT_EQ(::getsockname(probe.get(), generic, &size), 0);
    return std::to_string(ntohs(address.sin_port));
}

Fd connected(int family, const std::string& port) {
    Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto number = htons(static_cast<std::uint16_t>(std::stoi(port)));
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = number;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = number;
    six.sin6_addr = in6addr_loopback;
    const bool is_four = family == AF_INET;
    const auto* to = is_four ? reinterpret_cast<sockaddr*>(&four) : reinterpret_cast<sockaddr*>(&six);
    if (::connect(fd.get(), to, is_four ? sizeof four : sizeof six) != 0)
        fd.reset();
    return fd;
}

bool has_ipv6() {
    const Fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 loopback{};
    loopback.sin6_family = AF_INET6;
    loopback.sin6_addr = in6addr_loopback;
    return probe && ::bind(probe.get(), reinterpret_cast<sockaddr*>(&loopback), sizeof loopback) == 0;
}

// The whole answer; empty when nobody answers.
std::string ask(const std::string& port, const std::string& request, int family = AF_INET) {
    const Fd fd = connected(family, port);
    std::string answer;
    if (!fd || !write_all(fd.get(), request))
        return answer;
    EXPECT_TRUE(read_until(fd.get(), Deadline(std::chrono::seconds(10)), 1 << 20, answer));
    return answer;
}

std::string request(const std::string& method, const std::string& path) {
    return method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

Web::Pages pages() {
    return {{"/healthz", [] { return Page{.body = "ok\n"}; }},
            {"/readyz", [] { return Page{.status = 503, .body = "not yet\n"}; }},
            {"/broken", []() -> Page { throw std::runtime_error("broken"); }},
            {"/metrics", [] { return Page{.body = "x 1\n", .content_type = "text/plain; version=0.0.4"}; }}};
}

} // namespace

TEST(Web, answers_get_and_head_of_its_pages_only) {
    const auto port = free_port();
    const auto web = Web::open("127.0.0.1:" + port, pages());
    ASSERT_TRUE(web) << web.error().text;
    struct Case {
        const char* method;
        const char* path;
        const char* start;
        const char* end;
    };
    for (const auto& [method, path, start, end] : {
             Case{"GET", "/healthz", "HTTP/1.1 200", "\r\n\r\nok\n"},
             Case{"GET", "/healthz?verbose=1", "HTTP/1.1 200", "\r\n\r\nok\n"},
             Case{"HEAD", "/healthz", "HTTP/1.1 200", "\r\n\r\n"},
             Case{"GET", "/readyz", "HTTP/1.1 503", "\r\n\r\nnot yet\n"},
             Case{"GET", "/metrics", "HTTP/1.1 200", "\r\n\r\nx 1\n"},
             Case{"GET", "/broken", "HTTP/1.1 500", "failed\n"},
             Case{"POST", "/healthz", "HTTP/1.1 405", "HEAD\n"},
             Case{"PUT", "/healthz", "HTTP/1.1 405", "HEAD\n"},
             Case{"DELETE", "/healthz", "HTTP/1.1 405", "HEAD\n"},
             Case{"OPTIONS", "/healthz", "HTTP/1.1 405", "HEAD\n"},
             Case{"GET", "/", "HTTP/1.1 404", "page\n"},
             Case{"GET", "/healthz/", "HTTP/1.1 404", "page\n"},
             Case{"GET", "/tests/unit/node/web_test.cpp", "HTTP/1.1 404", "page\n"},
             Case{"GET", "/../../etc/passwd", "HTTP/1.1 404", "page\n"},
             Case{"GET", "/x.cgi", "HTTP/1.1 404", "page\n"},
         }) {
        const auto answer = ask(port, request(method, path));
        EXPECT_TRUE(answer.starts_with(start)) << method << " " << path << ": " << answer;
        EXPECT_TRUE(answer.ends_with(end)) << method << " " << path << ": " << answer;
    }
    EXPECT_NE(ask(port, request("GET", "/metrics")).find("Content-Type: text/plain; version=0.0.4\r\n"),
              std::string::npos);
    EXPECT_NE(ask(port, request("HEAD", "/healthz")).find("Content-Length: 3\r\n"), std::string::npos);
}

TEST(Web, outlives_what_is_no_request) {
    const auto port = free_port();
    const auto web = Web::open("127.0.0.1:" + port, pages());
    ASSERT_TRUE(web) << web.error().text;
    for (const std::string& bad :
         {std::string("\r\n\r\n"), std::string("GET\r\n\r\n"), std::string("FETCH /healthz HTTP/1.1\r\n\r\n"),
          std::string("GET /healthz HTTP/9.9\r\n\r\n"),
          "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n", std::string("\0\xff\x16\x03\r\n\r\n", 8)})
        EXPECT_FALSE(ask(port, bad).starts_with("HTTP/1.1 200")) << bad;
    EXPECT_TRUE(ask(port, request("GET", "/healthz")).ends_with("ok\n"));
}

TEST(Web, listens_where_it_is_told) {
    struct Case {
        const char* host;
        bool four;
        bool six;
    };
    const bool ipv6 = has_ipv6();
    for (const auto& [host, four, six] :
         {Case{"127.0.0.1", true, false}, Case{"[::1]", false, true}, Case{"", true, true}}) {
        if (!four && !ipv6)
            continue;
        const auto port = free_port();
        const auto web = Web::open(std::string(host) + ":" + port, pages());
        ASSERT_TRUE(web) << host << ": " << web.error().text;
        EXPECT_EQ(ask(port, request("GET", "/healthz"), AF_INET).ends_with("ok\n"), four) << host;
        EXPECT_EQ(ask(port, request("GET", "/healthz"), AF_INET6).ends_with("ok\n"), six && ipv6) << host;
    }
}

TEST(Web, refuses_what_is_no_address) {
    for (const char* address : {"", ":", ":0", ":65536", ":-1", ":8080s", ":8080r", ":+8080", "8080",
                                "localhost:8080", "127.0.0.1", "127.0.0.1:", "127.0.0:1", "::1:8080", "[::1]",
                                "[]:80", "[::1:80", "127.0.0.1:80,127.0.0.1:81", "x/y:80"}) {
        const auto web = Web::open(address, {});
        ASSERT_FALSE(web) << address;
        EXPECT_EQ(web.error().code, Errc::invalid) << address;
    }
}

TEST(Web, says_that_an_address_is_taken_and_gives_it_back) {
    const auto address = "127.0.0.1:" + free_port();
    {
        const auto first = Web::open(address, pages());
        ASSERT_TRUE(first) << first.error().text;
        const auto second = Web::open(address, pages());
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, Errc::unavailable);
        EXPECT_NE(second.error().text.find(address), std::string::npos) << second.error().text;
    }
    EXPECT_TRUE(Web::open(address, pages()));
}

TEST(Web, leaves_signals_to_the_program) {
    const auto port = free_port();
    std::atomic<int> open = -1;
    const auto look = [&] {
        sigset_t mask;
        ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        open = ::sigismember(&mask, SIGTERM) == 0 ? 1 : 0;
        return Page{};
    };
    const auto web = Web::open("127.0.0.1:" + port, {{"/", look}});
    ASSERT_TRUE(web) << web.error().text;
    EXPECT_TRUE(ask(port, request("GET", "/")).starts_with("HTTP/1.1 200"));
    EXPECT_EQ(open, 0);
}

TEST(Web, is_not_held_up_by_silent_clients) {
    const auto port = free_port();
    const auto web = Web::open("127.0.0.1:" + port, pages());
    ASSERT_TRUE(web) << web.error().text;
    std::array<Fd, 2> silent; // as many as there are threads
    for (Fd& fd : silent)
        fd = connected(AF_INET, port);
    for (const Fd& fd : silent)
        ASSERT_TRUE(write_all(fd.get(), "GET /heal"));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_TRUE(ask(port, request("GET", "/healthz")).ends_with("ok\n"))
        << "after request_timeout_ms at most";
}
