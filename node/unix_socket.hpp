// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <chrono>
#include <string>
#include <sys/un.h>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace lpm::node {

// Errc::invalid for a path that is too long for one.
[[nodiscard]] Result<sockaddr_un> unix_address(const std::string& path);

// A stream to who listens there. Connecting and each write take `wait` at most, and then fail with EAGAIN; 0:
// as long as they take, which is for ever when the other end accepts nobody and enough others wait for it.
[[nodiscard]] Result<Fd> connect_unix(const std::string& path, std::chrono::seconds wait = {});

} // namespace lpm::node
