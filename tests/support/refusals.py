# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a refusal is, and the proof that it was right: with the check off, runc and CRIU fail for its reason."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

from crio_runtime import DAEMON_PATH
from e2e import RUNTIME, SETTINGS, Done, NodeTest, run, wait_for

Words = tuple[object, ...]  # of a command line

NO_CRIU = ("RuntimeFailed", 'exec: \\"criu\\": executable file not found')
# CRI-O, containerd and podman take these for other errors, in any case of letters.
MISLEADING = ("no such process", "container not running", "invalid process", "process already finished",
           "does not exist", "permission denied", "operation not permitted", "executable file not found",
           "no such file or dir", "container process not found", "open executable")


def processes(name: str, word: str = "") -> list[int]:
    """Processes of that name in this node, with that word in their command line."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == name and word in (folder / "cmdline").read_text():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


class RefusalTest(NodeTest):
    """Calls that are to be refused, and the same calls when nothing is in their way."""

    def setUp(self) -> None:
        super().setUp()
        self.root = self.crio.runtime.root
        self.images = self.work / "images"

    def checkpoint_args(self, cid: str) -> Words:
        return ("checkpoint", "--image-path", self.images, "--work-path", self.work, "--leave-running", cid)

    def restore_args(self, cid: str, bundle: pathlib.Path) -> Words:
        return ("restore", "--detach", "--image-path", self.images, "--work-path", self.work, "--bundle", bundle,
                "--pid-file", self.work / "pid", cid)

    def refuse(self, check: str, args: Words, *words: str, fails: tuple[str, str] | None, operation: str = "checkpoint",
               **how: Any) -> None:
        """`args` is refused by `check`, and without it ends as `fails` says: the code in the record, and words
        that are in CRIU's message, or in the runtime's when CRIU is not to blame; or None: CRIU never ends."""
        self.refused(check, args, *words, operation=operation, **how)
        self.really_ends(check, args, fails, operation, **how)
        self.show(check, "refused")

    def really_ends(self, check: str, args: Words, fails: tuple[str, str] | None, operation: str = "checkpoint",
                    **how: Any) -> None:
        """What CRIU makes of it when the check is off."""
        with self.without(check):
            if fails:
                self.off_and_fail(check, args, operation, *fails, **how)
            else:
                self.off_and_hang(args, **how)

    @contextlib.contextmanager
    def without(self, *checks: str) -> Iterator[None]:
        """These checks are off."""
        SETTINGS.write_text("[checks]\n" + "".join(f'{check} = "off"\n' for check in checks))
        yield
        SETTINGS.unlink()

    def refused(self, check: str, args: Words, *words: str, operation: str = "checkpoint", **how: Any) -> None:
        """What the caller hears, what the record says; nothing is frozen and nothing is left."""
        log = self.work / "log.json"
        log.unlink(missing_ok=True)
        done = self.call("--root", self.root, "--log", log, "--log-format=json", *args, **how)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, "")
        for word in words:
            self.assertIn(word, done.stderr)
        for phrase in MISLEADING:
            self.assertNotIn(phrase, done.stderr.lower())
            self.assertNotIn(phrase, log.read_text().lower())
        self.assertEqual(done.stderr.count("\n"), 1, "one line that says what, why and what to do")
        [line] = log.read_text().splitlines()
        told = json.loads(line)
        self.assertEqual(told["level"], "error")
        self.assertEqual(told["msg"], done.stderr.strip())
        record = self.last_record(operation, "refused")
        self.assertEqual(record["result"]["code"], check)
        self.assertTrue(record["result"]["message"])
        self.assertIn("block", [c["verdict"] for c in record["checks"] if c["id"] == check])
        if operation == "restore":
            self.assert_nothing_left(str(args[-1]))

    def assert_nothing_left(self, cid: str) -> None:
        """A refused restore leaves no trace, and CRI-O's clean-up after it succeeds."""
        self.assertFalse((self.work / "pid").exists())
        self.assertFalse((pathlib.Path(self.root) / cid).exists())
        self.assertEqual(self.call("--root", self.root, "delete", "--force", cid).returncode, 0)

    def off_and_fail(self, check: str, args: Words, operation: str, code: str, words: str, **how: Any) -> None:
        done = self.call("--root", self.root, *args, **how)
        self.assertNotEqual(done.returncode, 0, "without the check it worked: the check is wrong")
        record = self.last_record(operation, "failed")
        self.assertNotIn(check, [c["id"] for c in record["checks"]])
        self.assertEqual(record["result"]["code"], code, done.stderr)
        if code in ("RuntimeFailed", "CriuCutShort"):  # no word of CRIU's own
            self.assertIn(words, done.stderr)
            return
        self.assertIn(words, record["result"]["message"])
        kept = self.kept(record) / ("restore.log" if operation == "restore" else "dump.log")
        self.assertIn(words, kept.read_text(errors="replace"), "CRIU's own words")

    def off_and_hang(self, args: Words, **how: Any) -> None:
        """CRIU has started, waits, and goes on waiting; nothing of it may be left for the next test."""
        self.assertEqual(processes("criu"), [])
        with self.assertRaises(subprocess.TimeoutExpired):
            self.call("--root", self.root, *args, timeout=15, **how)
        left = processes("criu") + processes("criu.real")
        self.assertTrue(left, "CRIU has ended: it does not hang")
        self.assertEqual(self.records()[-1]["state"], "intent", "the test killed the gate")
        for pid in left + processes("runc"):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for("the end of CRIU", lambda: not processes("criu") + processes("criu.real"))

    def assert_runs(self, cid: str) -> None:
        self.assertEqual(self.status(cid), "running")
        lines = len(self.lines(cid))
        self.assert_no_gap(self.lines(cid, lines + 3))

    def only(self, *programs: str) -> str:
        """A PATH with nothing but these."""
        folder = self.work / "path"
        folder.mkdir()
        for program in programs:
            os.symlink(str(shutil.which(program)), folder / program)
        return str(folder)

    def network(self, name: str, *addresses: str) -> str:
        """A network namespace, as that of a pod."""
        run("ip", "netns", "add", name)
        self.addCleanup(run, "ip", "netns", "del", name, check=False)
        run("ip", "-n", name, "link", "set", "lo", "up")
        for address in addresses:
            run("ip", "-n", name, "address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))
        return f"/run/netns/{name}"

    def checkpointed(self, *program: str, **options: Any) -> pathlib.Path:
        """A checkpoint in self.images, its container gone; the bundle to restore into."""
        cid = self.start("counter", *(program or ("/bin/counter",)), **options)
        self.lines(cid)
        done = self.call("--root", self.root, *self.checkpoint_args(cid))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.crio.kill(cid)
        bundle = self.work / "bundle"
        bundle.mkdir()
        shutil.copy(self.crio.bundle(cid) / "config.json", bundle)
        self.crio.delete(cid)
        return bundle

    def refuse_restore(self, check: str, bundle: pathlib.Path, *words: str, **how: Any) -> None:
        cid = self.add_container(f"restored-{os.urandom(4).hex()}")
        self.refuse(check, self.restore_args(cid, bundle), *words, operation="restore", **how)

    def begin_restore(self, bundle: pathlib.Path, *before: object, runtime: str = RUNTIME, env: dict[str, str] | None = None,
                      path: str = DAEMON_PATH) -> "subprocess.Popen[bytes]":
        """A restore that is under way, with words before the command. Its output must not keep a pipe of ours open: it goes
        to self.output. The new id is in self.restored."""
        self.restored = self.add_container(f"restored-{os.urandom(4).hex()}")
        words = (*before, runtime, *self.crio.runtime.globals(), *self.restore_args(self.restored, bundle))
        self.output = self.work / "output"
        with open(self.output, "w") as output:
            return subprocess.Popen([str(word) for word in words], cwd="/", stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=output, env={"PATH": path, **(env or {})})

    def restore(self, bundle: pathlib.Path, *before: object, timeout: float = 120, **how: Any) -> Done:
        """Such a restore; its end."""
        with self.begin_restore(bundle, *before, **how) as process:
            try:
                process.wait(timeout)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, stderr=self.output.read_text())

    def restores(self, bundle: pathlib.Path) -> None:
        """The same restore without what was in its way."""
        done = self.restore(bundle)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.last_record("restore", "completed")
        self.assertEqual(self.status(self.restored), "running")

    def remove_restored(self) -> None:
        """So that the bundle can be restored once more."""
        self.call("--root", self.root, "delete", "--force", self.restored)
