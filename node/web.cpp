// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/web.hpp"

#include <array>
#include <cstdint>
#include <exception>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <civetweb.h>
#include <csignal>
#include <pthread.h>
#include <sys/socket.h>

#include "base/fd.hpp"
#include "base/text.hpp"

namespace lpm::node {

namespace {

// Threads that are started meanwhile get none of the process's signals: those are the program's to take.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_{};
};

bool has_ipv6() {
    const Fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return static_cast<bool>(probe);
}

// As civetweb wants it. Strict, since letters and signs around a port mean something there: "8080s" is TLS.
Result<std::string> port_of(const std::string& address) {
    const auto wrong = [&] {
        return fail(Errc::invalid, "address " + one_line(address, 80) +
                                       ": must be like 127.0.0.1:8080, [::1]:8080 or :8080");
    };
    const auto colon = address.rfind(':');
    if (colon == std::string::npos)
        return wrong();
    const auto port = to_number<std::uint16_t>(std::string_view(address).substr(colon + 1));
    if (!port || *port == 0)
        return wrong();
    std::string host = address.substr(0, colon);
    const std::string number = std::to_string(*port);
    if (host.empty()) // "+": both families through one socket; a kernel without IPv6 has none of that kind
        return (has_ipv6() ? "+" : "") + number;
    std::array<unsigned char, sizeof(in6_addr)> parsed{};
    if (::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1)
        return host + ":" + number;
    if (host.size() < 2 || host.front() != '[' || host.back() != ']' ||
        ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), parsed.data()) != 1)
        return wrong();
    return host + ":" + number;
}

Page answer_of(const Web::Pages& pages, const mg_request_info& request) {
    const std::string_view method = request.request_method == nullptr ? "" : request.request_method;
    const auto found = pages.find(request.local_uri == nullptr ? "" : request.local_uri);
    if (found == pages.end())
        return {.status = 404, .body = "there is no such page\n"};
    if (method != "GET" && method != "HEAD")
        return {.status = 405, .body = "only GET and HEAD\n"};
    try {
        return found->second();
    } catch (const std::exception&) { // above us are frames of C
        return {.status = 500, .body = "this page has failed\n"};
    }
}

// Not by mg_response_header_send(): it dates every answer, by gmtime() from two threads at once.
void send(mg_connection* connection, const Page& page, bool with_body) {
    std::string answer =
        "HTTP/1.1 " + std::to_string(page.status) + " " +
        ::mg_get_response_code_text(connection, page.status) + "\r\nContent-Type: " + page.content_type +
        "\r\nContent-Length: " + std::to_string(page.body.size()) +
        "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n";
    if (page.status == 405)
        answer += "Allow: GET, HEAD\r\n";
    answer += "\r\n";
    if (with_body)
        answer += page.body;
    ::mg_write(connection, answer.data(), answer.size());
}

class Server final : public Web {
  public:
    explicit Server(Pages pages) : pages_(std::move(pages)) { ::mg_init_library(MG_FEATURES_DEFAULT); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() override {
        if (context_ != nullptr)
            ::mg_stop(context_);
        ::mg_exit_library();
    }

    [[nodiscard]] Result<> start(const std::string& address, const std::string& port) {
        // No document_root: civetweb has no file, directory or CGI program to serve, even if it were asked.
        std::array<const char*, 17> options = {"listening_ports",
                                               port.c_str(),
                                               "num_threads",
                                               "2",
                                               "connection_queue",
                                               "16",
                                               "listen_backlog",
                                               "16",
                                               "max_request_size",
                                               "8192",
                                               "enable_directory_listing",
                                               "no",
                                               "request_timeout_ms",
                                               "5000",
                                               "enable_keep_alive",
                                               "no",
                                               nullptr};
        mg_callbacks callbacks{};
        callbacks.begin_request = &Server::respond;
        callbacks.log_message = [](const mg_connection*, const char*) { return 1; };
        // Its own answer is dated, too.
        callbacks.http_error = [](mg_connection* connection, int status, const char*) {
            send(connection, {.status = status, .body = "this is no request\n"}, true);
            return 0;
        };
        mg_init_data init{
            .callbacks = &callbacks, .user_data = this, .configuration_options = options.data()};
        std::array<char, 256> text{};
        mg_error_data error{.code = 0, .code_sub = 0, .text = text.data(), .text_buffer_size = text.size()};
        const SignalsBlocked none;
        context_ = ::mg_start2(&init, &error);
        if (context_ == nullptr)
            return fail(Errc::unavailable, "listen on " + address + ": " + one_line(text.data()));
        return {};
    }

  private:
    // Called for every request before civetweb looks at it; what is not 0 ends the matter there.
    static int respond(mg_connection* connection) {
        const mg_request_info* request = ::mg_get_request_info(connection);
        const auto* server = static_cast<const Server*>(request->user_data);
        const Page page = answer_of(server->pages_, *request);
        send(connection, page, std::string_view(request->request_method) != "HEAD");
        return page.status;
    }

    Pages pages_;
    mg_context* context_ = nullptr;
};

} // namespace

Result<std::unique_ptr<Web>> Web::open(const std::string& address, Pages pages) {
    TRY_ASSIGN(const std::string port, port_of(address));
    auto server = std::make_unique<Server>(std::move(pages));
    TRY(server->start(address, port));
    return server;
}

} // namespace lpm::node
