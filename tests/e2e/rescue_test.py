# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A caller that pauses a container, asks for a checkpoint of it and dies: whoever comes next thaws it, and the record says
how long it really stood still."""
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable

import crio_archive
from e2e import SETTINGS, NodeTest, run, settle, wait_for

GATE = "/usr/libexec/lpm/lpm-gate"
RUN = pathlib.Path("/run/lpm")


class Rescue(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        SETTINGS.write_text("[rescue]\nafter_seconds = 1\n")

    def counter(self) -> str:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        return cid

    def notes(self, cid: str) -> list[str]:
        return sorted(p.name for p in RUN.glob(f"*/{cid}/*"))

    def ended(self) -> set[str]:
        return {note.name for note in RUN.glob("ended/*")}

    def round(self) -> str:
        return run(GATE, "--rescue").stdout

    def rounds(self, cid: str) -> str:
        """The first sees that the caller is dead, the one after the grace time thaws."""
        self.assertEqual(self.round(), "")
        self.assertEqual(self.status(cid), "paused", "within the grace time")
        settle(1.1)
        return self.round()

    def caller(self, act: Callable[[], object]) -> int:
        """A process that does what CRI-O does. `act` ends it only by being killed, or well."""
        pid = os.fork()
        if pid == 0:
            try:
                act()
                os._exit(0)
            finally:
                os._exit(1)
        return pid

    def end(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def checkpoint_that_stays_in_its_tar(self, cid: str) -> int:
        """The caller's process id, when the runtime has done its work."""
        def act() -> None:
            crio_archive.pack = lambda *_: time.sleep(300)
            self.crio.checkpoint(cid, self.work / "archive.tar")
        pid = self.caller(act)
        wait_for("the checkpoint is taken", lambda: any(
            r["operation"] == "checkpoint" and r.get("outcome") == "completed" for r in self.records()))
        return pid

    def test_how_long_it_stood_still(self) -> None:
        cid = self.counter()
        before = self.ended()  # of tests whose records are gone
        began = time.monotonic()
        self.crio.checkpoint(cid, self.work / "archive.tar")
        most = (time.monotonic() - began) * 1e6
        self.assertEqual(self.notes(cid), [])
        self.assertEqual(self.round(), "")
        record = self.last_record("checkpoint", "completed")
        self.assertGreater(record["stood_still_us"], record["stats"]["frozen_us"])
        self.assertLess(record["stood_still_us"], most)
        self.assertLessEqual(self.ended(), before)
        self.assertNotIn(record["id"], before)

    def test_a_caller_that_dies_in_its_tar(self) -> None:
        cid = self.counter()
        pid = self.checkpoint_that_stays_in_its_tar(cid)
        self.assertEqual(self.rounds_with_a_living_caller(cid), "")
        self.end(pid)
        self.assertIn(f"{cid}: thawed: process {pid} had paused it for the checkpoint", self.rounds(cid))
        self.assertEqual(self.status(cid), "running")
        self.assert_no_gap(self.lines(cid, len(self.lines(cid)) + 3))
        record = self.last_record("checkpoint", "completed")
        self.assertIn(f"process {pid}, which had paused the container for this checkpoint, ended and left it paused; "
                      "lpm-gate has thawed it", record["notes"])
        self.assertGreater(record["stood_still_us"], 1_000_000)
        self.assertEqual(self.notes(cid), [])
        self.assertEqual(self.round(), "")

    def rounds_with_a_living_caller(self, cid: str) -> str:
        said = self.round()
        settle(1.1)
        said += self.round()
        self.assertEqual(self.status(cid), "paused", "its caller lives, however long its tar takes")
        return said

    def test_settle_rescues_as_well(self) -> None:
        cid = self.counter()
        self.end(self.checkpoint_that_stays_in_its_tar(cid))
        # Not while the gate has its last steps to go: its record is there before.
        wait_for("it is seen", lambda: run(GATE, "--settle") and "orphaned" in self.notes(cid))
        settle(1.1)
        self.assertIn("thawed", run(GATE, "--settle").stdout)
        self.assertEqual(self.status(cid), "running")
        self.assertIn("stood_still_us", self.last_record("checkpoint", "completed"))

    def test_a_pause_of_somebodys_own_stays(self) -> None:
        cid = self.counter()
        self.end_of_child(lambda: self.crio.pause(cid))
        self.assertEqual(self.notes(cid), ["paused"])
        self.rounds_that_do_nothing(cid)
        # Nor is it that of another process, which asks for a checkpoint of what it has not paused.
        self.end_of_child(lambda: self.crio.runtime.direct(
            "checkpoint", "--image-path", str(self.work / "images"), "--work-path", str(self.work), "--leave-running", cid))
        self.rounds_that_do_nothing(cid)
        self.crio.resume(cid)

    def end_of_child(self, act: Callable[[], object]) -> None:
        self.assertEqual(os.waitpid(self.caller(act), 0)[1], 0)

    def rounds_that_do_nothing(self, cid: str) -> None:
        self.round()
        settle(1.1)
        self.assertEqual(self.round(), "")
        self.assertEqual(self.status(cid), "paused")

    def test_switched_off(self) -> None:
        SETTINGS.write_text("[rescue]\nenabled = false\nafter_seconds = 1\n")
        cid = self.counter()
        self.end(self.checkpoint_that_stays_in_its_tar(cid))
        self.rounds_that_do_nothing(cid)
        self.crio.resume(cid)
        self.round()
        self.assertIn("stood_still_us", self.last_record("checkpoint", "completed"))

    def killed_in_the_dump(self) -> str:
        """A counter whose checkpoint has lost all who made it."""
        cid = self.counter()
        caller = self.caller(lambda: self.crio.checkpoint(cid, self.work / "archive.tar"))
        wait_for("CRIU has begun", lambda: "criu" in run("ps", "-eo", "comm").stdout)
        self.end(caller)
        for name in ("lpm-gate", "runc", "criu"):
            subprocess.run(["pkill", "-KILL", "-x", name], check=False)
        wait_for("all are gone", lambda: "criu" not in run("ps", "-eo", "comm").stdout)
        return cid

    def test_all_die_in_the_dump(self) -> None:
        """CRI-O, gate, runtime and CRIU: the network lock goes, too. A CRIU that is killed with its code in the process may
        take that along (sweep_test): then there is nothing to rescue, and it is tried again."""
        cid = next((cid for _ in range(4) if self.status(cid := self.killed_in_the_dump()) != "stopped"), None)
        assert cid is not None, "CRIU took the process along each time"
        pid = self.crio.state(cid)["pid"]
        if self.status(cid) == "paused":
            self.assertIn("thawed", self.rounds(cid))
        else:  # CRIU thaws it for a time, and was killed then
            run(GATE, "--rescue")
        self.assertEqual(self.status(cid), "running")
        self.assertEqual(self.crio.state(cid)["pid"], pid)
        rules = run("nsenter", "-t", str(pid), "-n", "sh", "-c", "iptables-save; nft list ruleset", check=False).stdout
        self.assertNotIn("CRIU", rules)

    def test_a_resume_that_never_happened(self) -> None:
        """lpm-runc has noted it, and was killed with its caller before runc did it."""
        cid = self.counter()
        self.end(self.checkpoint_that_stays_in_its_tar(cid))
        record = self.last_record("checkpoint", "completed")
        [folder] = RUN.glob(f"*/{cid}")
        note = (folder / "checkpoint").read_text()
        (RUN / "ended" / record["id"]).write_text(note + f"resumed {int(note.split()[1]) + 1}\n")
        for name in ("checkpoint", "paused"):
            (folder / name).unlink()
        self.assertIn("thawed", self.round())
        self.assertEqual(self.status(cid), "running")

    def test_what_cannot_be_read_or_is_of_elsewhere_is_not_touched(self) -> None:
        cid = self.counter()
        self.end(self.checkpoint_that_stays_in_its_tar(cid))
        [note] = RUN.glob(f"*/{cid}/checkpoint")
        good = note.read_text()
        for bad in (good.replace("pid:[", "pid:[9"), "", "x", good.replace(" ", "  x", 1), good[:40]):
            note.write_text(bad)
            self.rounds_that_do_nothing(cid)
        note.write_text(good)
        self.assertIn("thawed", self.rounds(cid))
