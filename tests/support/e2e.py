# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What the tests in tests/e2e share. They run as root inside a test node (tools/node)."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import unittest
from collections.abc import Callable, Collection
from typing import IO, Any, Literal, TypeVar

from crio_engine import Crio
from crio_runtime import DAEMON_PATH
from oci_spec import Json, make_rootfs

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])
Done = subprocess.CompletedProcess[str]

RUNTIME = "/etc/lpm/bin/runc"
REAL = "/usr/sbin/runc"
CRUN = "/usr/bin/crun"
LINK = pathlib.Path("/etc/lpm/runtime")  # which of them lpm calls
GATE = pathlib.Path("/usr/libexec/lpm/lpm-gate")
RECORDS = pathlib.Path("/var/lib/lpm/records")
LOGS = pathlib.Path("/var/lib/lpm/logs")
SETTINGS = pathlib.Path("/etc/lpm/lpm.toml")
CRIU_CONFIG = pathlib.Path("/etc/criu/runc.conf")
WORK = pathlib.Path("/var/lib/containers/e2e")
NODE_ROOT = pathlib.Path("/opt/lpm/root")
CAP_SYS_RESOURCE = 24
PATIENT = "[gate]\ndeadline_ms = 10000\n"  # settings for the guest, which is slow where it is emulated


def run(*argv: object, check: bool = True, timeout: float = 300, **options: Any) -> Done:
    """Run a program with its output captured; its text is in the failure when it fails."""
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False,
                          timeout=timeout, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_for(what: str, condition: Callable[[], T | Literal[False] | None], seconds: float = 90) -> T:
    """What the condition gives, once that is true. It is asked less often the longer it takes."""
    began = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        passed = time.monotonic() - began
        if passed > seconds:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(min(max(0.02, passed / 10), 0.25))


def piped(end: IO[str] | None) -> IO[str]:
    """Our end of a pipe that a program was started with."""
    assert end is not None
    return end


def first_group(pattern: str, text: str) -> str:
    """Of the pattern, where it is first found."""
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise AssertionError(f"no {pattern} in {text}")
    return match.group(1)


def only_on(*flavours: str) -> Callable[[F], F]:
    """The test runs on nodes of these flavours. A class says so of its tests by its attribute of that name."""
    def mark(test: F) -> F:
        vars(test)["flavours"] = flavours
        return test
    return mark


def record_files() -> dict[str, pathlib.Path]:
    """{id: file}, oldest first: a ULID sorts by time."""
    return {p.stem: p for p in sorted(RECORDS.glob("*/*.json"), key=lambda p: p.name)}


def log_lines(path: str | pathlib.Path) -> list[str]:
    """The container's own output lines, from the log that conmon writes."""
    if not pathlib.Path(path).exists():
        return []
    lines = pathlib.Path(path).read_text().splitlines()
    return [line.split(" ", 3)[3] for line in lines if line.count(" ") >= 3]


def has_sys_resource() -> bool:
    """Whether limits and negative oom scores can be set on this machine."""
    status = pathlib.Path("/proc/self/status").read_text()
    return bool(int(status.split("CapEff:")[1].split()[0], 16) >> CAP_SYS_RESOURCE & 1)


class LpmTest(unittest.TestCase):
    """A test that looks at what lpm has written down."""

    longMessage = True

    def setUp(self) -> None:
        super().setUp()
        self.before = {*record_files()}

    def records(self) -> list[Json]:
        """What this test's calls left, oldest first."""
        return [json.loads(path.read_text()) for key, path in record_files().items() if key not in self.before]

    def ended_calls(self, operation: str) -> list[Json]:
        """The records of calls that have ended: the next try of the kubelet may be under way."""
        return [r for r in self.records() if (r["state"], r["operation"]) == ("final", operation)]

    def last_record(self, operation: str, outcome: str) -> Json:
        records = self.records()
        self.assertTrue(records, "no record was written")
        record = records[-1]
        self.assertEqual((record["state"], record["operation"], record["outcome"]), ("final", operation, outcome),
                         json.dumps(record, indent=1))
        return record

    def kept(self, record: Json) -> pathlib.Path:
        """The folder of what the record's call left beside it: logs."""
        return LOGS / str(record["id"])

    def assert_no_gap(self, lines: Collection[str]) -> str:
        """Counter lines of one nonce, each value one more than the last; the nonce."""
        nonces = {line.split()[0] for line in lines}
        self.assertEqual(len(nonces), 1, f"more than one nonce: {lines}")
        values = [int(line.split()[1]) for line in lines]
        self.assertEqual(values, list(range(values[0], values[0] + len(values))), "a gap in the output")
        return nonces.pop()


class NodeTest(LpmTest):
    """A test with a CRI-O and a small root file system; what it starts is gone when it ends, and its settings."""

    flavours: tuple[str, ...] = ("trixie", "forky")
    release = "1.36"

    def setUp(self) -> None:
        super().setUp()
        SETTINGS.unlink(missing_ok=True)
        self.addCleanup(SETTINGS.unlink, missing_ok=True)
        self.work = WORK / self.id().rpartition(".")[2][:60]
        shutil.rmtree(self.work, ignore_errors=True)  # of a try that failed, when a test is run again
        self.work.mkdir(parents=True, exist_ok=True)
        self.rootfs = make_rootfs(WORK / "rootfs")
        self.crio = Crio(self.release, RUNTIME, self.work / "crio")
        self.shown: set[tuple[str, str]] = set()

    def show(self, check: str, cell: str) -> None:
        """When it passes, this test has shown that of a check: a cell of the table of tests/support/coverage."""
        self.shown.add((check, cell))

    def assert_fits(self, record: Json) -> None:
        """A restore from what an engine keeps, into the bundle that it makes: nothing to say of either."""
        verdicts = {c["id"]: (c["verdict"], c.get("message")) for c in record["checks"]}
        for check in ("ImageForeign", "ImageWritable", "MountMissing", "MountSource", "MountKind", "HooksAtRestore",
                      "SocketTaken"):
            self.assertEqual(verdicts[check], ("pass", None), check)
        # Unknown where the config.json of the checkpoint does not lie beside the images.
        self.assertIn(verdicts["PrivilegesExceeded"][0], ("pass", "unknown"), verdicts["PrivilegesExceeded"])

    def add_container(self, cid: str, crio: Crio | None = None) -> str:
        """See to it that this container is gone when the test ends, whatever state it is in then."""
        root = (crio or self.crio).runtime.root

        def remove() -> None:
            run(REAL, "--root", root, "resume", cid, check=False)
            run(REAL, "--root", root, "delete", "--force", cid, check=False)
            # runc 1.3 leaves the folder of a restore that failed
            shutil.rmtree(pathlib.Path(root) / cid, ignore_errors=True)
            # What expires later would be told in the test that runs then.
            for prepared in pathlib.Path("/run/lpm/prepared").glob(f"*/{cid}.json"):
                prepared.unlink()

        self.addCleanup(remove)
        return cid

    def start(self, name: str, *args: str, crio: Crio | None = None, **options: Any) -> str:
        """A started container; its id."""
        crio = crio or self.crio
        cid = self.add_container(f"{name}-{os.urandom(4).hex()}", crio)
        crio.create(cid, options.pop("rootfs", self.rootfs), args, **options)
        crio.start(cid)
        return cid

    def use_crun(self) -> None:
        """Instead of runc, until the test ends."""
        self.assertEqual(os.readlink(LINK), REAL)
        LINK.unlink()
        LINK.symlink_to(CRUN)
        self.addCleanup(LINK.symlink_to, REAL)
        self.addCleanup(LINK.unlink)

    def criu_config(self, text: str) -> None:
        """What runc has CRIU read, until the test ends."""
        CRIU_CONFIG.parent.mkdir(exist_ok=True)
        CRIU_CONFIG.write_text(text + "\n")
        self.addCleanup(CRIU_CONFIG.unlink, missing_ok=True)

    def system(self) -> pathlib.Path:
        """A root file system as engines make it, over what the node itself is laid over, or the guest's root. Its
        layer is in memory: on the guest's disk it would be inside of what it is laid over."""
        layers, merged = self.work / "layers", self.work / "merged"
        for folder in (layers, merged):
            folder.mkdir()
            self.addCleanup(run, "umount", "--lazy", folder, check=False)
        run("mount", "-t", "tmpfs", "tmpfs", layers)
        for name in ("upper", "work"):
            (layers / name).mkdir()
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={NODE_ROOT if NODE_ROOT.exists() else '/'},upperdir={layers}/upper,workdir={layers}/work",
            merged)
        return merged

    def move(self, cid: str) -> str:
        """Checkpoint, kill, restore under a new id; that id."""
        archive = self.work / "checkpoint.tar"
        self.crio.checkpoint(cid, archive)
        self.crio.kill(cid)
        self.crio.delete(cid)
        new = self.add_container(f"restored-{cid}")
        self.crio.restore(new, archive, self.rootfs)
        archive.unlink()
        return new

    def status(self, cid: str, crio: Crio | None = None) -> str:
        root = (crio or self.crio).runtime.root
        return str(json.loads(run(REAL, "--root", root, "state", cid).stdout)["status"])

    def lines(self, cid: str, least: int = 1, crio: Crio | None = None) -> list[str]:
        """The container's output, once there are that many lines."""
        log = (crio or self.crio).log(cid)
        return wait_for(f"{least} lines of {cid}", lambda: found if len(found := log_lines(log)) >= least else [])

    def call(self, *args: object, path: str | None = DAEMON_PATH, env: dict[str, str] | None = None, runtime: str = RUNTIME,
             cwd: str | pathlib.Path = "/", timeout: float = 300) -> Done:
        """One call to the runtime, as an engine makes it, without a check of its result."""
        env = dict(env or {}, **({"PATH": path} if path is not None else {}))
        return run(runtime, *args, check=False, env=env, cwd=cwd, timeout=timeout)


def freezer_of(pid: int | str) -> pathlib.Path:
    """The cgroup in whose freezer it is."""
    v1 = pathlib.Path("/sys/fs/cgroup/freezer")
    lines = [line.split(":", 2) for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    path = next(path for _, names, path in sorted(lines, key=lambda line: line[1] != "freezer"))
    return (v1 if v1.exists() else pathlib.Path("/sys/fs/cgroup")) / path.lstrip("/")


def settle(seconds: float = 0.3) -> None:
    time.sleep(seconds)
