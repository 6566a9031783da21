# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A file system of the workload that answers no more: the checks come to their end all the same, and what they could not
look at is unknown."""
import contextlib
import pathlib
import time
from collections.abc import Iterator

from e2e import freezer_of, run, wait_for
from gate_socket import preflight
from oci_spec import bind
from resource_cases import ResourceTest
from silent_fuse import FILE, SilentFuse

DEADLINE = 2.0  # seconds: deadline_ms of lpm.toml
HOLD = f"exec 3</data/{FILE} && exec /bin/holder anon io-uring"


class Waiting(ResourceTest):
    def setUp(self) -> None:
        super().setUp()
        self.fuse = SilentFuse(self.work / "fuse")

    def tearDown(self) -> None:
        self.fuse.end()  # nobody else of the container would
        super().tearDown()

    def verdicts(self, operation: str) -> dict[str, str]:
        return {c["id"]: c["verdict"] for c in self.last_record(operation, "refused")["checks"]}

    def in_time(self, *args: object, operation: str, check: str) -> None:
        begin = time.monotonic()
        self.refused(check, args, operation=operation, timeout=30)
        self.assertLess(time.monotonic() - begin, DEADLINE)

    def test_an_open_file_of_it(self) -> None:
        cid = self.start("holder", "/bin/sh", "-c", HOLD, mounts=[bind(self.fuse.place, "/data")])
        self.assertNotIn("holder:", self.lines(cid, 1)[0])
        self.fuse.stop()
        for caller in ("running", "paused"):
            with self.subTest(caller):
                if caller == "paused":
                    self.crio.pause(cid)
                self.in_time(*self.checkpoint_args(cid), operation="checkpoint", check="IoUring")
                found = self.verdicts("checkpoint")
                self.assertEqual({found[name] for name in ("FileOutsideMounts", "GhostTooLarge", "LinkRemap", "TcpEstablished",
                                                          "MountSharing", "MountUnknown")}, {"pass"}, found)
        self.crio.resume(cid)

    def test_a_volume_of_it_at_a_restore(self) -> None:
        bundle = self.taken("anon", "usual", mounts=[bind(self.fuse.place, "/data")])
        (self.rootfs / "bin/counter").rename(self.rootfs / "bin/holder")  # a file that has changed
        self.fuse.stop()
        cid = self.add_container("restored")
        self.in_time(*self.restore_args(cid, bundle), operation="restore", check="FileChanged")
        self.assertEqual(self.verdicts("restore")["MountSource"], "unknown")

    def reader(self) -> str:
        """A container that reads the file again and again."""
        script = f"trap : USR1; echo ready; while :; do busybox cat /data/{FILE} >/tmp/seen; sleep 0.05; done"
        cid = self.start("reader", "/bin/sh", "-c", script, mounts=[bind(self.fuse.place, "/data")])
        self.lines(cid, 1)
        return cid

    def asks(self, cid: str) -> bool:
        """A child of its first process waits for an answer."""
        return any("request_wait_answer" in (pathlib.Path("/proc") / child / "wchan").read_text()
                   for child in run("pgrep", "--parent", self.pid(cid), check=False).stdout.split())

    def test_process_that_waits_for_it(self) -> None:
        """CRIU cannot stop it; nor can the freezer, where the caller tries that first."""
        cid = self.reader()
        self.fuse.stop()
        wait_for("the reader to wait", lambda: self.asks(cid))
        args = self.checkpoint_args(cid)
        self.refused("Uninterruptible", args, "busybox", "in request_wait_answer", "what it waits for", timeout=30)
        self.assertTrue(self.last_record("checkpoint", "refused")["result"]["transient"])
        self.assertEqual(preflight(id=cid)["result"]["code"], "Uninterruptible")
        self.really_ends("Uninterruptible", args, ("CannotFreeze", "Unable to freeze cgroup"), timeout=60)
        with self.told_to_freeze(cid):
            self.refused("FreezeStuck", args, "was told to freeze", timeout=30)
        self.show("Uninterruptible", "refused")

    @contextlib.contextmanager
    def told_to_freeze(self, cid: str) -> Iterator[None]:
        """As a caller leaves it that has lost patience."""
        freezer = freezer_of(self.pid(cid))
        v1 = (freezer / "freezer.state").exists()
        switch = freezer / ("freezer.state" if v1 else "cgroup.freeze")
        switch.write_text("FROZEN" if v1 else "1")
        yield
        switch.write_text("THAWED" if v1 else "0")

    def test_process_that_has_its_answer_in_a_moment(self) -> None:
        """It waits most of the time, but never for long."""
        self.fuse.end()
        self.fuse = SilentFuse(self.work / "slow", delay=0.1)
        cid = self.reader()
        wait_for("it waits", lambda: self.asks(cid))
        for caller in ("running", "paused"):
            with self.subTest(caller):
                if caller == "paused":
                    self.crio.pause(cid)
                done = self.dump(cid)
                self.assertEqual(done.returncode, 0, done.stderr)
                [found] = [c for c in self.last_record("checkpoint", "completed")["checks"] if c["id"] == "Uninterruptible"]
                self.assertEqual(found["verdict"], "pass")
        self.crio.resume(cid)
        self.show("Uninterruptible", "fine")
