# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Sockets: what the checks refuse really fails, and their harmless twins come back."""
import socket
import threading
from typing import Any

from oci_spec import bind
from resource_cases import FORKY, TRIXIE, Fine, Options, Prepare, Refused, ResourceTest, Warned, tabled, volume, with_options

RAW = with_options(capabilities=("CAP_NET_RAW",))
NODE_NETWORK = "/proc/1/ns/net"


def outside(kind: socket.SocketKind, *, accepted: bool = True, network: str | None = None) -> Prepare:
    """The other end is a socket of the node, in a folder that the container has as well."""
    def prepare(test: ResourceTest) -> Options:
        folder = test.folder("shared")
        listener = socket.socket(socket.AF_UNIX, kind)
        test.addCleanup(listener.close)
        listener.bind(str(folder / "socket"))
        if kind == socket.SOCK_STREAM:
            listener.listen()
            if accepted:
                threading.Thread(target=lambda: test.addCleanup(listener.accept()[0].close), daemon=True).start()
        return {"mounts": [bind(folder, "/shared")], "netns": network}
    return prepare


@tabled(
    Refused("tcp_connection", "TcpEstablished", ("tcp", "connected"),
            flavours=FORKY, words=("holder", "127.0.0.1"), fails="Connected TCP socket"),
    Refused("tcp_connection_that_is_half_closed", "TcpEstablished", ("tcp", "half-closed"),
            flavours=FORKY, words=("holder",), fails="Connected TCP socket"),
    Fine("tcp_listener", "TcpEstablished", ("tcp", "listening"), flavours=FORKY),
    Refused("tcp_listener_with_an_old_criu", "TcpOnNewKernel", ("tcp", "listening"), flavours=TRIXIE,
            words=("holder", "CRIU"), fails="opt: Operation not supported"),
    Refused("udp_socket_with_an_old_criu", "TcpOnNewKernel", ("family", "udp"), flavours=TRIXIE,
            words=("holder", "CRIU"), fails="opt: Operation not supported"),
    Refused("raw_socket_with_an_old_criu", "TcpOnNewKernel", ("family", "raw"), RAW, flavours=TRIXIE,
            words=("holder", "CRIU"), fails="opt: Operation not supported"),
    Refused("packet_socket_with_an_old_criu", "TcpOnNewKernel", ("family", "packet"), RAW, flavours=TRIXIE,
            words=("holder", "CRIU"), fails="opt: Operation not supported"),
    Fine("sockets_of_the_internet_with_a_new_criu", "TcpOnNewKernel", ("tcp", "listening"), flavours=FORKY),
    Warned("connection_that_nobody_has_accepted", "TcpInFlight", ("tcp", "backlog"), flavours=FORKY,
           words=("holder",), fails="In-flight connection"),
    Fine("listener_without_clients", "TcpInFlight", ("tcp", "listening"), flavours=FORKY),
)
class Tcp(ResourceTest):
    pass


@tabled(
    Warned("members_of_multicast_groups", "MulticastGroup", ("multicast", "joined"), flavours=FORKY,
           words=("239.1.2.3", "ff02::1234")),
    Fine("sockets_in_no_group", "MulticastGroup", ("multicast", "not"), flavours=FORKY),
)
class Multicast(ResourceTest):
    pass


def tun(**options: Any) -> Prepare:
    return with_options(devices=("/dev/net/tun",), capabilities=("CAP_NET_ADMIN",), **options)


@tabled(
    Refused("tap_with_a_filter", "TunInterface", ("tun", "filter"), tun(), words=("holder", "lpm0"),
            fails="filter on-board"),
    Refused("tun_in_the_network_of_the_node", "TunInterface", ("device", "/dev/net/tun"), tun(shared=("network",)),
            words=("holder", "/dev/net/tun"), fails="Net namespace is required"),
    Fine("tun_without_an_interface_yet", "TunInterface", ("device", "/dev/net/tun"), tun()),
)
class Tun(ResourceTest):
    def test_tun_with_an_interface(self) -> None:
        self.lost_with_the_interface("tun", netns=None)

    def test_tap_in_the_network_of_a_pod(self) -> None:
        """Which CRI-O has made, and hands to the runtime by its path."""
        self.lost_with_the_interface("tap", netns=self.network("pod"))

    def lost_with_the_interface(self, kind: str, netns: str | None) -> None:
        """The dump succeeds, and nobody can restore it: the interface is in no image."""
        cid = self.start("holder", "/bin/holder", "tun", kind, **tun(netns=netns)(self))
        self.lines(cid, 1)
        self.refused("TunInterface", self.checkpoint_args(cid), "holder", "lpm0")
        self.assert_runs(cid)
        with self.without("TunInterface"):
            done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.restore_fails(self.remove(cid), "No tun device for file lpm0", "TunInterface")


@tabled(
    Refused("multipath_tcp", "Mptcp", ("mptcp",), flavours=FORKY,
            words=("holder", "MPTCP"), fails="Unsupported proto 262"),
    Fine("ordinary_tcp", "Mptcp", ("tcp", "listening"), flavours=FORKY),
    Refused("vsock", "SocketFamily", ("family", "vsock"), words=("holder",),
            fails="Unknown socket collected (family 40)"),
    Refused("xdp", "SocketFamily", ("family", "xdp"), RAW, words=("holder",),
            fails="Unknown socket collected (family 44)"),
    Refused("datagram_in_the_making", "UdpCorked", ("udp", "corked"), flavours=FORKY, words=("holder",),
            fails="corked dgram socket"),
    Fine("datagram_that_has_left", "UdpCorked", ("udp", "sent"), flavours=FORKY),
    Fine("udp", "SocketFamily", ("family", "udp"), flavours=FORKY),
    Fine("raw", "SocketFamily", ("family", "raw"), RAW, flavours=FORKY),
    Fine("packet", "SocketFamily", ("family", "packet"), RAW, flavours=FORKY),
    Fine("unix", "SocketFamily", ("unix-own", "/tmp/socket")),
    Warned("netlink_with_unread_data", "NetlinkUnread", ("netlink", "unread"), words=("holder",),
           fails="The socket has data to read"),
    Fine("netlink", "NetlinkUnread", ("netlink", "read")),
)
class Families(ResourceTest):
    pass


@tabled(
    Refused("stream_to_another_network_namespace", "UnixExternal", ("unix-stream", "/shared/socket"),
            outside(socket.SOCK_STREAM), words=("holder",), fails="External socket is used"),
    Refused("stream_that_waits_in_another_network_namespace", "UnixExternal", ("unix-stream", "/shared/socket"),
            outside(socket.SOCK_STREAM, accepted=False), words=("holder",), fails="Dangling connection"),
    Refused("stream_within_the_pod", "UnixExternal", ("unix-stream", "/shared/socket"),
            outside(socket.SOCK_STREAM, network=NODE_NETWORK), words=("holder", "/shared/socket"),
            fails="External socket is used"),
    Refused("datagrams_to_another_network_namespace", "UnixExternal", ("unix-datagram", "/shared/socket"),
            outside(socket.SOCK_DGRAM), words=("holder",), fails="without peer"),
    Refused("datagrams_within_the_pod", "UnixExternal", ("unix-datagram", "/shared/socket"),
            outside(socket.SOCK_DGRAM, network=NODE_NETWORK), words=("holder",), fails="External socket is used"),
    Fine("both_ends_inside", "UnixExternal", ("unix-own", "/tmp/socket")),
    Fine("both_ends_inside_on_a_volume", "UnixExternal", ("unix-own", "/shared/socket"), volume),
    Refused("client_that_has_gone_before_it_was_accepted", "UnixInFlight", ("unix-backlog", "closed"),
            words=("holder", "/tmp/backlog"), fails="closed in-flight socket"),
    Fine("client_that_waits_to_be_accepted", "UnixInFlight", ("unix-backlog", "open")),
)
class Unix(ResourceTest):
    def test_stream_that_waits_within_the_pod(self) -> None:
        """The dump succeeds, and nobody can restore it."""
        options = outside(socket.SOCK_STREAM, accepted=False, network=NODE_NETWORK)(self)
        cid = self.start("holder", "/bin/holder", "unix-stream", "/shared/socket", **options)
        self.lines(cid, 1)
        self.refused("UnixExternal", self.checkpoint_args(cid), "holder")
        self.assert_runs(cid)
        with self.without("UnixExternal"):
            done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.restore_fails(self.remove(cid), "unresolved for", "UnixExternal")
