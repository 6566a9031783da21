// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "base/result.hpp"
#include "contents.hpp"

namespace lpm::wake {

// Into the empty folder `to`: checkpoint/ with the images, and spec.dump, root's alone. On an error it is
// empty again.
[[nodiscard]] Result<> write_images(int archive, const Contents& contents, int to);

} // namespace lpm::wake
