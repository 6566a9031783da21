# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A session of exec that is killed while CRIU dumps its container, as an engine does with a probe whose time is over."""
import contextlib
import os
import signal
import subprocess
import threading

from action_scripts import ActionScriptTest
from e2e import REAL, RUNTIME, Done, settle, wait_for
from resource_cases import ResourceTest

NOWHERE = subprocess.DEVNULL


class SessionKilled(ActionScriptTest, ResourceTest):
    def session(self, cid: str) -> str:
        """One that is under way; its process id."""
        subprocess.run([REAL, "--root", self.root, "exec", "--detach", "--pid-file", self.work / "session", cid, "/bin/counter"],
                       check=True, stdin=NOWHERE, stdout=NOWHERE, stderr=NOWHERE)
        settle()
        return (self.work / "session").read_text()

    def lost(self, cid: str, session: str, runtime: str = RUNTIME) -> Done:
        """A checkpoint that loses it before CRIU reads the first process."""
        env = self.with_script("network-lock", f"kill -KILL {session}; true")
        return self.call("--root", self.root, *self.checkpoint_args(cid), env=env, runtime=runtime)

    def told(self, done: Done, *words: str) -> None:
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.last_record("checkpoint", "failed")["result"]["code"], "ProcessEnded", done.stderr)
        for word in (*words, "try again", "timeoutSeconds", "[ProcessEnded]"):
            self.assertIn(word, done.stderr)

    def counter(self) -> str:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        return cid

    def test_the_runtime_says_nothing_of_it(self) -> None:
        cid = self.counter()
        done = self.lost(cid, self.session(cid), runtime=REAL)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("criu failed: type", done.stderr)
        self.assert_runs(cid)

    def test_the_next_try_succeeds(self) -> None:
        cid = self.counter()
        self.told(self.lost(cid, self.session(cid)), "is in unexpected state: 9")
        self.assert_runs(cid)
        self.assertEqual(self.dump(cid).returncode, 0)
        self.comes_back(cid)

    def test_while_the_caller_has_paused_it(self) -> None:
        cid = self.counter()
        session = self.session(cid)
        with self.paused(cid):
            self.told(self.lost(cid, session))
        self.assert_runs(cid)

    def test_while_memory_is_dumped(self) -> None:
        cid = self.start("workers", "/bin/workers", "memory", "400")
        self.lines(cid, 3)
        pid = int(self.session(cid))

        def has_begun() -> bool:
            with contextlib.suppress(FileNotFoundError):
                return (self.images / "pages-1.img").stat().st_size > 1 << 20
            return False

        def kill() -> None:
            wait_for("the first pages", has_begun)
            os.kill(pid, signal.SIGKILL)
        killer = threading.Thread(target=kill)
        killer.start()
        self.told(self.dump(cid))
        killer.join()
        self.assert_runs(cid)
        self.assertEqual(self.dump(cid).returncode, 0)
