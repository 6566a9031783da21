// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <sys/un.h>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace lpm::node {

// Errc::invalid for a path that is too long for one.
[[nodiscard]] Result<sockaddr_un> unix_address(const std::string& path);

// A stream to who listens there.
[[nodiscard]] Result<Fd> connect_unix(const std::string& path);

} // namespace lpm::node
