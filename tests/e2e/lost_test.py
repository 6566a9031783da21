# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a restore brings back of a process and what it does not: docs/lost.md says so, and this shows it."""
import json
import os
import pathlib
import shutil
import signal
from typing import Any

from e2e import only_on, run, wait_for
from oci_spec import bind
from resource_cases import FORKY, ResourceTest

# Sets all of it, and says how it is when it gets a signal. Nothing of it is the interpreter's own.
PROGRAM = """
import ctypes, json, os, resource, signal, time
libc = ctypes.CDLL(None, use_errno=True)

def prctl(option, *words):
    return libc.prctl(option, *map(ctypes.c_ulong, (*words, 0, 0, 0, 0)[:4]))

def asked(option):
    value = ctypes.c_int(-1)
    assert libc.prctl(option, ctypes.byref(value), 0, 0, 0) == 0, option
    return value.value

def policy():
    mode = ctypes.c_int(-1)
    assert libc.syscall(239, ctypes.byref(mode), None, 0, None, 0) == 0
    return mode.value

def tell(*_):
    os.umask(mask := os.umask(0))
    print(json.dumps({
        "CPU affinity": sorted(os.sched_getaffinity(0)), "I/O priority": libc.syscall(252, 1, 0),
        "timer slack": prctl(30), "core dump filter": open("/proc/self/coredump_filter").read().strip(),
        "memory policy": policy(), "parent death signal": asked(2), "machine check policy": prctl(34),
        "merged memory": prctl(68),
        "nice value": os.getpriority(os.PRIO_PROCESS, 0), "scheduling policy": os.sched_getscheduler(0),
        "umask": mask, "OOM score": open("/proc/self/oom_score_adj").read().strip(),
        "limits": resource.getrlimit(resource.RLIMIT_CORE), "subreaper": asked(37), "huge pages": prctl(42),
        "dumpable": prctl(3), "environment": os.environ["OF_THE_CHECKPOINT"],
    }), flush=True)

os.sched_setaffinity(0, {0})
assert libc.syscall(251, 1, 0, 2 << 13 | 6) == 0
assert prctl(29, 123456) == prctl(1, signal.SIGUSR2) == prctl(33, 1, 1) == prctl(67, 1) == 0
assert libc.syscall(238, 1, ctypes.byref(ctypes.c_ulong(1)), 64) == 0
open("/proc/self/coredump_filter", "w").write("0x7f")
os.nice(5)
os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
os.umask(0o27)
open("/proc/self/oom_score_adj", "w").write("555")
resource.setrlimit(resource.RLIMIT_CORE, (4096, 8192))
assert prctl(36, 1) == prctl(41, 1) == prctl(4, 0) == 0
signal.signal(signal.SIGUSR1, tell)
print("up", flush=True)
while True:
    time.sleep(1000)
"""
LOST = {"CPU affinity", "I/O priority", "timer slack", "core dump filter", "memory policy",
        "machine check policy", "merged memory"}


class Lost(ResourceTest):
    def test_settings_of_a_process(self) -> None:
        """And what config.json of the restore says of them is not applied."""
        for name in ("lib", "lib64"):
            (self.rootfs / name).symlink_to(f"usr/{name}")
        (self.rootfs / "program.py").write_text(PROGRAM)
        cid = self.start("settings", "/usr/bin/python3", "-B", "/program.py", mounts=[bind("/usr", "/usr")],
                         env=("OF_THE_CHECKPOINT=yes",))
        self.assertEqual(self.lines(cid, 1), ["up"])
        os.kill(self.pid(cid), signal.SIGUSR1)
        before = json.loads(self.lines(cid, 2)[1])
        done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        bundle = self.remove(cid)

        def other(spec: dict[str, Any]) -> None:
            spec["process"].update(oomScoreAdj=700, env=["OF_THE_CHECKPOINT=no"], user={"uid": 0, "gid": 0, "umask": 0},
                                   ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 5},
                                   rlimits=[{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}])

        shutil.copy(bundle / "config.json", self.work / "spec.dump")  # beside the images
        self.change(bundle / "config.json", other)
        self.restores(bundle)
        os.kill(self.pid(self.restored), signal.SIGUSR1)
        after = json.loads(wait_for("its answer", self.output.read_text))
        self.assertEqual({name for name in before if before[name] != after[name]}, LOST)
        [found] = [c for c in self.last_record("restore", "completed")["checks"] if c["id"] == "ProcessSettings"]
        self.assertEqual(found["verdict"], "warn")
        for name in ("env OF_THE_CHECKPOINT", "oomScoreAdj", "rlimits", "ioPriority"):
            self.assertIn(name, found["message"])
        self.assertNotIn("=no", found["message"], "nor are values told")
        self.show("ProcessSettings", "warned")

    def test_the_same_settings(self) -> None:
        bundle = self.taken("child", "plain")
        shutil.copy(bundle / "config.json", self.work / "spec.dump")
        self.restores(bundle)
        checks = self.last_record("restore", "completed")["checks"]
        self.assertEqual([c["verdict"] for c in checks if c["id"] == "ProcessSettings"], ["pass"])

    def second_thread(self, what: str) -> pathlib.Path:
        """That had this for itself, after a restore."""
        self.restores(self.taken("thread", what))
        tasks = pathlib.Path(f"/proc/{self.pid(self.restored)}/task")
        return tasks / max(os.listdir(tasks), key=int)

    def test_descriptors_of_a_thread(self) -> None:
        self.assertNotIn("77", os.listdir(self.second_thread("files") / "fd"))

    def test_folder_of_a_thread(self) -> None:
        self.assertEqual(os.readlink(self.second_thread("folder") / "cwd"), "/")

    def test_affinity_of_a_thread(self) -> None:
        thread = self.second_thread("cpus")
        self.assertEqual(os.sched_getaffinity(int(thread.name)), os.sched_getaffinity(0))

    @only_on(*FORKY)
    def test_members_of_multicast_groups(self) -> None:
        """The sockets are there again, and in no group."""
        network = self.network("pod", "10.99.0.7")
        sockets = ("ip", "netns", "exec", "pod", "cat", "/proc/net/igmp", "/proc/net/udp")
        bundle = self.taken("multicast", "joined", netns=network)
        self.restores(bundle)
        now = run(*sockets).stdout
        self.assertIn(f":{5353:04X} ", now)
        self.assertNotIn("030201EF", now)
