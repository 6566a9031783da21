# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a CRIU that is killed in the middle leaves behind, with the runtime alone and with lpm in front of it."""
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from crio_runtime import DAEMON_PATH
from disturbing import WHILE_IT_IS_MADE, Disturbing, HalfMade
from e2e import REAL, RUNTIME, run, wait_for
from refusing import Refusing, processes

POD = "pod"
FILTER = pathlib.Path(__file__).resolve().parent.parent / "support/packet_filter.py"
CONNECT = "import socket; socket.create_connection(('127.0.0.1', 8000), timeout=2)"
FOREIGN = "CRIU-00000000-1111-2222-33"  # as another run of CRIU would name its table
KILL = "kill -KILL $criu; exit 1"
PARENT = "parent() { sed -n 's/^PPid:[^0-9]*//p' /proc/$1/status; };"
KILL_BOTH = f"{PARENT} kill -KILL $(parent $criu) $criu"  # the runtime as well


class Leftovers(Disturbing):
    def setUp(self):
        super().setUp()
        self.netns = self.network(POD)

    def pod(self, *argv, check=True):
        return run("ip", "netns", "exec", POD, *argv, check=check)

    def nft(self, *commands):
        return self.pod(sys.executable, FILTER, *commands).stdout

    def neighbour(self):
        """Another container of the pod, which listens; and a table that is not CRIU's of this call."""
        self.nft(f"create table inet {FOREIGN}", f"add chain inet {FOREIGN} input {{ type filter hook input priority 0; }}")
        server = subprocess.Popen(["ip", "netns", "exec", POD, sys.executable, "-m", "http.server", "--bind", "127.0.0.1"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        wait_for("the neighbour", self.reached)

    def reached(self):
        return self.pod(sys.executable, "-c", CONNECT, check=False).returncode == 0

    def counter(self):
        cid = self.start("counter", "/bin/counter", netns=self.netns)
        self.lines(cid, 3)
        return cid

    def killed_dump(self, cid, *lines, runtime=RUNTIME):
        env = self.disturbed("post-dump", KILL, *lines)  # the network is still locked then
        done = self.call("--root", self.root, *self.checkpoint_args(cid), env=env, runtime=runtime)
        self.assertNotEqual(done.returncode, 0)
        self.assert_runs(cid)
        return done

    def is_unlocked(self, *lines, what):
        self.neighbour()
        cid = self.counter()
        done = self.killed_dump(cid, *lines)
        self.assertEqual(self.last_record("checkpoint", "failed")["result"]["code"], "CriuCutShort")
        self.assertTrue(self.reached(), done.stderr + self.notes())
        self.assertIn("the network lock that CRIU left was removed: " + what, self.notes())
        self.assertIn("it has been unlocked", done.stderr)
        tables = self.nft("list ruleset")
        self.assertIn(FOREIGN, tables)
        self.assertEqual(tables.count("CRIU"), 1, tables)
        # The harm, and that only who was asked does anything about it.
        self.killed_dump(cid, *lines, runtime=REAL)
        self.assertFalse(self.reached(), "without lpm the pod is reached: there is nothing to repair")

    def test_the_pod_is_unlocked_after_a_killed_dump_with_iptables(self):
        self.is_unlocked(what="the iptables chain CRIU")

    def test_the_pod_is_unlocked_after_a_killed_dump_with_nftables(self):
        self.is_unlocked("network-lock nftables", what="the nftables table inet CRIU-")

    def test_a_lock_that_was_there_before_stays(self):
        """An iptables chain does not say whose it is."""
        self.neighbour()
        cid = self.counter()
        self.killed_dump(cid, runtime=REAL)
        done = self.killed_dump(cid)
        self.assertFalse(self.reached())
        self.assertIn("it was there before this call", done.stderr)
        self.assertIn("it was there before this call", self.notes())

    def test_the_lock_of_another_run_stays(self):
        self.neighbour()
        cid = self.counter()
        self.killed_dump(cid, "network-lock nftables", runtime=REAL)
        self.killed_dump(cid, "network-lock nftables")
        self.assertFalse(self.reached())
        self.assertEqual(self.nft("list ruleset").count("table inet CRIU-"), 2, "the foreign one, and the first dump's")
        self.assertEqual(self.notes().count("of another run of CRIU's"), 2, self.notes())

    def test_the_pod_is_unlocked_after_a_failed_restore(self):
        """A dump that ends the container leaves the lock to the restore, which takes it away when it succeeds."""
        self.neighbour()
        cid = self.counter()
        bundle = self.work / "bundle"
        bundle.mkdir()
        (bundle / "config.json").write_text((self.crio.bundle(cid) / "config.json").read_text())
        args = [a for a in self.checkpoint_args(cid) if a != "--leave-running"]
        done = self.call("--root", self.root, *args, env=self.disturbed("never", "", "network-lock nftables"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.crio.wait_exit(cid)
        self.crio.delete(cid)
        env = self.disturbed("post-restore", "exit 1")
        for runtime, reached in ((REAL, False), (RUNTIME, True)):
            new = self.add_container(f"restored-{os.urandom(4).hex()}")
            done = self.call("--root", self.root, *self.restore_args(new, bundle), env=env, runtime=runtime)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(self.reached(), reached, done.stderr)
        self.assertIn("the network lock that CRIU left was removed", self.notes("restore"))
        self.assertIn(FOREIGN, self.nft("list ruleset"))

    def test_nothing_is_touched_while_criu_still_runs(self):
        """The runtime is killed, and the CRIU that it has started is in the middle of the dump."""
        self.neighbour()
        cid = self.counter()
        env = self.disturbed("post-dump", "sleep 30", "network-lock nftables")
        process = subprocess.Popen([RUNTIME, "--root", self.root, *map(str, self.checkpoint_args(cid))], cwd="/",
                                   env={"PATH": DAEMON_PATH, **env}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        started = self.work / "criu"
        wait_for("the end of the dump", started.exists)
        for pid in processes("runc"):
            os.kill(pid, signal.SIGKILL)
        told = process.communicate(timeout=60)[1]
        self.assertEqual(self.last_record("checkpoint", "failed")["result"]["code"], "RuntimeKilled")
        self.assertIn("CRIU still runs, as process", told)
        self.assertIn("CRIU traces process", told)
        self.assertIn("a network lock of CRIU's was left alone", self.notes())
        self.assertFalse(self.reached())
        for pid in [int(started.read_text()), *processes("criu"), *processes("criu.real")]:
            if pathlib.Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGKILL)
        self.assert_runs(cid)


class Restore(HalfMade):
    """Cut off in the middle, with the processes half made."""

    def cut_off(self, act, runtime):
        done = self.restore(self.bundle, runtime=runtime, env=self.disturbed(WHILE_IT_IS_MADE, act))
        self.assertNotEqual(done.returncode, 0)
        return done

    def test_a_runtime_that_waits_for_a_dead_criu(self):
        """As after an OOM kill: what CRIU was making holds the socket that runc reads."""
        done = self.cut_off(KILL, RUNTIME)
        self.assertIn("left processes that no runtime knows of; they have been ended", done.stderr)
        self.assertEqual(self.rest(), [])
        self.restores(self.bundle)
        self.remove_restored()
        self.addCleanup(self.kill_rest)
        with self.assertRaises(subprocess.TimeoutExpired, msg="without lpm it ends: there is nothing to repair"):
            self.restore(self.bundle, runtime=REAL, env=self.disturbed(WHILE_IT_IS_MADE, KILL), timeout=7)

    test_a_runtime_that_waits_for_a_dead_criu.flavours = ("forky",)

    def test_a_criu_that_waits_for_a_dead_process(self):
        """Which was killed just before it was let go, as by delete --force."""
        kill = "kill -KILL $CRTOOLS_INIT_PID"
        self.addCleanup(self.kill_rest)
        done = self.restore(self.bundle, env=self.disturbed("network-unlock", kill))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("CRIU, which waited for a first process that had been killed, was ended", done.stderr)
        self.assertIn("CRIU, which waited", self.notes("restore"))
        with self.assertRaises(subprocess.TimeoutExpired, msg="without lpm it ends: there is nothing to repair"):
            self.restore(self.bundle, runtime=REAL, env=self.disturbed("network-unlock", kill), timeout=13)

    test_a_criu_that_waits_for_a_dead_process.flavours = ("trixie",)  # one of the two is enough for what takes so long

    def test_another_container_in_the_same_cgroup(self):
        """Restored a moment before, from the same images: what the runtime knows is left alone."""
        self.restores(self.bundle)
        other = self.restored
        self.cut_off(KILL_BOTH, RUNTIME)  # forky's runc refuses before it comes to that
        self.assertEqual(self.status(other), "running")
        self.assertEqual(self.rest(), [self.crio.state(other)["pid"]])

    def test_processes_that_only_look_like_left_ones(self):
        """Each but the last misses one of the marks of what this restore has made."""
        def sleeper(*before):
            process = subprocess.Popen([*before, "sleep", "300"])
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            return process

        def first(adopted=True):
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

    def test_the_same_container_again(self):
        """While a restore is under way nothing of it is taken for what the second one has left."""
        first = self.slow_restore("sleep 3")
        second = subprocess.run(first.args, check=False, cwd="/", env={"PATH": DAEMON_PATH}, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=60)
        self.assertNotEqual(second.returncode, 0)
        self.assertNotIn("have been ended", second.stderr)
        self.assertEqual(first.wait(timeout=60), 0, self.output.read_text())
        self.assertEqual(self.status(self.restored), "running")

    def test_files_of_the_container_when_it_is_deleted(self):
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


class Parasite(Refusing):
    def kill_at(self, words):
        """Kill CRIU when its log says this; the log is there when the dump has begun."""
        log = self.work / "dump.log"
        end = time.monotonic() + 30
        while time.monotonic() < end and not (log.exists() and words in log.read_text(errors="replace")):
            time.sleep(0.001)
        for pid in processes("criu") + processes("criu.real"):
            os.kill(pid, signal.SIGKILL)

    def test_memory_of_criu_in_a_process(self):
        """Killed while its code is inside of a process: that code gives the process back and stays mapped."""
        cid = self.start("workers", "/bin/workers", "memory", "300")
        self.lines(cid, 1)
        killer = threading.Thread(target=self.kill_at, args=("Dumping pages",))
        killer.start()
        done = self.call("--root", self.root, *self.checkpoint_args(cid))
        killer.join()
        self.assertNotEqual(done.returncode, 0)
        record = self.last_record("checkpoint", "failed")
        self.assertEqual(record["result"]["code"], "CriuCutShort")
        self.assertIn("memory of CRIU's stays mapped", " ".join(record["notes"]))
        self.assertIn("(workers)", done.stderr)
        maps = pathlib.Path(f"/proc/{self.crio.state(cid)['pid']}/maps").read_text()
        self.assertIn("CRIUMFD", maps)
        self.assertEqual(self.status(cid), "running")
        sums = {line.split()[0] for line in self.lines(cid, len(self.lines(cid)) + 3)}
        self.assertEqual(len(sums), 1, "the checksum of its memory is what it was")
        done = self.call("--root", self.root, *self.checkpoint_args(cid))
        self.assertEqual(done.returncode, 0, "it can be dumped again: " + done.stderr)
