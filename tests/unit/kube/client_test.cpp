// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "kube/client.hpp"

#include <string>

#include "tls_server.hpp"

#include <gtest/gtest.h>

using namespace lpm;
using test::TlsServer;

namespace {

class Known final : public kube::Credentials {
  public:
    explicit Known(const TlsServer& server) {
        access_.server = server.url("");
        access_.tls.ca = server.ca();
    }

  protected:
    Result<Fresh> read() override {
        return Fresh{.access = access_, .until = std::chrono::steady_clock::now() + std::chrono::hours(1)};
    }

  private:
    kube::Access access_{};
};

} // namespace

// A success that is none: whatever stands between answers 200 with a page of its own.
TEST(Client, what_is_no_object_is_no_success) {
    for (const auto& [body, fine] : {std::pair{R"({"kind":"Pod"})", true},
                                     {" {}\n", true},
                                     {"", false},
                                     {"garbled", false},
                                     {"<html>{}</html>", false},
                                     {R"({"kind":"Po)", false}}) {
        TlsServer server([&](int, int) { return TlsServer::ok(body); });
        kube::Http http("test");
        Known credentials(server);
        kube::Client client(http, credentials);
        const json::Value object = {{"kind", "Pod"}};
        for (const auto& done :
             {client.create("/x", object), client.patch("/x", object), client.remove("/x")}) {
            EXPECT_EQ(done.has_value(), fine) << body;
            if (!done) {
                EXPECT_EQ(done.error().code, Errc::io);
                EXPECT_TRUE(done.error().text.contains("is no object")) << done.error().text;
            }
        }
    }
}

TEST(Client, tells_errors_apart) {
    for (const auto& [status, code] : {std::pair{"401 Unauthorized", Errc::denied},
                                       {"403 Forbidden", Errc::denied},
                                       {"404 Not Found", Errc::absent},
                                       {"409 Conflict", Errc::busy},
                                       {"422 No", Errc::invalid},
                                       {"500 No", Errc::unavailable}}) {
        TlsServer server([&](int, int) {
            return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 18\r\n\r\n{\"message\":\"mine\"}";
        });
        kube::Http http("test");
        Known credentials(server);
        kube::Client client(http, credentials);
        const auto got = client.get("/x");
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, code) << status;
        EXPECT_TRUE(got.error().text.contains("mine")) << got.error().text;
    }
}
