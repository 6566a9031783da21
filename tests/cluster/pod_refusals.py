# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a refusal is for the kubelet's caller, and a table of containers that are refused."""
import dataclasses
import json

from e2e import run
from oci_spec import Json
from refusals import MISLEADING
from suite import ClusterTest

ADMIN: Json = {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}
BPF: Json = {"securityContext": {"capabilities": {"add": ["BPF"]}}}
CHROOT: Json = {"securityContext": {"capabilities": {"add": ["SYS_CHROOT"]}}}
PRIVILEGED: Json = {"securityContext": {"privileged": True}}
# A folder of a tmpfs that is mounted nowhere else any more, as of tools that make containers in containers.
HALF_A_MOUNT = """
mkdir -p /tmp/whole /tmp/late && mount -t tmpfs tmpfs /tmp/whole && mkdir /tmp/whole/part &&
mount -o bind /tmp/whole/part /tmp/late && umount /tmp/whole && exec /bin/counter
"""


@dataclasses.dataclass(frozen=True)
class Case:
    name: str  # of the container
    check: str
    holds: tuple[str, ...]
    words: tuple[str, ...] = ("holder",)
    more: Json = dataclasses.field(default_factory=dict)
    program: str = "/bin/holder"


# Checks that refuse a checkpoint for what a container of a pod holds, each by a container of its own in one pod.
CASES = (
    Case("io-uring", "IoUring", ("anon", "io-uring")),
    Case("userfaultfd", "AnonInode", ("anon", "userfaultfd"), ("holder", "userfaultfd")),
    Case("landlock", "AnonInode", ("anon", "landlock"), ("holder", "landlock")),
    Case("perf-event", "AnonInode", ("anon", "perf-event"), ("holder", "perf_event")),
    Case("bpf-map", "AnonInode", ("anon", "bpf-map"), ("holder", "bpf-map"), BPF),
    Case("fscontext", "AnonInode", ("anon", "fscontext"), ("holder", "fscontext"), ADMIN),
    Case("pidfd", "PidfdOutside", ("pidfd", "thread")),
    Case("ghost", "GhostTooLarge", ("ghost", "3072"), ("holder", "/tmp/ghost")),
    Case("linked", "LinkRemap", ("linked", "deleted"), ("holder", "/tmp/first")),
    Case("secret", "AnonInode", ("secret", "mapped"), ("holder", "memfd_secret")),
    Case("watch", "InotifyProc", ("inotify", "/proc"), ("holder", "proc")),
    Case("shared-memory", "MemoryShared", ("clone", "vm")),
    Case("epoll", "EpollTarget", ("epoll", "other")),
    Case("code", "SharedCode", ("code", "shared"), ("holder", "jit_buffer_size")),
    Case("packets", "PacketPipe", ("packets", "read"), ("holder", "O_DIRECT")),
    Case("backlog", "UnixInFlight", ("unix-backlog", "closed"), ("holder", "/tmp/backlog")),
    Case("corked", "UdpCorked", ("udp", "corked")),
    Case("pipes", "PipesFull", ("pipes", "1100"), ("1100",)),
    Case("tcp", "TcpEstablished", ("tcp", "connected"), ("holder", "127.0.0.1")),
    Case("half-closed", "TcpEstablished", ("tcp", "half-closed")),
    Case("mptcp", "Mptcp", ("mptcp",), ("holder", "MPTCP")),
    Case("vsock", "SocketFamily", ("family", "vsock")),
    Case("traced", "Traced", ("child", "traced")),
    Case("zombie-leader", "ZombieLeader", ("leader", "zombie")),
    Case("stopped", "Stopped", ("child", "stopped")),
    Case("nested", "NestedNamespace", ("namespace", "ipc"), ("holder", "ipc"), ADMIN),
    Case("covered", "FileCovered", ("covered", "yes"), ("holder", "/tmp/covered/file"), ADMIN),
    Case("chroot", "RootChanged", ("chroot", "first"), ("chroot",), CHROOT),
    Case("half-a-mount", "MountUnknown", ("-c", HALF_A_MOUNT), ("/tmp/late",), ADMIN, "/bin/sh"),
    Case("ramfs", "FilesystemUnsupported", ("mount", "ramfs"), ("/tmp/mounted", "ramfs"), ADMIN),
    Case("tun", "TunInterface", ("tun", "filter"), ("holder", "lpm0"), PRIVILEGED),
    Case("fuse", "DeviceOpen", ("device", "/dev/fuse"), ("holder", "/dev/fuse"), PRIVILEGED),
)


class PodRefusalTest(ClusterTest):
    def refused(self, pod: str, ctr: str, check: str, *words: str) -> str:
        """The body; the same line stands in the record."""
        status, body = self.admin.checkpoint(pod, ctr)
        self.assertEqual(status, 500, body)
        self.assertTrue(body.startswith(f"checkpointing of default/{pod}/{ctr} failed (rpc error: "), body)
        self.assertIn(f"lpm refused checkpoint of {self.id_of(pod, ctr)}", body)
        self.assertRegex(body, rf"\[{check}(, transient)?\]")
        for word in words:
            self.assertIn(word, body)
        for phrase in MISLEADING:
            self.assertNotIn(phrase, body.lower())
        record = self.last_record("checkpoint", "refused")
        self.assertEqual(record["result"]["code"], check)
        self.assertIn(record["result"]["message"], body)
        self.assertEqual(self.archives(), [])
        self.shown.add((check, "told"))
        return body

    def pid_of(self, pod: str, ctr: str) -> int:
        """Of its first process."""
        return int(json.loads(run("/usr/sbin/runc", "--root", "/run/runc", "state", self.id_of(pod, ctr)).stdout)["pid"])
