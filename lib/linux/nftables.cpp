// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/nftables.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "linux/netlink.hpp"
#include "linux/sockdiag.hpp"

namespace lpm {

namespace {

constexpr unsigned subsystem = NFNL_SUBSYS_NFTABLES << 8U;

std::string_view bytes_of(const auto& plain) {
    return {reinterpret_cast<const char*>(&plain), sizeof(plain)};
}

void add_message(std::string& to, unsigned type, unsigned flags, std::uint8_t family, std::uint16_t resource,
                 std::string_view attributes = {}) {
    nlmsghdr head{};
    nfgenmsg body{};
    head.nlmsg_len = static_cast<std::uint32_t>(sizeof(head) + sizeof(body) + attributes.size());
    head.nlmsg_type = static_cast<std::uint16_t>(type);
    head.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    body.nfgen_family = family;
    body.version = NFNETLINK_V0;
    body.res_id = htons(resource);
    to.append(bytes_of(head)).append(bytes_of(body)).append(attributes);
}

std::string text_attribute(std::uint16_t type, std::string_view text) {
    nlattr head{};
    head.nla_type = type;
    head.nla_len = static_cast<std::uint16_t>(sizeof(head) + text.size() + 1);
    std::string attribute(bytes_of(head));
    attribute.append(text).resize(netlink::aligned(head.nla_len), '\0');
    return attribute;
}

std::string text_of(std::string_view value) {
    return std::string(value.substr(0, value.find('\0')));
}

} // namespace

bool parse_filter_chains(std::string_view answer, std::vector<FilterChain>& to) {
    return netlink::each_message(answer, [&to](const nlmsghdr&, std::string_view body) {
        nfgenmsg head{};
        if (!netlink::read_struct(body, head))
            return;
        FilterChain chain;
        chain.family = head.nfgen_family;
        netlink::each_attribute(body.substr(sizeof(head)), [&chain](int type, std::string_view value) {
            if (type == NFTA_CHAIN_TABLE)
                chain.table = text_of(value);
            else if (type == NFTA_CHAIN_NAME)
                chain.name = text_of(value);
        });
        to.push_back(std::move(chain));
    });
}

Result<std::vector<FilterChain>> list_filter_chains(int net, std::size_t limit) {
    TRY_ASSIGN(const Fd socket, socket_in(net, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
    std::string request;
    add_message(request, subsystem | NFT_MSG_GETCHAIN, NLM_F_DUMP, AF_UNSPEC, 0);
    std::vector<FilterChain> chains;
    int error = 0;
    TRY(netlink::ask(socket.get(), request, "packet filter chains", [&](std::string_view answer) {
        error = netlink::error_of(answer);
        return error == 0 && parse_filter_chains(answer, chains) && chains.size() <= limit;
    }));
    const bool no_filter = error == EINVAL || error == EOPNOTSUPP || error == EPROTONOSUPPORT;
    if (error != 0 && !(no_filter && chains.empty()))
        return fail_errno(error, "list the packet filter chains");
    if (chains.size() > limit)
        return fail(Errc::unavailable,
                    "there are more than " + std::to_string(limit) + " packet filter chains");
    return chains;
}

Result<> delete_filter_table(int net, std::uint8_t family, std::string_view table) {
    TRY_ASSIGN(const Fd socket, socket_in(net, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
    std::string request; // changes come in batches only
    add_message(request, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    add_message(request, subsystem | NFT_MSG_DELTABLE, NLM_F_ACK, family, 0,
                text_attribute(NFTA_TABLE_NAME, table));
    add_message(request, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    int error = 0;
    TRY(netlink::ask(socket.get(), request, "the end of a packet filter table", [&](std::string_view answer) {
        error = netlink::error_of(answer);
        return false;
    }));
    if (error != 0)
        return fail_errno(error, "delete the packet filter table " + std::string(table));
    return {};
}

} // namespace lpm
