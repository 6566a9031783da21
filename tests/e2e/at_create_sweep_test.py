# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The sweep of tests/e2e/sweep_test.py over the life of a container that is restored at its create: lpm killed at system calls
of its create, its start and its delete. After each CRI-O's delete leaves nothing of it, and the next one wakes."""
import os
import shutil

import injection
import pytest
from at_create import FROM, RESTORED, AtCreateTest, marks, unpacked
from crio_pod import Pod, new_id
from crio_runtime import CREATE_TIMEOUT, CrioError
from e2e import REAL, RUNTIME, run, wait_for
from fault_sweep import SweepTest, some
from injection import Point
from refusals import processes


@pytest.mark.long
class Lives(SweepTest, AtCreateTest):
    def setUp(self) -> None:
        super().setUp()
        self.archive = self.taken()
        self.tool = self.work / "bin/lpm-runc"

    def spoil(self, verb: str, *inject: str) -> None:
        """Calls with this verb go to lpm under strace, which is no parent of it; all others as ever."""
        words = injection.strace(self.report, *inject, aside=True)
        self.crio.runtime.path = str(injection.wrapper(self.tool, RUNTIME, words, verb))

    def mend(self) -> None:
        self.crio.runtime.path = RUNTIME

    def found(self, verb: str, most: int) -> list[Point]:
        """Where a call with this verb, which has just ended, may be killed."""
        found = injection.points(self.report)
        self.assertTrue(found, verb)
        return list(some(found, most))

    def word(self, cid: str) -> str:
        """What the runtime says of it."""
        done = run(REAL, *self.crio.runtime.globals(), "state", cid, check=False)
        return done.stdout.partition('"status": "')[2].partition('"')[0] or "unknown"

    def marked(self, cid: str) -> str:
        return "marked" if cid in marks() else "no mark"

    def assert_nothing_left(self, cid: str, point: object = "") -> None:
        wait_for(f"{point}: the end of all", lambda: not self.at_work() and not processes("lpm-wake"), 60)
        self.assert_tidy(point)
        self.assert_gone(cid, point)
        self.assertEqual((marks(), unpacked()), ([], []), point)

    def new(self) -> str:
        """A container of a new pod, not created yet; self.pod is its pod."""
        self.cid = self.add_container(new_id())
        self.pod = Pod("new")
        self.pod.annotations[FROM] = self.archive.name
        return self.cid

    def create(self, cid: str) -> None:
        root = self.new_root()
        self.addCleanup(shutil.rmtree, root, ignore_errors=True)
        self.crio.create(cid, root, ("/bin/counter",), annotations=self.pod.notes())

    def assert_wakes(self) -> None:
        self.mend()
        self.crio.runtime.patience = CREATE_TIMEOUT
        cid = self.new()
        self.create(cid)
        self.crio.start(cid)
        self.assert_goes_on(cid, self.archive)
        self.crio.delete(cid)
        self.assert_nothing_left(cid)

    def test_killed_in_a_create(self) -> None:
        self.spoil("create")
        cid = self.new()
        self.create(cid)
        found = self.found("create", 16)
        self.mend()
        self.crio.delete(cid)
        self.assertGreater(len(found), 10, found)
        # Of a runtime that is killed when the container is there conmon reads on, until that says something.
        self.crio.runtime.patience = 2
        for call, nth in found:
            self.spoil("create", f"{call}:signal=KILL:when={nth}")
            cid, end = self.new(), "exit 0"
            try:
                self.create(cid)
            except CrioError:
                end = "failed"
            self.mend()
            self.crio.delete(cid)  # where the create failed, a second time
            self.tell((call, nth), ("create", "KILL", end))
            self.assert_nothing_left(cid, (call, nth))
        self.assertGreater(self.table["create", "KILL", "failed"], len(found) // 2)
        self.assert_wakes()

    def test_killed_in_a_start(self) -> None:
        cid = self.new()
        self.create(cid)
        self.spoil("start")
        self.crio.start(cid)
        found = self.found("start", 12)
        self.mend()
        self.crio.delete(cid)
        for call, nth in found:
            cid = self.new()
            self.create(cid)
            self.spoil("start", f"{call}:signal=KILL:when={nth}")
            done = self.ask("start", cid)
            self.mend()
            word, marked = self.word(cid), self.marked(cid)
            self.tell((call, nth), ("start", "KILL", str(done.returncode), word, marked))
            self.assertIn(word, ("paused", "running"), (call, nth))
            if word == "running":
                self.assertEqual(os.listdir(RESTORED), [f"{self.pod.uid}_ctr"], "it goes on twice")
                self.crio.pause(cid)
                self.assertEqual(self.crio.state(cid)["status"], "paused")
                self.crio.resume(cid)
                self.assert_goes_on(cid, self.archive)
            else:
                self.assertEqual(marked, "marked")
                self.assertEqual(self.crio.state(cid)["status"], "created")
            self.crio.delete(cid)
            self.assert_nothing_left(cid, (call, nth))
            shutil.rmtree(RESTORED, ignore_errors=True)
        self.assertIn(("start", "KILL", "-9", "running", "marked"), self.table, "none was killed before the mark was gone")
        self.assert_wakes()

    def test_killed_in_a_delete(self) -> None:
        cid = self.new()
        self.create(cid)
        self.spoil("delete")
        self.crio.delete(cid)
        found = self.found("delete", 12)
        for call, nth in found:
            self.mend()
            cid = self.new()
            self.create(cid)
            self.spoil("delete", f"{call}:signal=KILL:when={nth}")
            done = self.ask("delete", "--force", cid)
            self.mend()
            self.tell((call, nth), ("delete", "KILL", str(done.returncode), self.word(cid), self.marked(cid)))
            self.crio.delete(cid)
            self.assert_nothing_left(cid, (call, nth))
        self.assert_wakes()
