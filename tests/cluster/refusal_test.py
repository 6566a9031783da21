# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What the kubelet's caller reads when lpm refuses: the reason, the remedy and the check's id, in one line of the body;
the container runs on."""
import fcntl
import os
import pathlib
import socket
import subprocess
import tempfile

import pytest
from debuggers import enter, probe
from e2e import first_group, freezer_of, run, wait_for
from oci_spec import Json
from pod_refusals import CASES, PRIVILEGED, PodRefusalTest
from suite import container, read

HOST_IPC: Json = {"hostIPC": True}


@pytest.mark.parallel
class Refusal(PodRefusalTest):
    @pytest.mark.long
    def test_whatever_a_container_holds(self) -> None:
        """One pod with a container for each check: all are refused for their reason, none is restarted or stopped."""
        name = self.pod(*(container(case.name, case.program, *case.holds, **case.more) for case in CASES))
        for case in CASES:
            with self.subTest(case.name):
                first = self.output(name, case.name)[0]
                self.assertNotIn("holder:", first, "the container could not get hold of it")
                body = self.refused(name, case.name, case.check, *case.words)
                print("  " + first_group(r"(lpm refused .*\[\w+(, transient)?\])", body), flush=True)
                self.assert_goes_on(name, case.name)
                self.assertEqual(self.state_of(name, case.name)["restartCount"], 0)

    def test_a_pod_that_forbids_it(self) -> None:
        name = self.pod(container("ctr"), annotations={"lpm.my.domain/checkpoint": "never"})
        self.refused(name, "ctr", "NeverCheckpoint", "lpm.my.domain/checkpoint")
        self.assert_goes_on(name, "ctr")

    def test_a_segment_of_the_hosts(self) -> None:
        name = self.pod(container("ctr", "/bin/holder", "sysv"), **HOST_IPC)
        self.refused(name, "ctr", "SysvShm", "holder")
        self.assert_goes_on(name, "ctr")

    def volume(self, *args: str, **mount: object) -> tuple[Json, Json]:
        """A container with a folder of the node's, self.shared, at /shared."""
        self.shared = pathlib.Path(tempfile.mkdtemp(prefix="shared-", dir="/var/lib/lpm"))
        self.addCleanup(run, "rm", "-rf", self.shared)
        spec = {"volumes": [{"name": "shared", "hostPath": {"path": str(self.shared)}}]}
        return container("ctr", *args, volumeMounts=[{"name": "shared", "mountPath": "/shared", **mount}]), spec

    def test_a_socket_of_the_node(self) -> None:
        """As of a log daemon or a driver, which the container is connected to."""
        ctr, spec = self.volume("/bin/holder", "unix-stream", "/shared/socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.shared / "socket"))
            listener.listen()
            name = self.pod(ctr, **spec)
            with listener.accept()[0]:
                self.refused(name, "ctr", "UnixExternal", "holder")
                self.assert_goes_on(name, "ctr")

    def test_a_mount_that_came_later(self) -> None:
        """Into a volume with propagation, as drivers of storage make them."""
        ctr, spec = self.volume(mountPropagation="HostToContainer")
        later = self.shared / "later"
        later.mkdir()
        name = self.pod(ctr, **spec)
        run("mount", "-t", "tmpfs", "tmpfs", later)
        self.addCleanup(run, "umount", "--lazy", later, check=False)
        self.refused(name, "ctr", "MountSharing", "/shared/later")
        self.assert_goes_on(name, "ctr")

    def test_a_mount_whose_source_is_gone(self) -> None:
        """As that of a subPath, when its ConfigMap has changed."""
        ctr, spec = self.volume(subPath="part")
        (self.shared / "part").mkdir()
        name = self.pod(ctr, **spec)
        (self.shared / "part").rmdir()
        self.refused(name, "ctr", "MountDeleted", "/shared")
        self.assert_goes_on(name, "ctr")

    def test_what_a_session_left_behind(self) -> None:
        """Of kubectl exec -it: a process that still has the session's terminal."""
        name = self.pod(container("ctr"))
        run("script", "-qec", f"kubectl exec -it {name} -- sh -c 'setsid sleep 1000 & sleep 1'", "/dev/null")
        self.refused(name, "ctr", "ForeignTerminal", "sleep", "/dev/pts/0")
        self.assert_goes_on(name, "ctr")

    def test_a_terminal(self) -> None:
        """It can be taken; the record warns of what CRI-O makes of it at a restore."""
        name = self.pod(container("ctr", tty=True, stdin=True))
        self.checkpoint(name, "ctr")
        record = self.last_record("checkpoint", "completed")
        self.assertEqual([c["verdict"] for c in record["checks"] if c["id"] == "Terminal"], ["warn"])

    def test_a_debugger_on_the_node(self) -> None:
        name = self.pod(container("ctr"))
        pid = str(self.pid_of(name, "ctr"))
        with subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", pid]) as tracer:
            try:
                wait_for("it is traced", lambda: "TracerPid:\t0" not in read(pathlib.Path("/proc", pid, "status")))
                self.refused(name, "ctr", "Traced", "strace")
            finally:
                tracer.terminate()
        self.checkpoint(name, "ctr")

    def test_a_process_that_was_moved(self) -> None:
        """To another cgroup, where the freezer of CRI-O and CRIU does not reach it."""
        name = self.pod(container("ctr", "/bin/holder", "child", "plain"))
        child = run("pgrep", "--parent", self.pid_of(name, "ctr")).stdout.strip()
        home = freezer_of(child)
        elsewhere = home.parent / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "cgroup.procs").write_text(child)
        self.refused(name, "ctr", "OtherCgroup", "holder", "/elsewhere", "cgroup.procs")
        (home / "cgroup.procs").write_text(child)
        elsewhere.rmdir()
        self.checkpoint(name, "ctr")

    def test_a_tracing_tool_on_the_node(self) -> None:
        name = self.pod(container("ctr", "/bin/holder", "probed"))
        pid = self.pid_of(name, "ctr")
        child = int(run("pgrep", "--parent", pid).stdout)
        place = int(pathlib.Path(f"/proc/{pid}/root/tmp/probed").read_text())
        probed = probe(f"/proc/{pid}/root/bin/holder", place, child)
        try:
            self.refused(name, "ctr", "Uprobes", "holder")
        finally:
            os.close(probed)
        self.assert_goes_on(name, "ctr")

    def test_what_a_debugger_left_behind(self) -> None:
        """A process that entered from the node, whose session's leader is outside."""
        name = self.pod(container("ctr"))
        enter(self.pid_of(name, "ctr"), "sleep 1000 </dev/null >/dev/null 2>&1 &")
        self.refused(name, "ctr", "SessionOutside", "sleep")
        self.assert_goes_on(name, "ctr")

    def test_files_of_the_node(self) -> None:
        """Which a privileged container can reach by the node's first process."""
        def opening(name: str, redirection: str) -> Json:
            return container(name, "/bin/sh", "-c", f"exec /bin/counter {redirection}", **PRIVILEGED)
        there = "/proc/1/root/etc/hostname"
        name = self.pod(opening("input", f"<{there}"), opening("other", f"5<{there}"), hostPID=True)
        self.refused(name, "input", "StdioOutsideMounts", "standard input", "/etc/hostname")
        self.refused(name, "other", "FileOutsideMounts", "counter", "/etc/hostname")
        for ctr in ("input", "other"):
            self.assert_goes_on(name, ctr)

    def test_another_checkpoint_is_under_way(self) -> None:
        """Of somebody else than CRI-O, which takes one at a time."""
        name = self.pod(container("ctr"))
        folder = os.open(f"/run/runc/{self.id_of(name, 'ctr')}", os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            self.refused(name, "ctr", "CheckpointRunning", "another checkpoint", "try again")
        finally:
            os.close(folder)
        self.assert_goes_on(name, "ctr")
        self.checkpoint(name, "ctr")

    def test_no_room(self) -> None:
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


@pytest.mark.parallel(turn=2)
@pytest.mark.xdist_group("settings")
class NodeSettings(PodRefusalTest):
    def test_an_annotation_that_the_node_allows(self) -> None:
        """skip-checks turns the refusal into a warning, where lpm.toml says so."""
        self.set_node('[checks]\nShmMount = "block"\n')
        held = self.pod(container("ctr", "/bin/holder", "open", "/dev/shm/file"),
                        annotations={"lpm.my.domain/skip-checks": "ShmMount"})
        self.refused(held, "ctr", "ShmMount", "/dev/shm")
        self.set_node('[checks]\nShmMount = "block"\n[annotations]\nskip_checks = ["ShmMount"]\n')
        self.assertEqual(self.admin.checkpoint(held, "ctr")[0], 200)
        record = self.last_record("checkpoint", "completed")
        self.assertEqual([c["verdict"] for c in record["checks"] if c["id"] == "ShmMount"], ["warn"])

    @pytest.mark.alone
    def test_bypass(self) -> None:
        """The operator's switch: nothing is checked, and CRIU says what it says."""
        bypass = pathlib.Path("/etc/lpm/bypass")
        name = self.pod(container("ctr", "/bin/holder", "anon", "userfaultfd"))
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
