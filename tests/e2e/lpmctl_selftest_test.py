# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpmctl selftest: a container through all of it, and nothing of it stays however that ends."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

from e2e import LINK, REAL, NodeTest, run, wait_for

LPMCTL = "/usr/bin/lpmctl"
FOLDER = pathlib.Path("/run/lpm/selftest")
STEPS = ["Create", "Start", "Checkpoint", "Remove", "Restore", "State", "CleanUp"]
CONFIG = pathlib.Path("/etc/crio/crio.conf.d/10-runc.conf")


class Selftest(NodeTest):
    def assert_nothing_is_left(self) -> None:
        self.assertFalse(FOLDER.exists(), list(FOLDER.glob("*")))
        self.assertNotIn("selftest", pathlib.Path("/proc/self/mountinfo").read_text())
        left = run("find", "/sys/fs/cgroup", "-name", "*lpm-selftest*").stdout
        self.assertEqual(left, "")
        self.assertEqual(run("pgrep", "-f", "^/bin/sleep 600$", check=False).stdout, "")

    def test_passes(self) -> None:
        done = run(LPMCTL, "selftest")
        print(done.stdout, flush=True)
        lines = done.stdout.splitlines()
        self.assertEqual([line.split()[:2] for line in lines], [["ok", step] for step in STEPS])
        self.assertRegex(lines[2], r" m?s  [1-9]\d* checks before it, record \w{26}$")
        records = self.records()
        self.assertEqual([(r["operation"], r["outcome"]) for r in records],
                         [("checkpoint", "completed"), ("restore", "completed")])
        self.assertIn(records[0]["id"], lines[2])
        self.assert_nothing_is_left()
        steps = json.loads(run(LPMCTL, "selftest", "-o", "json").stdout)["steps"]
        self.assertEqual([(step["id"], step["state"]) for step in steps], [(step, "ok") for step in STEPS])
        self.assertEqual(set(steps[0]), {"id", "state", "found", "remedy", "log", "microseconds"})
        self.assert_nothing_is_left()

    def test_without_criu(self) -> None:
        CONFIG.parent.mkdir(parents=True, exist_ok=True)
        self.addCleanup(shutil.rmtree, CONFIG.parent.parent)
        CONFIG.write_text('[crio.runtime.runtimes.runc]\nmonitor_env = ["PATH=/nowhere"]\n')
        done = run(LPMCTL, "selftest", check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[2], r"^fail +Checkpoint .*criu is not installed where the runtime looks for it "
                                   r"\(PATH is /nowhere\)")
        self.assertIn("-> lpmctl doctor", lines[3])
        self.assertRegex(lines[4], r"^ok +CleanUp ")
        self.assert_nothing_is_left()

    def test_a_runtime_that_fails(self) -> None:
        """The end of CRIU's log is shown."""
        self.stand_in('*" checkpoint "*) for i in 1 2; do "$REAL" "$@"; done; exit 1')
        done = run(LPMCTL, "selftest", check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, r"(?m)^fail +Checkpoint ")
        self.assertRegex(done.stdout, r"(?m)^ +\| \(\d+\.\d+\) Dumping finished successfully$")
        self.assert_nothing_is_left()

    def stand_in(self, case: str) -> None:
        """A script in the place of the runtime, which does so with some calls."""
        script = self.work / "runtime"
        script.write_text(f'#!/bin/sh\nREAL={REAL}\ncase " $* " in {case};; esac\nexec "$REAL" "$@"\n')
        script.chmod(0o755)
        self.assertEqual(os.readlink(LINK), REAL)
        LINK.unlink()
        LINK.symlink_to(script)
        self.addCleanup(LINK.symlink_to, REAL)
        self.addCleanup(LINK.unlink)

    def begun(self) -> "subprocess.Popen[str]":
        """One in the middle of its checkpoint, which takes a second."""
        self.stand_in(f'*" checkpoint "*--image-path*) touch {self.work}/now; sleep 1')
        selftest = subprocess.Popen([LPMCTL, "selftest"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(selftest.kill)
        wait_for("the checkpoint", (self.work / "now").exists)
        return selftest

    def test_interrupted(self) -> None:
        selftest = self.begun()
        self.assertIn("another selftest runs", run(LPMCTL, "selftest", check=False).stderr)
        selftest.send_signal(signal.SIGINT)
        out, err = selftest.communicate(timeout=60)
        self.assertEqual((selftest.returncode, err), (2, "lpmctl: interrupted: what was made is removed\n"), out)
        self.assertEqual([line.split()[1] for line in out.splitlines()], ["Create", "Start", "Checkpoint", "CleanUp"])
        self.assert_nothing_is_left()

    def test_killed(self) -> None:
        """The next one removes what is left, and passes."""
        selftest = self.begun()
        selftest.kill()
        selftest.communicate(timeout=60)
        self.assertTrue(any(FOLDER.glob("root/lpm-selftest-*")))
        wait_for("the checkpoint has ended", lambda: self.ended_calls("checkpoint"))
        run(LPMCTL, "selftest")
        self.assert_nothing_is_left()
