# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""`delete --force` in the middle of a restore: CRI-O does this when a restore takes longer than it waits."""
import contextlib
import pathlib
import subprocess
import time

from action_scripts import InterruptedRestoreTest
from e2e import REAL, run


class Deletion(InterruptedRestoreTest):
    def delete(self) -> None:
        done = self.call("--root", self.root, "delete", "--force", self.restored)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertFalse((pathlib.Path(self.root) / self.restored).exists())

    def assert_nothing_is_left(self) -> None:
        self.assertEqual(self.rest(), [])
        self.assertFalse(run("pgrep", "-x", "criu", check=False).stdout, "CRIU is left")
        self.assertTrue((self.rootfs / "bin/counter").exists(), "its files are gone")

    def test_at_any_moment(self) -> None:
        """Since its folder is there: before that, nobody can tell that there will be something to delete."""
        for number in range(12):
            call = self.begin_restore(self.bundle)
            place = pathlib.Path(self.root) / self.restored
            while not place.exists() and call.poll() is None:
                pass
            # At once, and later and later.
            with contextlib.suppress(subprocess.TimeoutExpired):
                call.wait(max(0, number - 6) * 0.05)
            self.delete()
            self.assertEqual(call.wait(timeout=30), 0, self.output.read_text())
            self.assert_nothing_is_left()
        self.assertEqual([(r["state"], r["outcome"]) for r in self.records()], [("final", "completed")] * 13)

    def test_it_waits_for_the_restore(self) -> None:
        restore = self.slow_restore("sleep 3")
        self.delete()
        self.assertEqual(restore.wait(timeout=10), 0, self.output.read_text())
        self.assert_nothing_is_left()
        self.last_record("restore", "completed")
        # The harm: runc deletes what CRIU has mounted there.
        self.addCleanup(self.kill_rest)
        restore = self.slow_restore("sleep 3", runtime=REAL)
        self.call("--root", self.root, "delete", "--force", self.restored, runtime=REAL)
        restore.wait(timeout=30)
        self.assertFalse((self.rootfs / "bin/counter").exists(), "without lpm nothing is lost: there is nothing to do")

    def test_it_does_not_wait_for_ever(self) -> None:
        restore = self.slow_restore("sleep 18")
        begun = time.monotonic()
        self.delete()
        self.assertGreater(time.monotonic() - begun, 9)
        self.assertIsNone(restore.poll())
        self.assertNotEqual(restore.wait(timeout=30), 0)
        self.assert_nothing_is_left()
        self.last_record("restore", "failed")
