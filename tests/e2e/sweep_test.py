# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The fault sweep: lpm, the runtime and CRIU killed at, or given an error by, each system call that changes something,
in the middle of a checkpoint of a container that runs, or that its engine has frozen. After each: the container is as
the caller left it, the record is whole and settled, nothing is left over, and the next checkpoint works.

In CI the points are thinned; `./dev sweep` takes them all and prints a line for each.
"""
import shutil
from collections.abc import Sequence

import injection
from crio_runtime import DAEMON_PATH
from e2e import REAL, RUNTIME, Done, log_lines, run, wait_for
from fault_sweep import SweepTest, end_of, rounds
from injection import Point

ERRORS = ("ENOSPC", "EIO", "EROFS", "EMFILE", "EINTR")


class Sweep(SweepTest):
    """One container, which lives as long as it can; `fault` is one round."""

    def container(self) -> str:
        # One that is paused is the one: it was frozen to be checkpointed so.
        if self.cid is None or self.status(self.cid) not in ("running", "paused"):
            self.cid = self.start("counter", "/bin/counter")
            self.lines(self.cid, 2)
        return self.cid

    def checkpoint(self, *before: str, path: str = DAEMON_PATH) -> Done:
        """A checkpoint as CRI-O calls it, with words before the command; its end."""
        shutil.rmtree(self.images, ignore_errors=True)
        return run(*before, RUNTIME, "--root", self.crio.runtime.root, "checkpoint", "--image-path", self.images,
                   "--work-path", self.work, "--leave-running", self.container(), check=False, timeout=120,
                   env={"PATH": path}, cwd="/")

    def runs_on(self, cid: str, seconds: float = 5) -> bool:
        """It counts on from now."""
        have = len(log_lines(self.crio.log(cid)))
        try:
            wait_for("more lines", lambda: len(log_lines(self.crio.log(cid))) >= have + 2, seconds)
        except AssertionError:
            return False
        return True

    def fault(self, victim: str, point: Point, what: str, frozen: bool = False, path: str = DAEMON_PATH,
              before: Sequence[str] = ()) -> tuple[Done, tuple[str, ...]]:
        """One checkpoint with a fault in it; what became of it all, as a line of the table."""
        cid = self.container()
        known = len(self.records())
        if frozen:
            self.crio.pause(cid)
        done = self.checkpoint(*before, path=path)
        wait_for(f"{victim} {point}: the end of runtime and CRIU", lambda: not self.at_work(), 60)
        outcome = self.assert_tidy(f"{victim} {point} {what}")
        record = outcome if len(self.records()) > known else "none"
        self.assertEqual(self.cid, cid, "another container was checkpointed")
        if record not in ("none", "interrupted"):  # who was killed may not have looked yet
            kept = self.records()[-1]["container"]
            self.assertEqual((kept["id"], kept["frozen"]), (cid, frozen), f"{victim} {point} {what}")
        status = self.status(cid)
        if frozen and victim == "criu" and status != "paused":
            # CRIU lets it run while it holds every process; what executed an instruction of CRIU's then ends.
            if status == "running":
                self.assertIn("CRIU was cut off before it froze it again", " ".join(self.records()[-1]["notes"]))
        elif frozen:
            self.assertEqual(status, "paused", f"{victim} {point} {what}: the caller had frozen it")
            self.crio.resume(cid)
            status = self.status(cid)
        goes = status == "running" and self.runs_on(cid)
        row = (victim, what, end_of(done), record,
               "runs on" if goes else status if status != "running" else "stands still")
        self.tell(point, row, frozen)
        if done.returncode == 0 and record not in ("none", "interrupted"):
            self.assertEqual(record, "completed", f"{point}: {row}")
        if not goes:
            self.abandon(cid)
        return done, row

    def abandon(self, cid: str) -> None:
        """It may run all the same, only late: many of them would be why the next one is late."""
        run(REAL, "--root", self.crio.runtime.root, "delete", "--force", cid, check=False)
        self.cid = None

    def assert_next_works(self) -> None:
        done = self.checkpoint()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.images / "inventory.img").exists())
        self.last_record("checkpoint", "completed")


class Lpm(Sweep):
    """Front and gate, which are one process."""

    def baseline(self) -> list[Point]:
        done = self.checkpoint(*injection.strace(self.report))
        self.assertEqual(done.returncode, 0, done.stderr)
        found = injection.points(self.report)
        self.assertGreater(len(found), 20, found)
        return found

    def test_lpm_killed_at_every_system_call(self) -> None:
        found = self.baseline()
        killed, recorded = 0, False
        for (call, nth), frozen in rounds(found, 24):
            before = injection.strace(self.report, f"{call}:signal=KILL:when={nth}")
            done, row = self.fault("lpm", (call, nth), "KILL", frozen, before=before)
            killed += row[2] == "killed"
            self.assertFalse(recorded and row[3] == "none", f"{(call, nth)}: the record is lost")
            recorded = recorded or row[3] == "interrupted"
            self.assertNotEqual(row[2], "failed", (call, nth, done.stderr))
            self.assert_unharmed(row, (call, nth))
        self.assertGreater(killed, 10)
        self.assertTrue(recorded, "no call was interrupted after its intent")
        self.assert_next_works()

    def test_an_error_at_every_system_call(self) -> None:
        found = [(point, error) for point in self.baseline() for error in ERRORS]
        for ((call, nth), error), frozen in rounds(found, 32):
            before = injection.strace(self.report, f"{call}:error={error}:when={nth}")
            done, row = self.fault("lpm", (call, nth), error, frozen, before=before)
            self.assertNotEqual(row[2], "killed", (call, nth, error))
            if row[2] == "failed":
                self.assertIn("lpm", done.stderr, (call, nth, error))
            self.assert_unharmed(row, (call, nth, error))
        self.assert_next_works()


class Runtime(Sweep):
    """runc, followed through its threads and not into CRIU."""

    def test_the_runtime_killed_at_every_system_call(self) -> None:
        self.addCleanup(self.lead_to)
        self.container()
        self.use(injection.strace(self.report, follow=True), "checkpoint")
        self.assertEqual(self.checkpoint().returncode, 0)
        found = injection.points(self.report)
        killed = 0
        for (call, nth), frozen in rounds(found, 12):
            self.use(injection.strace(self.report, f"{call}:signal=KILL:when={nth}", follow=True), "checkpoint")
            _, row = self.fault("runc", (call, nth), "KILL", frozen)
            killed += row[2] == "killed"
            self.assert_unharmed(row, (call, nth))
        self.assertGreater(killed, 3)
        self.lead_to()
        self.assert_next_works()


class Criu(Sweep):
    """CRIU itself, which holds the processes and puts code of its own into them."""

    # Of the other flavour's the test nodes may have a script in CRIU's place.
    flavours = ("forky",)

    def test_criu_killed_at_every_system_call(self) -> None:
        path = f"{self.work}/bin:{DAEMON_PATH}"
        self.container()
        injection.wrapper(self.work / "bin/criu", "/usr/sbin/criu", injection.strace(self.report, aside=True))
        done = self.checkpoint(path=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = injection.points(self.report)
        self.assertIn("ptrace", {call for call, _ in found})
        for (call, nth), frozen in rounds(found, 16):
            injection.wrapper(self.work / "bin/criu", "/usr/sbin/criu",
                              injection.strace(self.report, f"{call}:signal=KILL:when={nth}", aside=True))
            done, row = self.fault("criu", (call, nth), "KILL", frozen, path=path)
            if row[-1] != "runs on":
                self.assertNotEqual(row[2], "exit 0", (call, nth))
                self.assertIn("lpm:", done.stderr, f"{(call, nth)}: {row}: nobody is told")
        self.assert_next_works()
