# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A file system of the workload that answers no more: the checks come to their end all the same, and what they could not
look at is unknown."""
import time

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
