# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Limits of a restored container on cgroup v2: is it in the cgroup that was made for it, and bound by it?"""
import pathlib
import re
import unittest

from e2e import RUNTIME, NodeTest, run, wait_for

MEMORY = 96 * 2**20
CGROUPS = pathlib.Path("/sys/fs/cgroup")


def ignore_mode():
    """runc knows `--manage-cgroups-mode ignore` since 1.2."""
    version = re.match(r"runc version 1\.(\d+)", run("/usr/sbin/runc", "--version").stdout)
    return int(version.group(1)) >= 2


class Limits(NodeTest):
    flavours = ("guest",)

    def restored(self, *options):
        """A container under limits, checkpointed and restored under a new id; that id."""
        resources = {"memory": {"limit": MEMORY}, "pids": {"limit": 50}}
        self.crio.checkpoint_options, self.crio.restore_options = [*options], [*options]
        cid = self.start("limited", "/bin/counter", resources=resources)
        self.lines(cid, 3)
        self.crio.checkpoint(cid, self.work / "checkpoint.tar")
        self.crio.kill(cid)
        self.crio.delete(cid)
        new = self.add_container(f"again-{cid}")
        self.crio.restore(new, self.work / "checkpoint.tar", self.rootfs)
        self.assertEqual(self.status(new), "running")
        return new

    def group_of(self, cid):
        """The cgroup that init is in, as a path below the mount."""
        pid = self.crio.state(cid)["pid"]
        return pathlib.Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::/")

    def test_own_cgroup_and_its_limits_bind(self):
        if not ignore_mode():
            raise unittest.SkipTest("runc has no manage-cgroups-mode ignore before 1.2")
        new = self.restored("--manage-cgroups-mode=ignore")
        group = self.group_of(new)
        self.assertTrue(group.endswith(f"crio-{new}.scope"), group)
        self.assertEqual((CGROUPS / group / "memory.max").read_text().strip(), str(MEMORY))
        self.assertEqual((CGROUPS / group / "pids.max").read_text().strip(), "50")
        # 200 MiB inside the container: its own cgroup must count the kill.
        self.crio.runtime.direct("exec", new, "true")
        run(RUNTIME, *self.crio.runtime.globals(), "exec", new, "/bin/workers", "memory", "200", check=False)
        events = wait_for("the memory limit binds", lambda: dict(
            line.split() for line in (CGROUPS / group / "memory.events").read_text().splitlines()
            if line.startswith("oom_kill ") and not line.endswith(" 0")))
        self.assertGreater(int(events["oom_kill"]), 0)

    def test_without_the_option(self):
        """CRIU's default. With runc 1.1 and CRIU 4.1 the tasks land in the cgroup where they were dumped, which
        CRIU makes again without limits; with runc 1.3 and CRIU 4.2 they stay in their own."""
        new = self.restored()
        group = self.group_of(new)
        limit = CGROUPS / group / "memory.max"
        print(f"without manage-cgroups-mode: in {group}, memory.max "
              f"{limit.read_text().strip() if limit.exists() else 'none'}", flush=True)
        if ignore_mode():
            self.assertTrue(group.endswith(f"crio-{new}.scope"), group)
            self.assertEqual(limit.read_text().strip(), str(MEMORY))
        else:
            self.assertTrue(group.endswith(f"crio-{new.removeprefix('again-')}.scope"), group)
            self.assertFalse(limit.exists(), "the limits came along: this runc needs no help any more")
