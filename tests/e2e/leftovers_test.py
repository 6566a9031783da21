# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a CRIU that is killed in the middle of a dump leaves behind, with the runtime alone and with lpm in front of it."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

from action_scripts import KILL, ActionScriptTest
from crio_runtime import DAEMON_PATH
from e2e import REAL, RUNTIME, Done, run, wait_for
from refusals import RefusalTest, processes

POD = "pod"
FILTER = pathlib.Path(__file__).resolve().parent.parent / "support/packet_filter.py"
CONNECT = "import socket; socket.create_connection(('127.0.0.1', 8000), timeout=2)"
FOREIGN = "CRIU-00000000-1111-2222-33"  # as another run of CRIU would name its table


class Leftovers(ActionScriptTest):
    def setUp(self) -> None:
        super().setUp()
        self.netns = self.network(POD)

    def pod(self, *argv: object, check: bool = True) -> Done:
        return run("ip", "netns", "exec", POD, *argv, check=check)

    def nft(self, *commands: str) -> str:
        return self.pod(sys.executable, FILTER, *commands).stdout

    def neighbour(self) -> None:
        """Another container of the pod, which listens; and a table that is not CRIU's of this call."""
        self.nft(f"create table inet {FOREIGN}", f"add chain inet {FOREIGN} input {{ type filter hook input priority 0; }}")
        server = subprocess.Popen(["ip", "netns", "exec", POD, sys.executable, "-m", "http.server", "--bind", "127.0.0.1"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        wait_for("the neighbour", self.reached)

    def reached(self) -> bool:
        return self.pod(sys.executable, "-c", CONNECT, check=False).returncode == 0

    def counter(self) -> str:
        cid = self.start("counter", "/bin/counter", netns=self.netns)
        self.lines(cid, 3)
        return cid

    def killed_dump(self, cid: str, *lines: str, runtime: str = RUNTIME) -> Done:
        env = self.with_script("post-dump", KILL, *lines)  # the network is still locked then
        done = self.call("--root", self.root, *self.checkpoint_args(cid), env=env, runtime=runtime)
        self.assertNotEqual(done.returncode, 0)
        self.assert_runs(cid)
        return done

    def is_unlocked(self, *lines: str, what: str) -> None:
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

    def test_the_pod_is_unlocked_after_a_killed_dump_with_iptables(self) -> None:
        self.is_unlocked(what="the iptables chain CRIU")

    def test_the_pod_is_unlocked_after_a_killed_dump_with_nftables(self) -> None:
        self.is_unlocked("network-lock nftables", what="the nftables table inet CRIU-")

    def test_a_lock_that_was_there_before_stays(self) -> None:
        """An iptables chain does not say whose it is."""
        self.neighbour()
        cid = self.counter()
        self.killed_dump(cid, runtime=REAL)
        done = self.killed_dump(cid)
        self.assertFalse(self.reached())
        self.assertIn("it was there before this call", done.stderr)
        self.assertIn("it was there before this call", self.notes())

    def test_the_chain_stays_while_another_criu_runs(self) -> None:
        """It may be the lock of another dump of the pod, which has begun since."""
        self.neighbour()
        cid = self.counter()
        programs = self.work / "bin"
        programs.mkdir()
        shutil.copy("/bin/sleep", programs / "criu")
        with subprocess.Popen([programs / "criu", "100"]) as other:
            done = self.killed_dump(cid)
            self.assertFalse(self.reached())
            told = f"CRIU still runs, as process {other.pid}"
            self.assertIn(told, done.stderr)
            self.assertIn(told, self.notes())
            other.kill()

    def test_the_lock_of_another_run_stays(self) -> None:
        self.neighbour()
        cid = self.counter()
        self.killed_dump(cid, "network-lock nftables", runtime=REAL)
        self.killed_dump(cid, "network-lock nftables")
        self.assertFalse(self.reached())
        self.assertEqual(self.nft("list ruleset").count("table inet CRIU-"), 2, "the foreign one, and the first dump's")
        self.assertEqual(self.notes().count("of another run of CRIU's"), 2, self.notes())

    def test_the_pod_is_unlocked_after_a_failed_restore(self) -> None:
        """A dump that ends the container leaves the lock to the restore, which takes it away when it succeeds."""
        self.neighbour()
        cid = self.counter()
        bundle = self.work / "bundle"
        bundle.mkdir()
        (bundle / "config.json").write_text((self.crio.bundle(cid) / "config.json").read_text())
        args = [a for a in self.checkpoint_args(cid) if a != "--leave-running"]
        done = self.call("--root", self.root, *args, env=self.with_script("never", "", "network-lock nftables"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.crio.wait_exit(cid)
        self.crio.delete(cid)
        env = self.with_script("post-restore", "exit 1")
        for runtime, reached in ((REAL, False), (RUNTIME, True)):
            new = self.add_container(f"restored-{os.urandom(4).hex()}")
            done = self.call("--root", self.root, *self.restore_args(new, bundle), env=env, runtime=runtime)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(self.reached(), reached, done.stderr)
        self.assertIn("the network lock that CRIU left was removed", self.notes("restore"))
        self.assertIn(FOREIGN, self.nft("list ruleset"))

    def test_nothing_is_touched_while_criu_still_runs(self) -> None:
        """The runtime is killed, and the CRIU that it has started is in the middle of the dump."""
        self.neighbour()
        cid = self.counter()
        env = self.with_script("post-dump", "sleep 30", "network-lock nftables")
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


class Parasite(RefusalTest):
    def kill_at(self, words: str) -> None:
        """Kill CRIU when its log says this; the log is there when the dump has begun."""
        log = self.work / "dump.log"
        end = time.monotonic() + 30
        while time.monotonic() < end and not (log.exists() and words in log.read_text(errors="replace")):
            time.sleep(0.001)
        for pid in processes("criu") + processes("criu.real"):
            os.kill(pid, signal.SIGKILL)

    def test_memory_of_criu_in_a_process(self) -> None:
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
