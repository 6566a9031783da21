// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace lpm::test {

// A server at 127.0.0.1 whose certificate is its own authority. A connection is kept as long as the client
// keeps it, each in a thread: `answer` gets the number of the connection and of the request on it, both from
// 1, and gives the bytes to send, or nothing: then the connection is closed.
class TlsServer {
  public:
    using Answer = std::function<std::optional<std::string>(int connection, int request)>;

    explicit TlsServer(Answer answer) : answer_(std::move(answer)) {
        std::signal(SIGPIPE, SIG_IGN); // a client may go at any time
        make_certificate();
        listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const at = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listener_.get(), at, size) != 0 || ::listen(listener_.get(), 16) != 0 ||
            ::getsockname(listener_.get(), at, &size) != 0)
            throw std::runtime_error("no socket to listen at");
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
    }

    // For the connections that come now.
    void change_certificate() { make_certificate(); }

    [[nodiscard]] std::string url(const std::string& path = "/") const {
        return "https://127.0.0.1:" + std::to_string(port_) + path;
    }
    [[nodiscard]] const std::string& ca() const { return ca_; }
    [[nodiscard]] int connections() const { return connections_; }
    [[nodiscard]] int requests() const { return requests_; }

    [[nodiscard]] static std::string ok(const std::string& body) {
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }

    // A header of an answer after which the connection is closed, though nothing else has said so.
    static constexpr std::string_view then_close = "X-Last: true\r\n";

  private:
    template <auto free> struct Freed {
        template <class T> void operator()(T* object) const { free(object); }
    };
    using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
    using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
    using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
    using Stream = std::unique_ptr<SSL, Freed<SSL_free>>;

    void make_certificate() {
        const Key key(EVP_EC_gen("P-256"));
        const Certificate made(X509_new());
        X509_set_version(made.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
        X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
        X509_set_pubkey(made.get(), key.get());
        X509_NAME* const name = X509_get_subject_name(made.get());
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("server"),
                                   -1, -1, 0);
        X509_set_issuer_name(made.get(), name);
        X509_EXTENSION* const names =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
        X509_add_ext(made.get(), names, -1);
        X509_EXTENSION_free(names);
        X509_sign(made.get(), key.get(), EVP_sha256());
        BIO* const out = BIO_new(BIO_s_mem());
        PEM_write_bio_X509(out, made.get());
        char* text = nullptr;
        const long size = BIO_get_mem_data(out, &text);
        ca_.assign(text, static_cast<std::size_t>(size));
        BIO_free(out);
        const std::lock_guard lock(mutex_); // a connection may just be beginning
        context_.reset(SSL_CTX_new(TLS_server_method()));
        SSL_CTX_use_certificate(context_.get(), made.get());
        SSL_CTX_use_PrivateKey(context_.get(), key.get());
    }

    [[nodiscard]] Stream open_stream() {
        const std::lock_guard lock(mutex_);
        return Stream(SSL_new(context_.get()));
    }

    [[nodiscard]] static bool readable(int fd, const std::stop_token& stop) {
        pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
        while (!stop.stop_requested())
            if (::poll(&one, 1, 20) > 0)
                return true;
        return false;
    }

    // A thread for each connection: a client may have several.
    void serve(const std::stop_token& stop) {
        std::vector<std::jthread> open;
        while (readable(listener_.get(), stop)) {
            const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
            const int number = ++connections_;
            open.emplace_back(
                [this, fd, number](const std::stop_token& ended) { talk(Fd(fd), number, ended); });
        }
    }

    void talk(Fd socket, int number, const std::stop_token& stop) {
        const Stream stream = open_stream();
        SSL_set_fd(stream.get(), socket.get());
        if (SSL_accept(stream.get()) != 1)
            return;
        std::string got;
        for (int request = 1; readable(socket.get(), stop);) {
            char bytes[4096];
            const int count = SSL_read(stream.get(), bytes, sizeof bytes);
            if (count <= 0)
                return;
            got.append(bytes, static_cast<std::size_t>(count));
            if (!got.contains("\r\n\r\n")) // requests of these tests have no body, or one that comes along
                continue;
            got.clear();
            ++requests_;
            const auto said = answer_(number, request++);
            if (!said)
                return;
            SSL_write(stream.get(), said->data(), static_cast<int>(said->size()));
            if (said->contains(then_close)) {
                SSL_shutdown(stream.get()); // as Go's servers do
                return;
            }
        }
    }

    Answer answer_;
    std::mutex mutex_; // of context_
    Context context_;
    std::string ca_;
    Fd listener_;
    int port_ = 0;
    std::atomic<int> connections_ = 0;
    std::atomic<int> requests_ = 0;
    std::jthread thread_; // the last: it uses the others
};

} // namespace lpm::test
