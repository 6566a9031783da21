// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "check/found.hpp"
#include "check/judges.hpp"

namespace lpm::check {

Judgement judge_tcp(const Facts& facts) {
    Judgement finding = judge_found(facts, Item::tcp_connected, "a connected TCP socket",
                                    "CRIU takes connections only when it is told what to do with them");
    return unless(facts, "tcp-close", unless(facts, "tcp-established", std::move(finding)));
}

// CRIU before 4.2 asks each IP and packet socket for an option in a size that Linux 6.16 no longer takes
// ("Can't get 1:16 opt").
Judgement judge_tcp_on_new_kernel(const Facts& facts) {
    constexpr std::uint32_t able = 40200;
    if (!facts.tools.criu || facts.tools.criu->version == 0 || !facts.host.kernel)
        return {Verdict::unknown, "the version of CRIU or of the kernel is not known"};
    if (facts.tools.criu->version >= able || *facts.host.kernel < KernelVersion{6, 16})
        return {};
    return judge_found(facts, Item::inet, "a network socket",
                       "CRIU before 4.2 cannot dump any on Linux 6.16 and newer");
}

Judgement judge_tcp_in_flight(const Facts& facts) {
    Judgement finding = judge_found(facts, Item::tcp_waiting, "a connection that nobody has accepted yet",
                                    "CRIU fails on it, or drops it with tcp-skip-in-flight", Verdict::warn);
    if (finding.verdict == Verdict::warn && facts.options.on("skip-in-flight"))
        finding.verdict = Verdict::covered;
    return finding;
}

Judgement judge_mptcp(const Facts& facts) {
    return judge_found(facts, Item::mptcp, "a multipath TCP socket", "CRIU knows no MPTCP");
}

Judgement judge_socket_family(const Facts& facts) {
    return judge_found(facts, Item::socket_family, "a socket", "CRIU does not know sockets of this kind");
}

Judgement judge_unix(const Facts& facts) {
    Judgement stream =
        judge_found(facts, Item::unix_foreign, "a unix socket whose other end is outside of the container",
                    "CRIU cannot take half of a connection");
    if (stream.verdict != Verdict::pass)
        return stream;
    return unless(facts, "ext-unix-sk",
                  judge_found(facts, Item::unix_datagram_foreign,
                              "a unix datagram socket whose peer is outside of the container",
                              "CRIU takes it only with ext-unix-sk"));
}

// criu/sk-unix.c tells such a client from the others by its inode, which is 0.
Judgement judge_abandoned(const Facts& facts) {
    return judge_found(facts, Item::unix_abandoned,
                       "a unix socket whose client has gone before it was accepted", "CRIU fails on it");
}

Judgement judge_corked(const Facts& facts) {
    return judge_found(facts, Item::udp_corked, "a UDP socket that holds a datagram back (UDP_CORK)",
                       "CRIU does not dump it");
}

Judgement judge_netlink(const Facts& facts) {
    return judge_found(facts, Item::netlink_unread, "a netlink socket",
                       "what is unread in it keeps CRIU from dumping it", Verdict::warn);
}

Judgement judge_multicast(const Facts& facts) {
    if (!facts.container.workload)
        return no_workload();
    const Workload& workload = *facts.container.workload;
    if (!workload.multicast_groups.empty())
        return {Verdict::warn,
                "in the container's network are members of multicast groups, and CRIU dumps no "
                "membership: " +
                    some_of(workload.multicast_groups)};
    return judge_sockets_gap(facts);
}

} // namespace lpm::check
