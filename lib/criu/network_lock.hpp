// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "linux/nftables.hpp"

// How CRIU stops the packets of a network namespace while it works there. One that is killed leaves it
// behind, and nothing in that namespace is reached any more.
namespace lpm::criu {

struct NetworkLock {
    // iptables: a chain CRIU in the table filter, which does not say whose it is.
    bool chain4 = false;
    bool chain6 = false;
    std::vector<std::string> tables; // nftables: CRIU-<run id>, family inet

    [[nodiscard]] bool chain() const { return chain4 || chain6; }
    [[nodiscard]] bool any() const { return chain() || !tables.empty(); }
};

[[nodiscard]] NetworkLock find_network_lock(const std::vector<FilterChain>& chains);
// `net` is a descriptor of the network namespace.
[[nodiscard]] Result<NetworkLock> read_network_lock(int net);

// The table is that of the CRIU run, whose id CRIU cuts for it.
[[nodiscard]] bool belongs_to(std::string_view table, std::string_view run_id);

[[nodiscard]] Result<> remove_lock_table(int net, const std::string& table);
// As CRIU removes it: by iptables.
[[nodiscard]] Result<> remove_lock_chain(int net, const NetworkLock& lock);

} // namespace lpm::criu
