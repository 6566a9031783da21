// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>

#include "command.hpp"
#include "crio/crio.hpp"

// CRI-O's drop-in, by which handlers go through lpm-runc: written, made anew, removed.
namespace lpm::cli {

struct NodeGiven {
    std::string dir; // with crio.conf and crio.conf.d; empty: where the CRI-O that runs has its files
    std::string handler;
    std::string runtime_class;
    bool plan = false;
    bool check = false;
    bool force = false;
};

// Errc::invalid: the CRI-O that runs has them where we cannot find them.
[[nodiscard]] Result<crio::Files> files_of(const NodeGiven& given);

[[nodiscard]] Result<int> enable_node(const Context& context, const NodeGiven& given);
// Only a drop-in that is there and stale.
[[nodiscard]] Result<int> renew_node(const NodeGiven& given);
[[nodiscard]] Result<int> disable_node(const Context& context, const NodeGiven& given);

} // namespace lpm::cli
