# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A node with containers, and an lpm-sidecar that serves it."""
import importlib
import importlib.util
import io
import pathlib
import shutil
import tarfile
from collections.abc import Callable
from typing import Any

from e2e import SETTINGS, NodeTest
from gate_socket import ask

# What lpm-sidecar is linked with, and its client, are in the roots of Debian 13 only.
NODE_API: Any = importlib.import_module("node_api") if importlib.util.find_spec("grpc") else None

NAMES = {"namespace": "shop", "pod": "web-1", "name": "counter"}
OBJECT = {"namespace": "shop", "name": "save", "uid": "o-1"}
ANNOTATIONS = {"io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.name": "web-1",
               "io.kubernetes.pod.uid": "uid-1", "io.kubernetes.container.name": "counter"}


class SidecarTest(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.socket = self.work / "sidecar.sock"
        self.sidecar = NODE_API.Sidecar(self.socket)
        self.addCleanup(self.sidecar.process.kill)
        self.api = self.sidecar.client

    def code(self, call: Any, **fields: Any) -> tuple[str, str]:
        with self.assertRaises(NODE_API.grpc.RpcError) as caught:
            call(**fields)
        return caught.exception.code().name, caught.exception.details()

    def listed(self) -> Any:
        """The first page of what this test's calls left: those of others before it may fill pages."""
        return self.api.ListRecords(page_size=1000, page_token=max(self.before, default=""))

    def counter(self) -> str:
        cid = self.start("counter", "/bin/counter", annotations=ANNOTATIONS)
        self.lines(cid, 1)
        return cid

    def taken(self, cid: str) -> dict[str, Any]:
        self.crio.checkpoint(cid, self.work / "checkpoint.tar")
        (self.work / "checkpoint.tar").unlink()
        return self.last_record("checkpoint", "completed")


class ArchivesTest(SidecarTest):
    """With a folder of archives, and lpm-gate behind its socket."""

    flavours = ("trixie",)

    def setUp(self) -> None:
        super().setUp()
        self.folder = self.work / "archives"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o755)
        SETTINGS.write_text(f'[archives]\nfolders = ["{self.folder}"]\n')
        gate = NODE_API.listening_gate()
        gate.__enter__()
        self.addCleanup(gate.__exit__, None, None, None)

    def checkpoint(self, name: str = "one.tar", attempt: str = "attempt-1") -> pathlib.Path:
        """Of a counter; its archive in the folder."""
        self.cid = self.counter()
        answer = ask(verb="prepare", **NAMES, attempt=attempt, object=OBJECT)
        self.assertIn("record", answer)
        self.crio.checkpoint(self.cid, self.folder / name)
        self.crio.kill(self.cid)
        self.crio.delete(self.cid)
        return self.folder / name

    def state_of(self, path: pathlib.Path) -> tuple[str, str]:
        found = {a.path: a for a in self.api.ListArchives(page_size=1000).archives}[str(path)]
        return found.state, found.message

    def changed(self, path: pathlib.Path, change: Callable[[str, bytes], bytes | None]) -> pathlib.Path:
        """Another archive beside it, of what `change` makes of its parts."""
        to = self.folder / "changed.tar"
        with tarfile.open(path) as tar, tarfile.open(to, "w") as copy:
            for member in tar.getmembers():
                file = tar.extractfile(member) if member.isfile() else None
                content = change(member.name, file.read()) if file else b""
                if content is None:
                    continue
                member.size = len(content)
                copy.addfile(member, io.BytesIO(content))
        return to

    def peak(self) -> int:
        """Of the sidecar's memory, in MiB."""
        status = pathlib.Path(f"/proc/{self.sidecar.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) >> 10
