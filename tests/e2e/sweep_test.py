# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The fault sweep: lpm, the runtime and CRIU killed at, or given an error by, each system call that changes something,
in the middle of a checkpoint of a container that runs, or that its engine has frozen. After each: the container is as
the caller left it, the record is whole and settled, nothing is left over, and the next checkpoint works.

In CI the points are thinned; `./dev sweep` takes them all and prints a line for each.
"""
import collections
import os
import pathlib
import shutil

import injection
from crio_runtime import DAEMON_PATH
from e2e import GATE, LOGS, RECORDS, RUNTIME, NodeTest, log_lines, run, wait_for

ALL = os.environ.get("LPM_SWEEP") == "all"
LINK = pathlib.Path("/etc/lpm/runtime")
STORE = RECORDS.parent
ERRORS = ("ENOSPC", "EIO", "EROFS", "EMFILE", "EINTR")
OUTCOMES = {"completed", "failed", "interrupted"}


class Sweep(NodeTest):
    """One container, which lives as long as it can; `fault` is one round."""

    cid = None

    def setUp(self):
        super().setUp()
        self.table = collections.Counter()
        self.images = self.work / "images"
        self.report = self.work / "strace"

    def container(self):
        if self.cid is None or self.status(self.cid) != "running":
            self.cid = self.start("counter", "/bin/counter")
            self.lines(self.cid, 2)
        return self.cid

    def checkpoint(self, *before, path=DAEMON_PATH):
        """A checkpoint as CRI-O calls it, with words before the command; its end."""
        shutil.rmtree(self.images, ignore_errors=True)
        return run(*before, RUNTIME, "--root", self.crio.runtime.root, "checkpoint", "--image-path", self.images,
                   "--work-path", self.work, "--leave-running", self.container(), check=False, timeout=120,
                   env={"PATH": path}, cwd="/")

    def at_work(self):
        """Programs of this checkpoint that run on: a runtime outlives its caller, and CRIU its own."""
        found = []
        for name in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = name.read_bytes().split(b"\0")
            except OSError:
                continue
            program = os.path.basename(words[0]).decode(errors="replace")
            if program.startswith("criu") or (program == "runc" and self.cid.encode() in words):
                found.append((program, int(name.parent.name)))
        return found

    def runs_on(self, seconds=5):
        """It counts on from now."""
        have = len(log_lines(self.crio.log(self.cid)))
        try:
            wait_for("more lines", lambda: len(log_lines(self.crio.log(self.cid))) >= have + 2, seconds)
        except AssertionError:
            return False
        return True

    def assert_tidy(self, point):
        """Records are whole, the last one is final; no drafts, no stray files of ours."""
        settled = run(GATE, "--settle")
        self.assertEqual(settled.stderr, "", point)
        record = self.records()[-1] if self.records() else None
        for path in RECORDS.glob("*/.*"):
            self.fail(f"{point}: left over: {path}")
        self.assertFalse(list(STORE.glob("journal/.*")), point)
        self.assertLessEqual({p.name for p in STORE.iterdir()}, {"records", "journal", "logs", "keeper.lock"}, point)
        if record is None:
            return "none"
        self.assertEqual(record["state"], "final", point)
        self.assertIn(record["outcome"], OUTCOMES, point)
        for folder in (LOGS / record["id"],) if (LOGS / record["id"]).exists() else ():
            self.assertLessEqual({p.name for p in folder.iterdir()}, {"dump.log", "stats-dump"}, point)
        return record["outcome"]

    def fault(self, victim, point, what, frozen=False, path=DAEMON_PATH, before=()):
        """One checkpoint with a fault in it; what became of it all, as a line of the table."""
        cid = self.container()
        known = len(self.records())
        if frozen:
            self.crio.pause(cid)
        done = self.checkpoint(*before, path=path)
        wait_for(f"{victim} {point}: the end of runtime and CRIU", lambda: not self.at_work(), 60)
        outcome = self.assert_tidy(f"{victim} {point} {what}")
        record = outcome if len(self.records()) > known else "none"
        status = self.status(cid)
        if frozen:
            self.assertEqual(status, "paused", f"{victim} {point} {what}: the caller had frozen it")
            self.crio.resume(cid)
            status = self.status(cid)
        goes = status == "running" and self.runs_on()
        row = (victim, what, "exit 0" if done.returncode == 0 else "killed" if done.returncode in (-9, 137) else "failed",
               record, "runs on" if goes else status if status != "running" else "stands still")
        self.table[row] += 1
        if done.returncode == 0 and record not in ("none", "interrupted"):
            self.assertEqual(record, "completed", f"{point}: {row}")
        if ALL:
            print("sweep:", point[0], point[1], *row, "frozen by the caller" if frozen else "", sep="\t", flush=True)
        if not goes:
            self.cid = None
        return done, row

    def assert_unharmed(self, row, point):
        self.assertEqual(row[-1], "runs on", f"{point}: {row}")

    def assert_next_works(self):
        done = self.checkpoint()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.images / "inventory.img").exists())
        self.last_record("checkpoint", "completed")

    def tearDown(self):
        for row, count in sorted(self.table.items()):
            print("sweep:", *row, f"{count} times", sep="\t", flush=True)


class Lpm(Sweep):
    """Front and gate, which are one process."""

    def baseline(self):
        done = self.checkpoint(*injection.strace(self.report))
        self.assertEqual(done.returncode, 0, done.stderr)
        found = injection.points(self.report)
        self.assertGreater(len(found), 20, found)
        return found

    def test_lpm_killed_at_every_system_call(self):
        found = self.baseline()
        killed, recorded = 0, False
        for number, (call, nth) in enumerate(injection.thinned(found, 400 if ALL else 24)):
            before = injection.strace(self.report, f"{call}:signal=KILL:when={nth}")
            done, row = self.fault("lpm", (call, nth), "KILL", number % 2 == 1, before=before)
            killed += row[2] == "killed"
            self.assertFalse(recorded and row[3] == "none", f"{(call, nth)}: the record is lost")
            recorded = recorded or row[3] == "interrupted"
            self.assertNotEqual(row[2], "failed", (call, nth, done.stderr))
            self.assert_unharmed(row, (call, nth))
        self.assertGreater(killed, 10)
        self.assertTrue(recorded, "no call was interrupted after its intent")
        self.assert_next_works()

    def test_an_error_at_every_system_call(self):
        found = [(point, error) for point in self.baseline() for error in ERRORS]
        for number, ((call, nth), error) in enumerate(injection.thinned(found, 2000 if ALL else 32)):
            before = injection.strace(self.report, f"{call}:error={error}:when={nth}")
            done, row = self.fault("lpm", (call, nth), error, number % 2 == 1, before=before)
            self.assertNotEqual(row[2], "killed", (call, nth, error))
            if row[2] == "failed":
                self.assertIn("lpm", done.stderr, (call, nth, error))
            self.assert_unharmed(row, (call, nth, error))
        self.assert_next_works()


class Runtime(Sweep):
    """runc, followed through its threads and not into CRIU."""

    def use(self, words):
        program = injection.wrapper(self.work / "bin/runc", "/usr/sbin/runc", words, "checkpoint")
        LINK.unlink(missing_ok=True)
        LINK.symlink_to(program)

    def restore_link(self):
        LINK.unlink(missing_ok=True)
        LINK.symlink_to("/usr/sbin/runc")

    def test_the_runtime_killed_at_every_system_call(self):
        self.addCleanup(self.restore_link)
        self.container()
        self.use(injection.strace(self.report, follow=True))
        self.assertEqual(self.checkpoint().returncode, 0)
        found = injection.points(self.report)
        killed = 0
        for number, (call, nth) in enumerate(injection.thinned(found, 400 if ALL else 12)):
            self.use(injection.strace(self.report, f"{call}:signal=KILL:when={nth}", follow=True))
            _, row = self.fault("runc", (call, nth), "KILL", number % 2 == 1)
            killed += row[2] == "killed"
            self.assert_unharmed(row, (call, nth))
        self.assertGreater(killed, 3)
        self.restore_link()
        self.assert_next_works()


class Criu(Sweep):
    """CRIU itself, which holds the processes and puts code of its own into them."""

    # Of the other flavour's the test nodes may have a script in CRIU's place.
    flavours = ("forky",)

    def test_criu_killed_at_every_system_call(self):
        path = f"{self.work}/bin:{DAEMON_PATH}"
        self.container()
        injection.wrapper(self.work / "bin/criu", "/usr/sbin/criu", injection.strace(self.report))
        done = self.checkpoint(path=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = injection.points(self.report)
        self.assertIn("ptrace", {call for call, _ in found})
        for number, (call, nth) in enumerate(injection.thinned(found, 1000 if ALL else 16)):
            injection.wrapper(self.work / "bin/criu", "/usr/sbin/criu",
                              injection.strace(self.report, f"{call}:signal=KILL:when={nth}"))
            done, row = self.fault("criu", (call, nth), "KILL", number % 2 == 1, path=path)
            if row[-1] != "runs on":
                self.assertNotEqual(row[2], "exit 0", (call, nth))
                self.assertIn("lpm:", done.stderr, f"{(call, nth)}: {row}: nobody is told")
        self.assert_next_works()
