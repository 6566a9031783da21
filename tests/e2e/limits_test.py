# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Limits of a restored container on cgroup v2: is it in the cgroup that was made for it, and bound by it?"""
import json
import pathlib

from e2e import RUNTIME, SETTINGS, NodeTest, first_group, run, wait_for
from refusals import RefusalTest

MIB = 2**20
MEMORY = 96 * MIB
CGROUPS = pathlib.Path("/sys/fs/cgroup")


def ignore_mode() -> bool:
    """runc knows `--manage-cgroups-mode ignore` since 1.2."""
    return int(first_group(r"^runc version 1\.(\d+)", run("/usr/sbin/runc", "--version").stdout)) >= 2


class Limits(NodeTest):
    flavours = ("guest",)

    def restored(self) -> str:
        """A container under limits, checkpointed and restored under a new id; that id."""
        resources = {"memory": {"limit": MEMORY}, "pids": {"limit": 50}}
        cid = self.start("limited", "/bin/counter", resources=resources)
        self.lines(cid, 3)
        new = self.move(cid)
        self.assertEqual(self.status(new), "running")
        return new

    def group_of(self, cid: str) -> str:
        """The cgroup that init is in, as a path below the mount."""
        pid = self.crio.state(cid)["pid"]
        return pathlib.Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::/")

    def assert_bound(self, cid: str) -> None:
        """In the cgroup that was made for it, whose limits are there and bind."""
        group = self.group_of(cid)
        self.assertTrue(group.endswith(f"crio-{cid}.scope"), group)
        self.assertEqual((CGROUPS / group / "memory.max").read_text().strip(), str(MEMORY))
        self.assertEqual((CGROUPS / group / "pids.max").read_text().strip(), "50")
        # 200 MiB inside the container: its own cgroup must count the kill.
        self.crio.runtime.direct("exec", cid, "true")
        run(RUNTIME, *self.crio.runtime.globals(), "exec", cid, "/bin/workers", "memory", "200", check=False)
        events = wait_for("the memory limit binds", lambda: dict(
            line.split() for line in (CGROUPS / group / "memory.events").read_text().splitlines()
            if line.startswith("oom_kill ") and not line.endswith(" 0")))
        self.assertGreater(int(events["oom_kill"]), 0)

    def test_own_cgroup_and_its_limits_bind(self) -> None:
        """By lpm.toml; a runc that has no such mode sends another, over which only its own file for CRIU goes."""
        if ignore_mode():
            SETTINGS.write_text("[options]\nown_cgroup = true\n")
        else:
            self.criu_config("manage-cgroups=ignore")  # two words would mean CRIU's default
        new = self.restored()
        additions = self.last_record("restore", "completed")["invocation"].get("additions", [])
        self.assertEqual(additions, ["--manage-cgroups-mode=ignore"] if ignore_mode() else [])
        self.assert_bound(new)

    def test_without_the_option(self) -> None:
        """CRIU's default. With runc 1.1 and CRIU 4.1 the tasks land in the cgroup where they were dumped, which
        CRIU makes again without limits; with runc 1.3 and CRIU 4.2 they stay in their own."""
        new = self.restored()
        group = self.group_of(new)
        print(f"without manage-cgroups-mode: in {group}", flush=True)
        if ignore_mode():
            self.assert_bound(new)
        else:
            self.assertTrue(group.endswith(f"crio-{new.removeprefix('restored-')}.scope"), group)
            self.assertFalse((CGROUPS / group / "memory.max").exists(),
                             "the limits came along: this runc needs no help any more")


class Smaller(RefusalTest):
    """A restore under a limit that is below what the images hold."""
    flavours = ("guest",)

    def taken(self, limit: int, *memory: str) -> pathlib.Path:
        """The bundle of a checkpoint of a program with that memory, under a new limit of so many MiB."""
        bundle = self.checkpointed("/bin/workers", "memory", *memory)
        spec = json.loads((bundle / "config.json").read_text())
        spec["linux"]["resources"]["memory"] = {"limit": limit * MIB, "swap": limit * MIB}
        (bundle / "config.json").write_text(json.dumps(spec))
        return bundle

    def assert_warned(self, outcome: str, *words: str) -> None:
        checks = self.last_record("restore", outcome)["checks"]
        verdict, message = next((c["verdict"], c["message"]) for c in checks if c["id"] == "MemoryLimit")
        self.assertEqual(verdict, "warn")
        for word in words:
            self.assertIn(word, message)
        self.show("MemoryLimit", "warned")

    def test_memory_of_one_process(self) -> None:
        """The kernel kills CRIU in the middle of it, and the record says so."""
        bundle = self.taken(32, "64")
        self.assertNotEqual(self.restore(bundle).returncode, 0)
        self.assert_warned("failed", "64.", "32.0 MiB")
        result = self.last_record("restore", "failed")["result"]
        self.assertEqual(result["code"], "OutOfMemory", result)
        self.assertIn("raise the memory limit", result["message"])

    def test_memory_of_one_process_where_the_limit_surely_holds(self) -> None:
        bundle = self.taken(32, "64")
        if ignore_mode():
            SETTINGS.write_text("[options]\nown_cgroup = true\n")
            self.addCleanup(SETTINGS.unlink)
        else:
            self.criu_config("manage-cgroups=ignore")
        cid = self.add_container("restored-too-small")
        self.refused("MemoryLimit", self.restore_args(cid, bundle), "64.", "32.0 MiB", operation="restore")
        self.show("MemoryLimit", "refused")

    def test_memory_that_processes_share(self) -> None:
        """Each has it in the images, and there is one of it for both: hence no more than a warning."""
        bundle = self.taken(96, "64", "1")
        self.restores(bundle)
        self.assert_warned("completed", "128.", "96.0 MiB")
        output = self.work / "output"
        wait_for("sums of the memory", lambda: output.read_text().count("\n") > 2)
        self.assertEqual(self.status(self.restored), "running")
