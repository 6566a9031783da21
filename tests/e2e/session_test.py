# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Sessions of exec that are killed while CRIU dumps their container, as an engine does with a probe whose time is over."""
import subprocess
from typing import Any

from action_scripts import ActionScriptTest
from e2e import REAL, RUNTIME, Done
from resource_cases import ResourceTest, settle

QUIET: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
KILLED = "is in unexpected state: 9"  # of waitpid: by SIGKILL


class SessionKilled(ActionScriptTest, ResourceTest):
    def setUp(self) -> None:
        super().setUp()
        self.cid = self.start("counter", "/bin/counter")
        self.lines(self.cid, 3)

    def dump(self, sessions: int, runtime: str = RUNTIME, paused: bool = False) -> Done:
        """Each time that CRIU comes to this point it loses one of them."""
        pids = []
        for _ in range(sessions):
            subprocess.run([REAL, "--root", self.root, "exec", "--detach", "--pid-file", self.work / "session", self.cid,
                            "/bin/counter"], check=True, **QUIET)
            pids.append((self.work / "session").read_text())
        settle()
        if paused:
            self.crio.pause(self.cid)
        left = self.work / "left"
        left.write_text("".join(f"{pid}\n" for pid in pids))
        env = self.with_script("network-lock", f"kill -KILL $(sed -n 1p {left}); sed -i 1d {left}; true")
        return self.call("--root", self.root, *self.checkpoint_args(self.cid), env=env, runtime=runtime)

    def test_the_runtime_alone_fails(self) -> None:
        done = self.dump(1, runtime=REAL)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(KILLED, (self.work / "dump.log").read_text(errors="replace"))
        self.assert_runs(self.cid)

    def test_it_is_taken_nevertheless(self) -> None:
        done = self.dump(2)
        self.assertEqual(done.returncode, 0, done.stderr)
        record = self.last_record("checkpoint", "completed")
        self.assertEqual(["was started again" in note for note in record["notes"]], [True, True])
        self.assert_runs(self.cid)
        self.assertEqual(self.dump(1).returncode, 0)
        self.comes_back(self.cid)

    def test_while_the_caller_has_paused_it(self) -> None:
        done = self.dump(1, paused=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.status(self.cid), "paused")
        self.crio.resume(self.cid)
        self.assert_runs(self.cid)

    def test_it_ends(self) -> None:
        done = self.dump(4)
        self.assertNotEqual(done.returncode, 0)
        record = self.last_record("checkpoint", "failed")
        self.assertEqual(record["result"]["code"], "ProcessKilled")
        self.assertEqual(sum("was started again" in note for note in record["notes"]), 3)
        self.assertIn("timeoutSeconds", done.stderr)
        self.assert_runs(self.cid)
