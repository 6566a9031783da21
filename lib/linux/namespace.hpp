// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <functional>

#include "base/result.hpp"

namespace lpm {

// Calls `work` in a task of its own that is in the namespace `ns` (of setns(2)'s type CLONE_NEW...) and
// shares our memory and descriptors: it may call the kernel only. This thread waits, and stays where it is.
[[nodiscard]] Result<> run_in_namespace(int ns, int type, const std::function<void()>& work);

} // namespace lpm
