# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Calls that get in each other's way, and places that cannot be written or are not what they seem: the container comes
to no harm, and each call leaves one whole record where records can be written."""
import contextlib
import pathlib
import subprocess
from collections.abc import Iterator

from crio_runtime import DAEMON_PATH
from e2e import GATE, REAL, RECORDS, RUNTIME, Done, NodeTest, run

STORE = RECORDS.parent


class Robustness(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.crio.runtime.root
        self.cid = self.start("counter", "/bin/counter")
        self.lines(self.cid, 3)

    def checkpoint_words(self, name: str = "images", *more: str) -> tuple[str, ...]:
        work = self.work / f"work-{name.replace('/', '-')}"
        work.mkdir(exist_ok=True)
        return (RUNTIME, "--root", self.root, "checkpoint", "--image-path", str(self.work / name), "--work-path", str(work),
                "--leave-running", *more, self.cid)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={"PATH": DAEMON_PATH})

    def checkpoint(self, name: str = "images") -> Done:
        return run(*self.checkpoint_words(name), check=False, env={"PATH": DAEMON_PATH})

    def assert_unharmed(self) -> None:
        self.assertEqual(self.status(self.cid), "running")
        self.assert_no_gap(self.lines(self.cid, len(self.lines(self.cid)) + 3))

    @contextlib.contextmanager
    def read_only(self, folder: pathlib.Path) -> Iterator[None]:
        run("mount", "--bind", folder, folder)
        run("mount", "-o", "remount,bind,ro", folder)
        try:
            yield
        finally:
            run("umount", folder)

    @contextlib.contextmanager
    def full(self, folder: pathlib.Path) -> Iterator[None]:
        run("mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder)
        try:
            with contextlib.suppress(OSError), open(folder / "filler", "wb", buffering=0) as filler:
                while True:
                    filler.write(b"x" * 4096)
            yield
        finally:
            run("umount", folder)

    def test_two_checkpoints_at_once(self) -> None:
        ends = []
        for both in [[self.begin(*self.checkpoint_words(f"images{i}{j}")) for j in (1, 2)] for i in range(3)]:
            for call in both:
                _, errors = call.communicate(timeout=120)
                ends.append(call.returncode)
                if call.returncode != 0:
                    self.assertTrue(errors.strip(), "a failure says something")
        records = self.records()
        self.assertEqual([r["state"] for r in records], ["final"] * 6)
        for record in records:
            self.assertIn(record["result"].get("code"), (None, "CheckpointRunning"), record)
        self.assertEqual(sorted(r["outcome"] == "completed" for r in records), sorted(end == 0 for end in ends))
        self.assert_unharmed()
        self.assertEqual(self.checkpoint().returncode, 0, "and the next one works")

    def test_places_that_are_read_only(self) -> None:
        for folder in (STORE, pathlib.Path("/run/lpm")):
            with self.subTest(folder=folder), self.read_only(folder):
                done = self.checkpoint(f"images-{folder.name}-{folder.parent.name}")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stderr, "")
        images = self.work / "images"
        images.mkdir()
        with self.read_only(images):
            done = self.checkpoint()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("read-only file system", done.stderr)
        self.assertEqual(self.records()[-1]["outcome"], "failed")
        self.assert_unharmed()

    def test_places_that_are_full(self) -> None:
        for folder in (STORE, pathlib.Path("/run/lpm")):
            with self.subTest(folder=folder), self.full(folder):
                done = self.checkpoint(f"images-{folder.name}-{folder.parent.name}")
                self.assertEqual(done.returncode, 0, done.stderr)
                run(GATE, "--settle")
        disk = self.work / "disk"
        disk.mkdir()
        with self.full(disk):
            done = self.checkpoint("disk/images")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.records()[-1]["result"]["code"], "DiskSpace")
        self.assert_unharmed()

    def test_planted_links(self) -> None:
        """The image directory is the caller's, and others may have been there."""
        victim = self.work / "victim"
        victim.write_text("mine")
        images = self.work / "images"
        images.mkdir()
        (images / "lpm.json").symlink_to(victim)
        work = self.work / "work-images"
        work.mkdir()
        self.assertEqual(self.checkpoint().returncode, 0)
        self.assertEqual(victim.read_text(), "mine")
        self.assertFalse((images / "lpm.json").is_symlink())
        self.assertIn(self.records()[-1]["id"], (images / "lpm.json").read_text())

    def test_a_megabyte_of_words(self) -> None:
        """Equal to the runtime's own end, for a verb that is passed on and for one that is not."""
        many = [f"--{'x' * 1000}"] * 1000
        for words in (["state", *many, self.cid], ["checkpoint", *many, self.cid], ["checkpoint", *["a" * 1000] * 1000]):
            ours, theirs = (run(program, "--root", self.root, *words, check=False, env={"PATH": DAEMON_PATH})
                            for program in (RUNTIME, REAL))
            self.assertEqual(ours.returncode, theirs.returncode)
        self.assertEqual(self.records(), [], "none of them is a call that the runtime would take")
        done = run(*self.checkpoint_words("images", *["--leave-running"] * 50_000), check=False, env={"PATH": DAEMON_PATH})
        self.assertEqual(done.returncode, 0, done.stderr)
        record = self.last_record("checkpoint", "completed")
        self.assertLess((RECORDS / record["times"]["started"][:7] / f'{record["id"]}.json').stat().st_size, 1 << 17)
        self.assert_unharmed()

    def test_hostile_ids(self) -> None:
        for cid in ("../../etc", "..", ".", "a/b", "", "-", "x" * 3000, "a\nb", "\x1b[2J"):
            ours, theirs = (run(program, "--root", self.root, "checkpoint", "--image-path", self.work / "none", "--", cid,
                                check=False, env={"PATH": DAEMON_PATH}) for program in (RUNTIME, REAL))
            self.assertNotEqual(ours.returncode, 0)
            self.assertNotEqual(theirs.returncode, 0)
            self.assertNotIn("\x1b", ours.stderr)
        self.assertFalse((self.work / "none/lpm.json").exists())
        self.assert_unharmed()
