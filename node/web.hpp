// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.hpp"

// A small HTTP server for probes and metrics. The only place that sees civetweb.
namespace lpm::node {

struct Page {
    int status = 200;
    std::string body;
    std::string content_type = "text/plain; charset=utf-8";
};

// Answers GET and HEAD of the paths that it has; 404 and 405 else. Ends with the object, which takes
// civetweb up to two seconds.
class Web {
  public:
    using Pages = std::map<std::string, std::function<Page()>>; // "/healthz"
    // `address`: "127.0.0.1:8080", "[::1]:8080" or ":8080" for all. Errc::unavailable when it is taken.
    [[nodiscard]] static Result<std::unique_ptr<Web>> open(const std::string& address, Pages pages);
    virtual ~Web() = default;
};

} // namespace lpm::node
