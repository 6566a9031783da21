# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Containers that are restored at their create, because their pod asks for it."""
import os
import pathlib
import shutil
from typing import Any

import wake_archive
from crio_archive import read
from crio_pod import Pod, new_id
from crio_runtime import CrioError
from e2e import GATE, SETTINGS, Done, log_lines, run, wait_for
from oci_spec import make_rootfs
from refusals import RefusalTest, processes

SWITCH = pathlib.Path("/etc/lpm/restore-at-create")
MARKS = pathlib.Path("/run/lpm/pending")
UNPACKED = pathlib.Path("/var/lib/lpm/waking")
RESTORED = pathlib.Path("/var/lib/lpm/restored")
CGROUPS = pathlib.Path("/sys/fs/cgroup")
FROM = "lpm.my.domain/restore-from.ctr"
FALLBACK = "lpm.my.domain/restore-fallback"
POLICY = "lpm.my.domain/restore-policy"


def marks() -> list[str]:
    return [path.name for path in MARKS.glob("*/*")]


def unpacked() -> list[str]:
    return [path.name for path in UNPACKED.glob("*/*")]


def cgroups_of(cid: str) -> list[pathlib.Path]:
    """In each hierarchy; of both kinds."""
    return [*CGROUPS.glob(f"kubepods/besteffort/crio-{cid}"), *CGROUPS.glob(f"*/kubepods/besteffort/crio-{cid}")]


def mounts_of(cid: str) -> list[str]:
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if cid in line or "criu-root" in line]


class AtCreateTest(RefusalTest):
    """A node that is switched on, archives in a folder of its own, and a new root file system for each container."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(run, GATE, "--settle")  # what is left of containers that are gone then
        self.folder = self.work / "archives"
        self.folder.mkdir()
        self.switch_on()
        self.addCleanup(self.switch_off)
        self.addCleanup(shutil.rmtree, RESTORED, ignore_errors=True)

    def switch_on(self, more: str = "") -> None:
        SETTINGS.write_text(f'[restore]\nat_create = true\n[archives]\nfolders = ["{self.folder}"]\n{more}')
        run(GATE, "--probe")
        self.assertTrue(SWITCH.exists())

    def switch_off(self) -> None:
        SETTINGS.unlink(missing_ok=True)
        run(GATE, "--probe")
        self.assertFalse(SWITCH.exists())

    def begin(self, pod: Pod | None = None, *args: str, **options: Any) -> str:
        """A container of an ordinary pod, which counts."""
        cid = self.start("source", *(args or ("/bin/counter",)), annotations=(pod or Pod()).notes(), **options)
        self.lines(cid, 2)
        return cid

    def keep(self, cid: str) -> pathlib.Path:
        """Its archive, in a folder that lpm.toml names; it is gone then."""
        archive = self.folder / f"checkpoint-pod_default-ctr-{os.urandom(4).hex()}.tar"
        self.crio.checkpoint(cid, archive)
        archive.chmod(0o600)
        self.crio.kill(cid)
        self.crio.delete(cid)
        return archive

    def taken(self, pod: Pod | None = None, *args: str, **options: Any) -> pathlib.Path:
        return self.keep(self.begin(pod, *args, **options))

    def last_of(self, archive: pathlib.Path) -> tuple[str, int]:
        """(nonce, value) of the last line before the dump."""
        nonce, value = read(archive, "io.kubernetes.cri-o.LogPath").decode().splitlines()[-1].split()[-2:]
        return nonce, int(value)

    def new_root(self) -> pathlib.Path:
        """As of the image: without what a container has written."""
        return make_rootfs(self.work / f"root-{os.urandom(4).hex()}")

    def wake(self, source: str, pod: Pod | None = None, rootfs: pathlib.Path | None = None, **options: Any) -> str:
        """The create of a container whose pod asks for it; its id."""
        pod = pod or Pod("new")
        pod.annotations.setdefault(FROM, source)
        cid = self.add_container(new_id())
        args = options.pop("args", ("/bin/counter",))
        self.crio.create(cid, rootfs or self.new_root(), args, annotations=pod.notes(), **options)
        return cid

    def assert_pending(self, cid: str) -> None:
        self.assertEqual(self.crio.state(cid)["status"], "created")
        self.assertEqual(self.status(cid), "paused", "the runtime's own word")
        self.assertIn(cid, marks())

    def assert_goes_on(self, cid: str, archive: pathlib.Path) -> None:
        """With the memory, and without a gap since the dump."""
        nonce, last = self.last_of(archive)
        lines = self.lines(cid, len(log_lines(self.crio.log(cid))) + 2)
        self.assertEqual(self.assert_no_gap(lines), nonce)
        self.assertEqual(int(lines[0].split()[1]), last + 1)

    def assert_gone(self, cid: str, point: object = "") -> None:
        """Of a container that is deleted, nothing is left."""
        wait_for(f"{point}: the end of its processes", lambda: not processes("counter") and not processes("lpm-wake"), 20)
        self.assertFalse((pathlib.Path(self.root) / cid).exists(), point)
        self.assertEqual(cgroups_of(cid), [], point)
        self.assertEqual(mounts_of(cid), [], point)
        self.assertNotIn(cid, marks(), point)
        self.assertNotIn(cid, unpacked(), point)

    def remove(self, cid: str) -> None:
        self.crio.delete(cid)
        self.assert_gone(cid)

    def refused_wake(self, code: str, source: str, *words: str, pod: Pod | None = None, **options: Any) -> str:
        """What the engine hears. Nothing is started, nothing is left, and the root file system is as it was."""
        root = options.pop("rootfs", None) or self.new_root()
        before = wake_archive.look(root)
        known = len(self.records())
        with self.assertRaises(CrioError) as raised:
            self.wake(source, pod, root, **options)
        message = str(raised.exception)
        self.assertIn(f"[{code}]", message)
        for word in words:
            self.assertIn(word, message)
        self.assertEqual(len(self.records()), known + 1)
        self.assertEqual(self.last_record("restore", "refused")["result"]["code"], code)
        self.assertEqual(wake_archive.look(root), before)
        self.assertEqual((marks(), unpacked(), processes("counter")), ([], [], []))
        return message

    def ask(self, *words: object, runtime: str = "") -> Done:
        """One call as CRI-O makes it."""
        return run(runtime or self.crio.runtime.path, *self.crio.runtime.globals(), *words, check=False, cwd="/",
                   env=self.crio.runtime.direct_env(), timeout=30)
