# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What `checkpointctl inspect --all --format json` says of an archive, and the same of InspectArchive's answer.

LEAVES has a row for each leaf that Debian 13's version (1.3.0) prints: one that it does not know fails the comparison.
It is wrong in these, of which the rows make what it makes:
- the protocol of a packet or netlink socket is read as a number of an IP protocol;
- of an IPv6 address it shows the last four bytes, as if they were the first;
- addresses of UNIX sockets have the zero that CRIU may write at their end.
Later versions print more: the state of a process, MAC and networks of Podman, pod and annotations.
"""
import datetime
import ipaddress
import json
import pathlib
import re
import socket
from collections.abc import Callable, Collection, Iterator
from typing import Any

from e2e import run

Leaf = tuple[str, tuple[Any, ...]]  # its name, and of which process, descriptor, ... it is
Answer = Any  # InspectArchiveResponse
LISTS = {"file_descriptors": "open_files", "sockets": "open_sockets"}
PROTOCOLS = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 58: "ICMPV6", 136: "UDPLITE", 255: "RAW"}


def plain(name: str, keys: tuple[Any, ...], value: Any) -> Iterator[tuple[Leaf, Any]]:
    """Leaves below a value: a place in a list is a key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from plain(f"{name}.{key}" if name else key, keys, inner)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from plain(name, (*keys, i), inner)
    else:
        yield (name, keys), value


def of_process(node: dict[str, Any], parent: int = 0) -> Iterator[tuple[Leaf, Any]]:
    """Children have no order: they are told apart by their pids."""
    pid = node.pop("pid")
    yield ("process_tree.parent", (pid,)), parent
    for key, value in node.pop("environment_variables", {}).items():
        yield ("process_tree.environment_variables", (pid, key)), value
    for child in node.pop("children", []):
        yield from of_process(child, pid)
    yield from plain("process_tree", (pid,), node)


def said(archive: pathlib.Path) -> dict[Leaf, Any]:
    (node,) = json.loads(run("checkpointctl", "inspect", "--all", "--format", "json", archive).stdout)
    found = dict(of_process(node.pop("process_tree")))
    for name, inner in LISTS.items():
        for process in node.pop(name, []):
            found.update(plain(f"{name}.{inner}", (process.pop("pid"),), process.pop(inner, [])))
            found.update(plain(name, (), process))
    found.update(plain("", (), node))
    return found


def seconds(text: str) -> datetime.datetime:
    """Go's times have nine digits behind the point, or none."""
    return datetime.datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))


def shown_bytes(count: int) -> str:
    """As go-criu's countBytes."""
    units = iter("KMGTPE")
    if count < 1024:
        return f"{count} B"
    size, unit = count / 1024, next(units)
    while size >= 1024:
        size, unit = size / 1024, next(units)
    return f"{size:.1f} {unit}B"


def process(inside: Answer, pid: int) -> Any:
    return next(p for p in inside.processes if p.pid == pid)


def open_file(inside: Answer, pid: int, i: int) -> tuple[str, str, str]:
    """(type, "TYPE NUMBER", path): descriptors, then its two folders."""
    of = process(inside, pid)
    every = [(d.type, f"{d.type} {d.number}", d.path) for d in of.descriptors]
    return [*every, ("", "cwd", of.cwd), ("", "root", of.root)][i]


def open_socket(inside: Answer, pid: int, i: int) -> Any:
    return [d.socket for d in process(inside, pid).descriptors if d.HasField("socket")][i]


def protocol(of: Any) -> str:
    if of.family in ("INET", "INET6"):
        return str(of.protocol)
    number = int(of.protocol or 0)
    return PROTOCOLS.get(socket.htons(number) if of.family == "PACKET" else number, "")


def address(family: str, text: str) -> str:
    if family != "INET6":
        return text
    return str(ipaddress.IPv6Address(ipaddress.IPv6Address(text).packed[12:] + bytes(12)))


def of_process_with(read: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda inside, pid: read(process(inside, pid))


def of_file(part: int) -> Callable[..., Any]:
    return lambda inside, pid, i: open_file(inside, pid, i)[part]


def of_socket(read: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda inside, pid, i: read(open_socket(inside, pid, i))


def environment(inside: Answer, pid: int, key: str) -> str:
    found: dict[str, str] = dict(text.split("=", 1) for text in process(inside, pid).environment)
    return found[key]


DATA = "sockets.open_sockets.data."
LEAVES: dict[str, Callable[..., Any]] = {
    "container_name": lambda inside: inside.archive.container.names["name"],
    "image": lambda inside: inside.image,
    "id": lambda inside: inside.archive.container.id,
    "runtime": lambda inside: inside.runtime,
    "created": lambda inside: seconds(inside.created),
    "checkpointed": lambda inside: seconds(inside.checkpointed),
    "engine": lambda inside: inside.archive.engine,
    "ip": lambda inside: inside.address,
    "checkpoint_size.total_size": lambda inside: inside.images_bytes,
    "checkpoint_size.memory_pages_size": lambda inside: inside.pages_bytes,
    "checkpoint_size.amd_gpu_memory_pages_size": lambda inside: inside.gpu_pages_bytes,
    "checkpoint_size.root_fs_diff_size": lambda inside: inside.rootfs_diff_bytes,
    "statistics.freezing_time": lambda inside: inside.stats["freezing_us"],
    "statistics.frozen_time": lambda inside: inside.stats["frozen_us"],
    "statistics.memdump_time": lambda inside: inside.stats["memdump_us"],
    "statistics.memwrite_time": lambda inside: inside.stats["memwrite_us"],
    "statistics.pages_scanned": lambda inside: inside.stats["pages_scanned"],
    "statistics.pages_written": lambda inside: inside.stats["pages_written"],
    "process_tree.parent": of_process_with(lambda p: p.parent),
    "process_tree.command": of_process_with(lambda p: p.name),
    "process_tree.cmdline": of_process_with(lambda p: " ".join(p.arguments).rstrip()),
    "process_tree.environment_variables": environment,
    "file_descriptors.open_files.type": of_file(0),
    "file_descriptors.open_files.fd": of_file(1),
    "file_descriptors.open_files.path": of_file(2),
    "sockets.open_sockets.protocol": of_socket(protocol),
    DATA + "type": of_socket(lambda s: "UNIX" if s.family == "UNIX" else protocol(s)),
    DATA + "address": of_socket(lambda s: s.source),
    DATA + "state": of_socket(lambda s: s.state),
    DATA + "src": of_socket(lambda s: address(s.family, s.source)),
    DATA + "src_port": of_socket(lambda s: s.source_port),
    DATA + "dst": of_socket(lambda s: address(s.family, s.destination)),
    DATA + "dst_port": of_socket(lambda s: s.destination_port),
    DATA + "send_buf": of_socket(lambda s: shown_bytes(s.send_buffer)),
    DATA + "recv_buf": of_socket(lambda s: shown_bytes(s.receive_buffer)),
    "mounts.destination": lambda inside, i: inside.mounts[i].destination,
    "mounts.type": lambda inside, i: inside.mounts[i].type,
    "mounts.source": lambda inside, i: inside.mounts[i].source,
}
# What has to be done to what it says.
READ: dict[str, Callable[[Any], Any]] = {
    "created": seconds,
    "checkpointed": seconds,
    "process_tree.cmdline": lambda text: text.rstrip(),
    "file_descriptors.open_files.path": lambda text: text.replace("\0]", "]").replace("\0", "@"),
    DATA + "address": lambda text: text.rstrip("\0").replace("\0", "@"),
}


def differences(archive: pathlib.Path, inside: Answer, wrong: Collection[str] = ()) -> list[str]:
    """Leaves that are not equal, or have no row; `wrong`: those in which checkpointctl is known to be wrong of such an
    archive. Both name as many processes, descriptors, sockets and mounts."""
    theirs = said(archive)
    found = []
    for (name, keys), value in theirs.items():
        if name not in LEAVES:
            found.append(f"{name} has no row")
        elif name not in wrong:
            ours, their = LEAVES[name](inside, *keys), READ.get(name, lambda same: same)(value)
            found += [] if ours == their else [f"{name} {keys}: {ours!r}, checkpointctl: {their!r}"]
    names = [name for name, _ in theirs]
    sockets = [d.socket.family for p in inside.processes for d in p.descriptors if d.HasField("socket")]
    counts = {
        "process_tree.command": len(inside.processes),
        "file_descriptors.open_files.fd": sum(len(p.descriptors) + 2 for p in inside.processes),
        DATA + "send_buf": len(sockets) - sockets.count("UNIX"),
        "mounts.destination": len(inside.mounts),
    }
    return found + [f"{name}: {count}, checkpointctl: {names.count(name)}" for name, count in counts.items()
                    if count != names.count(name)]
