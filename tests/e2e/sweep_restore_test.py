# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The sweep of tests/e2e/sweep_test.py for a restore: lpm, the runtime and CRIU killed at system calls in the middle of
it. After each the images are as they were, the record is whole and settled, the container can be deleted, nothing of it
is left, and the same images restore."""
import hashlib
from collections.abc import Sequence

import injection
from crio_runtime import DAEMON_PATH
from e2e import REAL, Done, only_on, run, wait_for
from fault_sweep import SweepTest, end_of, some
from injection import Point
from refusals import processes


class Restores(SweepTest):
    def setUp(self) -> None:
        super().setUp()
        self.bundle = self.checkpointed()
        self.whole = self.content()

    def content(self) -> dict[str, str]:
        """Of the images, whatever the programs put beside them."""
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in self.images.iterdir() if path.suffix == ".img"}

    def attempt(self, *before: str, path: str = DAEMON_PATH) -> Done:
        (self.work / ".pid").unlink(missing_ok=True)  # runc's own draft of the pid file, when it was killed there
        done = self.restore(self.bundle, *before, path=path)
        self.cid = self.restored
        return done

    def known(self) -> str:
        """What the runtime says of the container."""
        state = run(REAL, *self.crio.runtime.globals(), "state", self.cid, check=False)
        return state.stdout.partition('"status": "')[2].partition('"')[0] or "unknown"

    def delete(self, point: object) -> None:
        done = run(REAL, *self.crio.runtime.globals(), "delete", "--force", self.cid, check=False)
        self.assertEqual(done.returncode, 0, f"{point}: {done.stderr}")
        wait_for(f"{point}: the end of its processes", lambda: not processes("counter"), 20)

    def fault(self, victim: str, point: Point, path: str = DAEMON_PATH, before: Sequence[str] = ()) -> None:
        before_it = len(self.records())
        done = self.attempt(*before, path=path)
        wait_for(f"{victim} {point}: the end of runtime and CRIU", lambda: not self.at_work(), 60)
        outcome = self.assert_tidy(f"{victim} {point}")
        row = (victim, "KILL", end_of(done), outcome if len(self.records()) > before_it else "none", self.known())
        self.tell(point, row)
        self.assertEqual(self.content(), self.whole, point)
        if done.returncode == 0:
            self.assertEqual(row[-1], "running", point)
        self.delete(point)

    def ends(self, end: str) -> int:
        """How many rounds ended so."""
        return sum(count for row, count in self.table.items() if row[2] == end)

    def assert_comes_back(self) -> None:
        (self.work / ".pid").unlink(missing_ok=True)
        self.restores(self.bundle)
        self.remove_restored()

    def test_lpm_killed_in_a_restore(self) -> None:
        self.assertEqual(self.attempt(*injection.strace(self.report)).returncode, 0)
        self.delete("baseline")
        for call, nth in some(injection.points(self.report), 12):
            self.fault("lpm", (call, nth), before=injection.strace(self.report, f"{call}:signal=KILL:when={nth}"))
        self.assertGreater(self.ends("killed"), 6)
        self.assertTrue([row for row in self.table if row[3] == "interrupted"], "none was interrupted after its intent")
        self.assert_comes_back()

    def test_the_runtime_killed_in_a_restore(self) -> None:
        self.addCleanup(self.lead_to)
        self.use(injection.strace(self.report, follow=True), "restore")
        self.assertEqual(self.attempt().returncode, 0)
        self.delete("baseline")
        for call, nth in some(injection.points(self.report), 10):
            self.use(injection.strace(self.report, f"{call}:signal=KILL:when={nth}", follow=True), "restore")
            self.fault("runc", (call, nth))
        self.assertGreater(self.ends("killed"), 3)
        self.lead_to()
        self.assert_comes_back()

    @only_on("forky")  # as sweep_test's
    def test_criu_killed_in_a_restore(self) -> None:
        path = f"{self.work}/bin:{DAEMON_PATH}"
        # The processes become CRIU's siblings, which must not make them strace's children.
        injection.wrapper(self.work / "bin/criu", "/usr/sbin/criu", injection.strace(self.report, aside=True))
        done = self.attempt(path=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.delete("baseline")
        for call, nth in some(injection.points(self.report), 6):
            injection.wrapper(self.work / "bin/criu", "/usr/sbin/criu",
                              injection.strace(self.report, f"{call}:signal=KILL:when={nth}", aside=True))
            self.fault("criu", (call, nth), path=path)
        self.assertGreater(self.ends("failed"), 3)
        self.assert_comes_back()
