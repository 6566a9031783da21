// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/network_lock.hpp"

#include <algorithm>
#include <linux/netfilter.h>

#include "base/process.hpp"
#include "linux/netns.hpp"

namespace lpm::criu {

static constexpr std::string_view prefix = "CRIU-";
static constexpr std::size_t max_chains = 100'000; // kube-proxy makes some thousands

NetworkLock find_network_lock(const std::vector<FilterChain>& chains) {
    NetworkLock lock;
    for (const auto& chain : chains) {
        if (chain.table == "filter" && chain.name == "CRIU") {
            lock.chain4 = lock.chain4 || chain.family == NFPROTO_IPV4;
            lock.chain6 = lock.chain6 || chain.family == NFPROTO_IPV6;
        } else if (chain.family == NFPROTO_INET && chain.table.starts_with(prefix) &&
                   std::ranges::find(lock.tables, chain.table) == lock.tables.end()) {
            lock.tables.push_back(chain.table);
        }
    }
    return lock;
}

Result<NetworkLock> read_network_lock(int net) {
    TRY_ASSIGN(const auto chains, list_filter_chains(net, max_chains));
    return find_network_lock(chains);
}

// "inet CRIU-<id>" goes into 32 bytes (criu/net.c), so 21 letters of the id are left. Half of them would
// still tell two runs apart.
bool belongs_to(std::string_view table, std::string_view run_id) {
    constexpr std::size_t enough = 16;
    if (!table.starts_with(prefix))
        return false;
    table.remove_prefix(prefix.size());
    return table.size() >= enough && run_id.starts_with(table);
}

Result<> remove_lock_table(int net, const std::string& table) {
    return delete_filter_table(net, NFPROTO_INET, table);
}

namespace {

// The jumps first: a chain that something leads to cannot be deleted. One that is not there does no harm.
Result<> remove_chain(std::string_view family, const std::string& program) {
    constexpr std::chrono::seconds patience{2};
    Output last;
    for (const auto& words : {std::vector<std::string>{"-D", "INPUT", "-j", "CRIU"},
                              {"-D", "OUTPUT", "-j", "CRIU"},
                              {"-F", "CRIU"},
                              {"-X", "CRIU"}}) {
        std::vector<std::string> argv{program, "-w", "1", "-t", "filter"};
        argv.insert(argv.end(), words.begin(), words.end());
        auto output = run(argv, patience);
        if (!output)
            return std::unexpected(std::move(output).error().in(std::string(family) + ", " + program));
        last = *std::move(output);
    }
    if (last.status != 0)
        return fail(Errc::io, program + " could not delete the chain CRIU of " + std::string(family));
    return {};
}

} // namespace

Result<> remove_lock_chain(int net, const NetworkLock& lock) {
    ScopedNetns inside;
    TRY(inside.enter(net));
    // One that stays is no reason to leave the other.
    Result<> done4;
    Result<> done6;
    if (lock.chain4)
        done4 = remove_chain("IPv4", "iptables");
    if (lock.chain6)
        done6 = remove_chain("IPv6", "ip6tables");
    return done4 ? done6 : done4;
}

} // namespace lpm::criu
