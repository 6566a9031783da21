# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What the Events of a pod say when lpm refuses to restore its containers: the reason, the remedy and the check's id."""
import dataclasses
import functools
import json
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

import image_edit
import pytest
from e2e import CRIU_CONFIG, run, wait_for
from oci_spec import Json
from refusals import MISLEADING
from suite import POD, ClusterTest, container

FORBIDDING = "no-tcp-close\nno-allow-uprobes\n"  # of CRIU's options that the checkpoints in the table ask for
WEB = ("httpd", "-f", "-h", "/tmp", "-p")
VOLUME = pathlib.Path("/var/lib/lpm/volume")
MOUNTED: Json = {"volumeMounts": [{"name": "volume", "mountPath": "/root"}]}
ADDRESS: Json = {"env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]}


Edit = Callable[[pathlib.Path], object]  # of the folder with CRIU's images
Archives = dict[str, pathlib.Path]  # {source's name: archive}


def inventory(images: pathlib.Path, number: int, value: int) -> None:
    image_edit.edit(images / "inventory.img", image_edit.INVENTORY_HEAD,
                    lambda record: image_edit.with_number(record, number, value))


def without(name: str) -> Edit:
    return lambda images: (images / name).unlink()


def with_a_pipe(images: pathlib.Path) -> None:
    """A link to elsewhere does not come so far: CRI-O ends its copy there."""
    (images / "fs-1.img").unlink()
    os.mkfifo(images / "fs-1.img")


def of_arm(images: pathlib.Path) -> None:
    core = images / "core-1.img"
    whole = core.read_bytes()
    core.write_bytes(whole[:13] + b"\x03" + whole[14:])


def of_a_later_processor(images: pathlib.Path) -> None:
    manifest = json.loads((images / "lpm.json").read_text())
    (images / "lpm.json").write_text(json.dumps({**manifest, "cpu": manifest["cpu"] + " avx1024"}))


def of_apparmor(images: pathlib.Path) -> None:
    inventory(images, 6, 2)
    image_edit.edit(images / "core-1.img", image_edit.HEAD,
                    lambda record: image_edit.with_bytes(record, (5, 10, 15), b"crio-default"))


def longer(images: pathlib.Path) -> None:
    """The file in what the container has changed of its image."""
    diff, folder = images.parent / "rootfs-diff.tar", images.parent / "changed"
    folder.mkdir()
    run("tar", "-C", folder, "-xf", diff)
    with open(next(folder.rglob("tmp/file")), "a") as file:
        file.write("more")
    run("tar", "-C", folder, "-cf", diff, "tmp")
    run("rm", "-r", folder)


@dataclasses.dataclass(frozen=True)
class Case:
    name: str  # of the restored container
    check: str
    words: tuple[str, ...]
    edit: Edit = lambda images: None  # of the folder with CRIU's images
    source: str = "ctr"  # the container that is taken
    more: Json = dataclasses.field(default_factory=dict)


# In pods of five at most: the kubelet has 25 Events for a pod, and four are of each container.
PODS = ((
    Case("incomplete", "ImageIncomplete", ("core-1.img",), without("core-1.img")),
    Case("pipe", "ImageForeign", ("fs-1.img (a pipe)",), with_a_pipe),
    Case("no-descriptors", "DescriptorsMissing", ("descriptors.json",), without("descriptors.json")),
    Case("arm", "ArchMismatch", ("aarch64", "x86_64"), of_arm),
    Case("processor", "CpuMismatch", ("avx1024",), of_a_later_processor),
), (
    Case("profile", "LsmMismatch", ("AppArmor profile crio-default",), of_apparmor),
    Case("closed", "TcpOptionMissing", ("tcp-close",), lambda images: inventory(images, 10, 1)),
    Case("probes", "Uprobes", ("allow-uprobes",), lambda images: inventory(images, 14, 1)),
    Case("missing", "FileMissing", ("/tmp/file",), lambda images: (images.parent / "rootfs-diff.tar").unlink(), "file"),
    Case("changed", "FileChanged", ("/tmp/file", "bytes"), longer, "file"),
), (
    Case("address", "AddressMissing", ("does not have",), source="address"),
    Case("port", "AddressInUse", ("8081",), source="port"),
    Case("kind", "MountKind", ("/root", "is a file, the place is a folder"), source="folder", more=MOUNTED),
    Case("alone", "PidNamespaceMissing", ("PID namespace",), source="shared"),
))
SOURCES = (
    container("ctr"),
    container("file", "/bin/holder", "open", "/tmp/file"),
    container("address", "sh", "-c", f"exec {' '.join(WEB)} $POD_IP:8080", **ADDRESS),
    container("port", *WEB, "8081"),
    container("folder", **MOUNTED),
)


@pytest.mark.parallel
class RefusedRestore(ClusterTest):
    def images_of(self, archives: Archives, cases: Iterable[Case]) -> dict[str, str]:
        """{case's name: image}"""
        images = {}
        for case in cases:
            with tempfile.TemporaryDirectory() as folder:
                run("tar", "-C", folder, "-xf", archives[case.source])
                case.edit(pathlib.Path(folder, "checkpoint"))
                files = os.listdir(folder)
                edited = pathlib.Path(folder, "edited.tar")
                run("tar", "-C", folder, "-cf", edited, *files)
                images[case.name] = self.image_of(edited, case.source)
        return images

    def restoring(self, archives: Archives, cases: Iterable[Case], *others: Json, **spec: Any) -> str:
        """A pod of these, none of which can be restored."""
        images = self.images_of(archives, cases)
        return self.pod(*others, *(container(case.name, image=images[case.name], **case.more) for case in cases),
                        name=f"restored-{os.urandom(4).hex()}", wait=False, **spec)

    def said(self, pod: str, name: str) -> str | None:
        """Of a container, by an Event."""
        return next((e["message"] for e in self.cluster.events_of(pod) if "lpm refused restore" in e["message"]
                     and e["involvedObject"].get("fieldPath") == f"spec.containers{{{name}}}"), None)

    def assert_said(self, pod: str, cases: Iterable[Case]) -> None:
        for case in cases:
            with self.subTest(case.name):
                message = wait_for(f"an Event says why not: {case.name}", functools.partial(self.said, pod, case.name), 30)
                print("  " + message.strip(), flush=True)
                self.assertIn("container restore failed", message)
                self.assertRegex(message, rf"\[{case.check}(, transient)?\]")
                for word in case.words:
                    self.assertIn(word, message)
                for phrase in MISLEADING:
                    self.assertNotIn(phrase, message.lower())
                self.shown.add((case.check, "told"))

    @pytest.mark.long
    def test_whatever_does_not_fit(self) -> None:
        VOLUME.mkdir()
        self.addCleanup(run, "rm", "-rf", VOLUME)
        volumes = [{"name": "volume", "hostPath": {"path": str(VOLUME)}}]
        first, shared = self.pod(*SOURCES, volumes=volumes), self.pod(container("ctr"), shareProcessNamespace=True)
        archives = {source["name"]: self.checkpoint(first, source["name"]) for source in SOURCES}
        archives["shared"] = self.checkpoint(shared, "ctr")
        for pod in (first, shared):
            self.cluster.delete(POD, pod, 1)
        VOLUME.rmdir()
        VOLUME.write_text("")
        CRIU_CONFIG.parent.mkdir(exist_ok=True)
        CRIU_CONFIG.write_text(FORBIDDING)
        self.addCleanup(CRIU_CONFIG.unlink)
        others = ((), (), (container("other", *WEB, "8081"),))
        pods = [self.restoring(archives, cases, *beside, volumes=volumes) for cases, beside in zip(PODS, others)]
        for pod, cases in zip(pods, PODS):
            self.assert_said(pod, cases)
        self.assertEqual({r["outcome"] for r in self.ended_calls("restore")}, {"refused"})

    def test_twice_into_one_process_namespace(self) -> None:
        """The first has the numbers that the second needs."""
        name = self.pod(container("ctr"), shareProcessNamespace=True)
        archives = {"ctr": self.checkpoint(name, "ctr")}
        self.cluster.delete(POD, name, 1)
        cases = (Case("first", "", ()), Case("second", "PidTaken", ("counter",)))
        self.assert_said(self.restoring(archives, cases, shareProcessNamespace=True), cases[1:])
