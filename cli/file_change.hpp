// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

// Files of the node's configuration that a command writes whole, or only shows.
namespace lpm::cli {

struct FileChange {
    std::string path;
    std::string before; // empty: there is none
    std::string after;  // empty: it goes
};

// A link stays one: what it leads to is replaced, with the mode that it has. Makes the folders on the way,
// and takes a file's folder away with it when that is empty then.
[[nodiscard]] Result<> write(const FileChange& change);

// As a diff, on standard output.
void show(const FileChange& change);

} // namespace lpm::cli
