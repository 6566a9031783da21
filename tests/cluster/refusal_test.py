# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What the kubelet's caller reads when lpm refuses: the reason, the remedy and the check's id, in one line of the body;
the container runs on."""
import dataclasses
import pathlib
import re
import socket
import subprocess

from e2e import SETTINGS, run, wait_for
from refusing import MISREAD
from suite import ClusterTest, container, read

ADMIN = {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}
BPF = {"securityContext": {"capabilities": {"add": ["BPF"]}}}
PRIVILEGED = {"securityContext": {"privileged": True}}
HOST_IPC = {"hostIPC": True}
SHARED = pathlib.Path("/var/lib/lpm/shared")


@dataclasses.dataclass(frozen=True)
class Case:
    name: str  # of the container
    check: str
    holds: tuple
    words: tuple = ("awkward",)
    more: dict = dataclasses.field(default_factory=dict)


# Checks that refuse a checkpoint for what a container of a pod holds, each by a container of its own in one pod.
CASES = (
    Case("io-uring", "IoUring", ("anon", "io-uring")),
    Case("userfaultfd", "AnonInode", ("anon", "userfaultfd"), ("awkward", "userfaultfd")),
    Case("landlock", "AnonInode", ("anon", "landlock"), ("awkward", "landlock")),
    Case("perf-event", "AnonInode", ("anon", "perf-event"), ("awkward", "perf_event")),
    Case("bpf-map", "AnonInode", ("anon", "bpf-map"), ("awkward", "bpf-map"), BPF),
    Case("fscontext", "AnonInode", ("anon", "fscontext"), ("awkward", "fscontext"), ADMIN),
    Case("pidfd", "PidfdOutside", ("pidfd", "thread")),
    Case("ghost", "GhostTooLarge", ("ghost", "3072"), ("awkward", "/tmp/ghost")),
    Case("linked", "LinkRemap", ("linked", "deleted"), ("awkward", "/tmp/first")),
    Case("pipes", "PipesFull", ("pipes", "1100"), ("1100",)),
    Case("tcp", "TcpEstablished", ("tcp", "connected"), ("awkward", "127.0.0.1")),
    Case("half-closed", "TcpEstablished", ("tcp", "half-closed")),
    Case("mptcp", "Mptcp", ("mptcp",), ("awkward", "MPTCP")),
    Case("vsock", "SocketFamily", ("family", "vsock")),
    Case("traced", "Traced", ("child", "traced")),
    Case("zombie-leader", "ZombieLeader", ("leader", "zombie")),
    Case("stopped", "Stopped", ("child", "stopped")),
    Case("shm", "ShmMount", ("open", "/dev/shm/file"), ("awkward", "/dev/shm")),
    Case("nested", "NestedNamespace", ("namespace", "ipc"), ("awkward", "ipc"), ADMIN),
    Case("covered", "FileCovered", ("covered", "yes"), ("awkward", "/tmp/covered/file"), ADMIN),
    Case("ramfs", "FilesystemUnsupported", ("mount", "ramfs"), ("/tmp/mounted", "ramfs"), ADMIN),
    Case("tun", "TunInterface", ("tun", "filter"), ("awkward", "lpm0"), PRIVILEGED),
    Case("fuse", "DeviceOpen", ("device", "/dev/fuse"), ("awkward", "/dev/fuse"), PRIVILEGED),
)


class Refusal(ClusterTest):
    def refused(self, pod, ctr, check, *words):
        """The body; the same line stands in the record."""
        status, body = self.admin.checkpoint(pod, ctr)
        self.assertEqual(status, 500, body)
        self.assertTrue(body.startswith(f"checkpointing of default/{pod}/{ctr} failed (rpc error: "), body)
        self.assertIn(f"lpm refused checkpoint of {self.id_of(pod, ctr)}", body)
        self.assertRegex(body, rf"\[{check}(, transient)?\]")
        for word in words:
            self.assertIn(word, body)
        for phrase in MISREAD:
            self.assertNotIn(phrase, body.lower())
        record = self.last_record("checkpoint", "refused")
        self.assertEqual(record["result"]["code"], check)
        self.assertIn(record["result"]["message"], body)
        self.assertEqual(set(self.cluster.archives()), self.archives_before)
        return body

    def test_whatever_a_container_holds(self):
        """One pod with a container for each check: all are refused for their reason, none is restarted or stopped."""
        name = self.pod(*(container(case.name, "/bin/awkward", *case.holds, **case.more) for case in CASES))
        for case in CASES:
            with self.subTest(case.name):
                first = self.output(name, case.name)[0]
                self.assertNotIn("awkward:", first, "the container could not get hold of it")
                body = self.refused(name, case.name, case.check, *case.words)
                print("  " + re.search(r"lpm refused .*\[\w+(, transient)?\]", body).group(), flush=True)
                self.assert_goes_on(name, case.name)
                self.assertEqual(self.state_of(name, case.name)["restartCount"], 0)

    def test_a_segment_of_the_hosts(self):
        name = self.pod(container("ctr", "/bin/awkward", "sysv"), **HOST_IPC)
        self.refused(name, "ctr", "SysvShm", "awkward")
        self.assert_goes_on(name, "ctr")

    def volume(self, *args, **mount):
        """A container with a folder of the node's at /shared."""
        SHARED.mkdir()
        self.addCleanup(run, "rm", "-rf", SHARED)
        spec = {"volumes": [{"name": "shared", "hostPath": {"path": str(SHARED)}}]}
        return container("ctr", *args, volumeMounts=[{"name": "shared", "mountPath": "/shared", **mount}]), spec

    def test_a_socket_of_the_node(self):
        """As of a log daemon or a driver, which the container is connected to."""
        ctr, spec = self.volume("/bin/awkward", "unix-stream", "/shared/socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(SHARED / "socket"))
            listener.listen()
            name = self.pod(ctr, **spec)
            with listener.accept()[0]:
                self.refused(name, "ctr", "UnixExternal", "awkward")
                self.assert_goes_on(name, "ctr")

    def test_a_mount_that_came_later(self):
        """Into a volume with propagation, as drivers of storage make them."""
        ctr, spec = self.volume(mountPropagation="HostToContainer")
        (SHARED / "later").mkdir()
        name = self.pod(ctr, **spec)
        run("mount", "-t", "tmpfs", "tmpfs", SHARED / "later")
        self.addCleanup(run, "umount", "--lazy", SHARED / "later", check=False)
        self.refused(name, "ctr", "MountSharing", "/shared/later")
        self.assert_goes_on(name, "ctr")

    def test_what_a_session_left_behind(self):
        """Of kubectl exec -it: a process that still has the session's terminal."""
        name = self.pod(container("ctr"))
        run("script", "-qec", f"kubectl exec -it {name} -- sh -c 'setsid sleep 1000 & sleep 1'", "/dev/null")
        self.refused(name, "ctr", "ForeignTerminal", "sleep", "/dev/pts/0")
        self.assert_goes_on(name, "ctr")

    def test_a_terminal(self):
        """It can be taken; the record warns of what CRI-O makes of it at a restore."""
        name = self.pod(container("ctr", tty=True, stdin=True))
        self.checkpoint(name, "ctr")
        record = self.last_record("checkpoint", "completed")
        self.assertEqual([c["verdict"] for c in record["checks"] if c["id"] == "Terminal"], ["warn"])

    def test_a_debugger_on_the_node(self):
        name = self.pod(container("ctr"))
        pid = next(p.name for p in pathlib.Path("/proc").glob("[0-9]*")
                   if self.id_of(name, "ctr") in read(p / "cgroup") and b"/bin/counter" in read(p / "cmdline").encode())
        with subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", pid]) as tracer:
            wait_for("it is traced", lambda: "TracerPid:\t0" not in read(pathlib.Path("/proc", pid, "status")))
            self.refused(name, "ctr", "Traced", "strace")
            tracer.terminate()
        self.checkpoint(name, "ctr")

    def test_no_room(self):
        """For the images: the folder that CRI-O gives is on the node's own disk, so the figure comes from a mount."""
        name = self.pod(container("ctr", "/bin/workers", "memory", "16"))
        self.output(name, "ctr")
        containers = pathlib.Path("/var/lib/containers/storage/overlay-containers")
        place = containers / self.id_of(name, "ctr") / "userdata/checkpoint"
        place.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place)
        try:
            self.refused(name, "ctr", "DiskSpace", "needs", "free")
        finally:
            run("umount", place, check=False)
            if place.exists():
                place.rmdir()

    def test_no_iptables(self):
        name = self.pod(container("ctr"))
        tool = pathlib.Path(run("which", "iptables-restore").stdout.strip())
        tool.rename(tool.with_name("iptables-restore.away"))
        try:
            self.refused(name, "ctr", "NetworkLockTool", "iptables")
        finally:
            tool.with_name("iptables-restore.away").rename(tool)
        self.assert_goes_on(name, "ctr")
        self.checkpoint(name, "ctr")

    def test_an_annotation_that_the_node_allows(self):
        """skip-checks turns the refusal into a warning, where lpm.toml says so."""
        held = self.pod(container("ctr", "/bin/awkward", "open", "/dev/shm/file"),
                        annotations={"lpm.my.domain/skip-checks": "ShmMount"})
        self.refused(held, "ctr", "ShmMount", "/dev/shm")
        SETTINGS.write_text('[annotations]\nskip_checks = ["ShmMount"]\n')
        self.assertEqual(self.admin.checkpoint(held, "ctr")[0], 200)
        record = self.last_record("checkpoint", "completed")
        self.assertEqual([c["verdict"] for c in record["checks"] if c["id"] == "ShmMount"], ["warn"])

    def test_bypass(self):
        """The operator's switch: nothing is checked, and CRIU says what it says."""
        bypass = pathlib.Path("/etc/lpm/bypass")
        name = self.pod(container("ctr", "/bin/awkward", "anon", "userfaultfd"))
        self.refused(name, "ctr", "AnonInode", "userfaultfd")
        bypass.touch()
        try:
            status, body = self.admin.checkpoint(name, "ctr")
        finally:
            bypass.unlink()
        self.assertEqual(status, 500)
        self.assertIn("criu failed: type", body)
        self.assertNotIn("lpm refused", body)
        self.assert_goes_on(name, "ctr")
