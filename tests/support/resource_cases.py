# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Tables of containers that hold one thing (tests/support/holder/): what a checkpoint cannot take, and the
harmless twin of it. Each row becomes a test."""
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from e2e import Done, only_on, run, settle, wait_for
from gate_socket import preflight, verdicts
from oci_spec import bind, make_rootfs
from refusals import RefusalTest, Words

Test = Any  # a ResourceTest, or one of another kind that has what a row asks for
Options = dict[str, Any]  # of make_spec
Prepare = Callable[[Test], Options]
Outside = Callable[[Test, str], object]
C = TypeVar("C", bound=type)

ALL = ("trixie", "forky")
TRIXIE = ("trixie",)
FORKY = ("forky",)  # CRIU 4.1.1 cannot dump a socket of the internet on Linux 6.16 and newer
GUEST = ("guest",)  # of any flavour; its Linux is 6.12
ADMIN = {"capabilities": ("CAP_SYS_ADMIN",)}


def plain(_test: Test) -> Options:
    """A container as any other."""
    return {}


def with_options(**options: Any) -> Prepare:
    return lambda _test: dict(options)


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    check: str  # the id
    holds: tuple[str, ...]  # arguments of holder
    prepare: Prepare = plain  # gets the test, gives options for make_spec
    outside: Outside = lambda _test, _cid: None  # what happens after the start
    flavours: tuple[str, ...] = ALL

    def run(self, test: Test) -> None:
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Refused(Row):
    """Refused, with these words in the message; with the check off the dump fails for the check's reason, and
    `fails` is in CRIU's message. None: CRIU hangs."""
    words: tuple[str, ...] = ()
    fails: str | None = None
    code: str | None = None  # what the record of the failure says, if not the check's id

    def run(self, test: Test) -> None:
        cid = test.hold(self)
        args = test.checkpoint_args(cid)
        with test.paused(cid):
            test.refused(self.check, args, *self.words)
        with test.foreseen(cid):
            test.refused(self.check, args, *self.words)
        test.assert_runs(cid)
        test.really_ends(self.check, args, (self.code or self.check, self.fails) if self.fails else None)
        if not self.fails:  # nobody thawed it when the test put an end to CRIU
            test.crio.resume(cid)
        test.assert_runs(cid)
        test.show(self.check, "refused")


@dataclasses.dataclass(frozen=True)
class Warned(Row):
    """The record warns, and the dump fails if `fails` says so."""
    words: tuple[str, ...] = ()
    fails: str | None = None

    def run(self, test: Test) -> None:
        cid = test.hold(self)
        with test.paused(cid):
            self.dump(test, cid)
        with test.foreseen(cid):
            self.dump(test, cid)
        test.assert_runs(cid)
        test.show(self.check, "warned")

    def dump(self, test: Test, cid: str) -> None:
        done = test.dump(cid)
        record = test.last_record("checkpoint", "failed" if self.fails else "completed")
        verdicts = [(c["verdict"], c["message"]) for c in record["checks"] if c["id"] == self.check]
        test.assertEqual([v for v, _ in verdicts], ["warn"])
        for word in self.words:
            test.assertIn(word, verdicts[0][1])
        if self.fails:
            test.assertEqual(record["result"]["code"], self.check, done.stderr)
            test.assertIn(self.fails, record["result"]["message"])


@dataclasses.dataclass(frozen=True)
class Fine(Row):
    """The check passes, and the container comes back as it was."""
    verdict: str = "pass"

    def run(self, test: Test) -> None:
        cid = test.hold(self)
        with test.paused(cid):
            self.dump(test, cid)
        shutil.rmtree(test.images)  # CRIU does not remove what only the earlier dump has written
        with test.foreseen(cid):
            self.dump(test, cid)
        test.comes_back(cid)
        test.show(self.check, "fine")

    def dump(self, test: Test, cid: str) -> None:
        done = test.dump(cid)
        test.assertEqual(done.returncode, 0, done.stderr)
        record = test.last_record("checkpoint", "completed")
        test.assertEqual([c["verdict"] for c in record["checks"] if c["id"] == self.check], [self.verdict])


def tabled(*rows: Row) -> Callable[[C], C]:
    """Give a class a test for each row."""
    def add(cls: C) -> C:
        for row in rows:
            @only_on(*row.flavours)
            def test(self: Test, row: Row = row) -> None:
                row.run(self)
            name = f"test_{row.name}"
            assert name not in vars(cls), name
            setattr(cls, name, test)
        return cls
    return add


class ResourceTest(RefusalTest):
    """Starts what the rows name."""

    def setUp(self) -> None:
        super().setUp()
        shutil.rmtree(self.work / "rootfs", ignore_errors=True)
        self.rootfs = make_rootfs(self.work / "rootfs")  # its own: containers leave files there

    def checkpoint_args(self, cid: str) -> Words:
        """As CRI-O calls it."""
        return ("checkpoint", "--file-locks", "--image-path", self.images, "--work-path", self.work,
                "--leave-running", cid)

    def hold(self, row: Row) -> str:
        """A container that has what the row says; the first line of it says that it has."""
        cid = self.start("holder", "/bin/holder", *row.holds, **row.prepare(self))
        first = self.lines(cid, 1)[0]
        self.assertNotIn("holder:", first, "the container could not get hold of it")
        row.outside(self, cid)
        settle()
        return cid

    @contextlib.contextmanager
    def paused(self, cid: str) -> Iterator[None]:
        """As CRI-O has it while it takes a checkpoint. Whatever the call did, it stays so."""
        self.crio.pause(cid)
        yield
        self.assertEqual(self.status(cid), "paused")
        self.crio.resume(cid)

    @contextlib.contextmanager
    def foreseen(self, cid: str) -> Iterator[None]:
        """Of the running container lpm-gate says beforehand what the call then finds."""
        said = preflight(id=cid)
        self.assertFalse(said["container"]["frozen"])
        yield
        record = self.records()[-1]
        self.assertEqual(verdicts(said), verdicts(record))
        code = record["result"].get("code") if record["outcome"] == "refused" else None
        self.assertEqual(said.get("result", {}).get("code"), code)

    def dump(self, cid: str) -> Done:
        return self.call("--root", self.root, *self.checkpoint_args(cid))

    def remove(self, cid: str) -> pathlib.Path:
        """The container ends; the bundle to restore it from."""
        bundle = self.work / "bundle"
        bundle.mkdir()
        shutil.copy(self.crio.bundle(cid) / "config.json", bundle)
        self.crio.kill(cid)
        self.crio.delete(cid)
        return bundle

    def taken(self, *holds: str, **options: Any) -> pathlib.Path:
        """A checkpoint of a container that holds this; the bundle to restore."""
        cid = self.start("holder", "/bin/holder", *holds, **options)
        self.assertNotIn("holder:", self.lines(cid, 1)[0])
        done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.remove(cid)

    def change(self, path: pathlib.Path, change: Callable[[Any], object]) -> None:
        """change(data) of a JSON file."""
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))

    def comes_back_after_all(self, check: str, bundle: pathlib.Path) -> None:
        """The harmless twin of what a check refused."""
        self.restores(bundle)
        self.show(check, "fine")

    def comes_back(self, cid: str) -> None:
        """Restored, it has the same memory and goes on."""
        nonce = self.assert_no_gap(self.lines(cid, 1))
        self.restores(self.remove(cid))
        output = self.work / "output"

        def three_lines() -> list[str] | None:
            lines = [line for line in output.read_text().splitlines() if line.startswith(nonce)]
            return lines if len(lines) >= 3 else None

        self.assertEqual(self.assert_no_gap(wait_for("the restored container's output", three_lines)), nonce)

    def restore_fails(self, bundle: pathlib.Path, words: str, code: str) -> None:
        """The restore fails, CRIU saying this."""
        cid = self.add_container(f"restored-{os.urandom(4).hex()}")
        done = self.call("--root", self.root, *self.restore_args(cid, bundle))
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.last_record("restore", "failed")["result"]["code"], code, done.stderr)
        self.assertIn(words, (self.work / "restore.log").read_text(errors="replace"))

    def pid(self, cid: str) -> int:
        return int(self.crio.state(cid)["pid"])

    def join(self, bundle: pathlib.Path, path: str) -> None:
        """The bundle, for a pod with this network namespace."""
        spec = json.loads((bundle / "config.json").read_text())
        for namespace in spec["linux"]["namespaces"]:
            if namespace["type"] == "network":
                namespace["path"] = path
        (bundle / "config.json").write_text(json.dumps(spec))

    def folder(self, name: str) -> pathlib.Path:
        folder = self.work / name
        folder.mkdir(exist_ok=True)
        return folder

    def mounted(self, folder: pathlib.Path, *how: str | pathlib.Path) -> pathlib.Path:
        """`folder`, with a mount on it until the test ends."""
        run("mount", *how, folder)
        self.addCleanup(run, "umount", "--lazy", folder, check=False)
        return folder


def volume(test: Test) -> Options:
    """A folder of the node at /shared."""
    return {"mounts": [bind(test.folder("shared"), "/shared")]}


def image(test: Test) -> Options:
    """A root that is an overlay of an image with one file that the node has too and one that it has not."""
    lower = make_rootfs(test.folder("lower"))
    for path in ("etc/passwd", "only-in-image"):
        (lower / path).write_text("old\n")
    return overlay(test)


def overlay(test: Test) -> Options:
    """A root that is an overlay, as engines make it. The engine unmounts it after the container."""
    lower = make_rootfs(test.folder("lower"))
    layers = f"lowerdir={lower},upperdir={test.folder('upper')},workdir={test.folder('layer')}"
    root = test.mounted(test.folder("merged"), "-t", "overlay", "overlay", "-o", layers)
    return {"rootfs": root}


def pod_shm(test: Test) -> Options:
    """What the containers of a pod share, and the next pod does not get."""
    return {"mounts": [bind(test.mounted(test.folder("shm"), "-t", "tmpfs", "tmpfs"), "/dev/shm")],
            "annotations": {"io.kubernetes.cri-o.SandboxID": "pod"}}
