# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a restore leaves that is killed in the middle, with the runtime alone and with lpm in front of it."""
import pathlib
import subprocess

from action_scripts import DURING_RESTORE, KILL, InterruptedRestoreTest
from crio_runtime import DAEMON_PATH
from e2e import CRUN, REAL, RUNTIME, Done, only_on, run, wait_for

PARENT = "parent() { sed -n 's/^PPid:[^0-9]*//p' /proc/$1/status; };"
KILL_BOTH = f"{PARENT} kill -KILL $(parent $criu) $criu"  # the runtime as well


class Restore(InterruptedRestoreTest):
    """Cut off in the middle, with the processes half made."""

    def cut_off(self, act: str, runtime: str) -> Done:
        done = self.restore(self.bundle, runtime=runtime, env=self.with_script(DURING_RESTORE, act))
        self.assertNotEqual(done.returncode, 0)
        return done

    @only_on("forky")
    def test_a_runtime_that_waits_for_a_dead_criu(self) -> None:
        """As after an OOM kill: what CRIU was making holds the socket that runc reads."""
        done = self.cut_off(KILL, RUNTIME)
        self.assertIn("left processes that no runtime knows of; they have been ended", done.stderr)
        self.assertEqual(self.rest(), [])
        self.restores(self.bundle)
        self.remove_restored()
        self.addCleanup(self.kill_rest)
        with self.assertRaises(subprocess.TimeoutExpired, msg="without lpm it ends: there is nothing to repair"):
            self.restore(self.bundle, runtime=REAL, env=self.with_script(DURING_RESTORE, KILL), timeout=7)

    @only_on("trixie")  # one of the two is enough for what takes so long
    def test_a_criu_that_waits_for_a_dead_process(self) -> None:
        """Which was killed just before it was let go, as by delete --force."""
        kill = "kill -KILL $CRTOOLS_INIT_PID"
        self.addCleanup(self.kill_rest)
        done = self.restore(self.bundle, env=self.with_script("network-unlock", kill))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("CRIU, which waited for a first process that had been killed, was ended", done.stderr)
        self.assertIn("CRIU, which waited", self.notes("restore"))
        with self.assertRaises(subprocess.TimeoutExpired, msg="without lpm it ends: there is nothing to repair"):
            self.restore(self.bundle, runtime=REAL, env=self.with_script("network-unlock", kill), timeout=13)

    def test_another_container_in_the_same_cgroup(self) -> None:
        """Restored a moment before, from the same images: what the runtime knows is left alone."""
        self.restores(self.bundle)
        other = self.restored
        self.cut_off(KILL_BOTH, RUNTIME)  # forky's runc refuses before it comes to that
        self.assertEqual(self.status(other), "running")
        self.assertEqual(self.rest(), [self.crio.state(other)["pid"]])

    def test_processes_that_only_look_like_left_ones(self) -> None:
        """Each but the last misses one of the marks of what this restore has made."""
        def sleeper(*before: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen([*before, "sleep", "300"])
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            return process

        def first(adopted: bool = True) -> int:
            """Of a PID namespace; adopted by the node's first process, an ancestor of the gate."""
            parent = sleeper("unshare", "--pid", "--fork")
            children = pathlib.Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
            wait_for("the child", children.read_text)
            pid = int(children.read_text())
            wait_for("sleep", lambda: "sleep" in pathlib.Path(f"/proc/{pid}/comm").read_text())
            self.addCleanup(run, "kill", "-KILL", pid, check=False)
            if adopted:
                parent.kill()
            return pid

        old = first()
        go = self.work / "go"
        restore = self.slow_restore(f"while [ ! -e {go} ]; do sleep 0.1; done; {KILL_BOTH}")
        plain, elsewhere, others, left = sleeper().pid, first(), first(adopted=False), first()
        for procs in pathlib.Path("/sys/fs/cgroup").glob(f"*{self.cgroup()}/cgroup.procs"):
            for pid in (old, plain, others, left):
                procs.write_text(str(pid))
        go.touch()
        self.assertNotEqual(restore.wait(timeout=60), 0)
        self.assertEqual(sorted(self.rest()), sorted((old, plain, others)), self.output.read_text())
        self.assertTrue(pathlib.Path(f"/proc/{elsewhere}").exists())
        self.assertIn(f"{left} (sleep)", self.notes("restore"))

    def test_the_same_container_again(self) -> None:
        """While a restore is under way nothing of it is taken for what the second one has left."""
        first = self.slow_restore("sleep 3")
        second = subprocess.run(first.args, check=False, cwd="/", env={"PATH": DAEMON_PATH}, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=60)
        self.assertNotEqual(second.returncode, 0)
        self.assertNotIn("have been ended", second.stderr)
        self.assertEqual(first.wait(timeout=60), 0, self.output.read_text())
        self.assertEqual(self.status(self.restored), "running")

    def test_files_of_the_container_when_it_is_deleted(self) -> None:
        """runc has bound them into the folder that it removes."""
        lpm = f"{PARENT} runc=$(parent $criu); kill -KILL $(parent $runc) $runc $criu"
        self.addCleanup(self.kill_rest)
        for runtime, act, deleter, safe in ((RUNTIME, KILL_BOTH, REAL, True), (RUNTIME, lpm, RUNTIME, True),
                                               (REAL, KILL_BOTH, REAL, False)):
            done = self.cut_off(act, runtime)
            if act == KILL_BOTH and safe:
                self.assertIn("would have emptied it", self.notes("restore"))
                self.assertEqual(self.rest(), [], done.stderr)
            run(deleter, "--root", self.root, "delete", "--force", self.restored)
            self.assertEqual((self.rootfs / "bin/counter").exists(), safe, (act, deleter, done.stderr))
            self.kill_rest()
            if safe:
                self.restores(self.bundle)
                self.remove_restored()


class RestoreWithCrun(InterruptedRestoreTest):
    def setUp(self) -> None:
        self.use_crun()
        super().setUp()

    def test_a_delete_in_the_middle(self) -> None:
        for runtime, ok in ((RUNTIME, True), (CRUN, False)):
            restore = self.slow_restore("sleep 3", runtime=runtime)
            done = self.call("--root", self.root, "delete", "--force", self.restored, runtime=runtime)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(restore.wait(timeout=30) == 0, ok, self.output.read_text())
            self.assertEqual(not self.rest(), ok, "the container runs on")
            self.kill_rest()
            run("umount", self.bundle / "criu-root", check=False)

    def test_files_of_the_container_in_its_bundle(self) -> None:
        """Where crun has bound them for CRIU, and whoever removes the bundle would remove them."""
        place = self.bundle / "criu-root"
        for runtime, safe in ((RUNTIME, True), (CRUN, False)):
            done = self.restore(self.bundle, runtime=runtime, env=self.with_script(DURING_RESTORE, KILL_BOTH))
            self.assertNotEqual(done.returncode, 0)
            mounts = pathlib.Path("/proc/self/mountinfo").read_text()
            self.addCleanup(run, "umount", "--lazy", place, check=False)
            self.assertEqual((f" {place} " not in mounts, not place.exists()), (safe, safe), done.stderr)
            if safe:
                self.assertIn("has been unmounted", self.notes("restore"))
                self.assertEqual(self.restore(self.bundle).returncode, 0)
                self.assertEqual(self.crio.state(self.restored)["status"], "running")
                self.remove_restored()
            self.kill_rest()
