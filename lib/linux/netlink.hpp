// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/netlink.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "base/result.hpp"

// Messages of netlink(7), and the attributes that they are made of.
namespace lpm::netlink {

template <class T> [[nodiscard]] bool read_struct(std::string_view bytes, T& to) {
    if (bytes.size() < sizeof(T))
        return false;
    bytes.copy(reinterpret_cast<char*>(&to), sizeof(T));
    return true;
}

// An attribute or message of `length` bytes, head included, takes this much room.
[[nodiscard]] constexpr std::size_t aligned(std::size_t length) {
    return (length + 3) & ~std::size_t{3};
}

// Calls see(type, value) for each attribute, without the flags in its type.
template <class See> void each_attribute(std::string_view rest, See see) {
    nlattr head{};
    while (read_struct(rest, head) && head.nla_len >= sizeof(head) && head.nla_len <= rest.size()) {
        see(head.nla_type & NLA_TYPE_MASK, rest.substr(sizeof(head), head.nla_len - sizeof(head)));
        rest.remove_prefix(std::min(aligned(head.nla_len), rest.size()));
    }
}

// Calls see(head, body) for each message of one answer; false when it was the last one, or no answer.
template <class See> [[nodiscard]] bool each_message(std::string_view answer, See see) {
    nlmsghdr head{};
    if (answer.empty())
        return false;
    while (read_struct(answer, head) && head.nlmsg_len >= sizeof(head) && head.nlmsg_len <= answer.size()) {
        if (head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR)
            return false;
        see(head, answer.substr(sizeof(head), head.nlmsg_len - sizeof(head)));
        answer.remove_prefix(std::min(aligned(head.nlmsg_len), answer.size()));
    }
    return true;
}

// Why an answer is no answer, or not the whole of one: the kernel's errno; EINTR for a list that changed
// while it was told. 0: nothing is wrong with it.
[[nodiscard]] inline int error_of(std::string_view answer) {
    constexpr int most = 4095; // the kernel's MAX_ERRNO
    nlmsghdr head{};
    while (read_struct(answer, head) && head.nlmsg_len >= sizeof(head) && head.nlmsg_len <= answer.size()) {
        if ((head.nlmsg_flags & NLM_F_DUMP_INTR) != 0)
            return EINTR;
        int code = 0; // what an error begins with, and the end of a list
        if ((head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR) &&
            read_struct(answer.substr(sizeof(head), head.nlmsg_len - sizeof(head)), code) && code < 0)
            return -std::max(code, -most);
        answer.remove_prefix(std::min(aligned(head.nlmsg_len), answer.size()));
    }
    return 0;
}

// Sends `request`, and calls more(answer) until it returns false. `what` is for an error text. The kernel
// answers at once; nobody waits longer than a second for it.
template <class More>
[[nodiscard]] Result<> ask(int socket, std::string_view request, std::string_view what, More more) {
    constexpr timeval patience{1, 0};
    (void)::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (::send(socket, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size()))
        return fail_errno(errno, "ask for " + std::string(what));
    std::string answer(32768, '\0');
    for (;;) {
        const ssize_t size = ::recv(socket, answer.data(), answer.size(), 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return fail_errno(errno, "read " + std::string(what));
        if (!more(std::string_view(answer).substr(0, static_cast<std::size_t>(size))))
            return {};
    }
}

} // namespace lpm::netlink
