// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

namespace lpm::gate {

// One round over the records, within the bounds of [retention]; prints what it did. Exit status: 0, or 1 when
// the store cannot be worked on.
[[nodiscard]] int settle();

} // namespace lpm::gate
