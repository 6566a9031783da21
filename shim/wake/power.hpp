// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "base/result.hpp"

// What lpm-wake gives away before it reads the first byte of an archive, for good. The only place of the shim
// that sees libcap and libseccomp: nothing is ever run from here, so that no runtime inherits it.
namespace lpm::wake {

enum class Power {
    read,  // an open file, and answer
    write, // new files of root's own below one folder
    own,   // files of any owner there, with any mode
};

// `folder`: an open one, which becomes the root of all paths; not looked at with Power::read.
[[nodiscard]] Result<> give_power_away(Power keep, int folder);

} // namespace lpm::wake
