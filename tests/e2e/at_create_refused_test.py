# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Restores at create that are refused: the pod may not have the archive, or that is none that an honest node has made.
Nothing is started, nothing is left, and nothing in the container's files has changed."""
import json
import os
import pathlib
import tarfile

from at_create import FALLBACK, FROM, AtCreateTest, marks, unpacked
from crio_archive import of_another_processor, remade
from crio_pod import Pod
from crio_runtime import CrioError
from e2e import GATE, SETTINGS, run
from oci_spec import Json
from refusals import processes
from wake_archive import Build, add, member, members, tar_of


class Refused(AtCreateTest):
    def test_planted_annotations_change_nothing(self) -> None:
        """The author of a pod writes what he likes; the engine's own words are believed."""
        lies = ("io.kubernetes.cri-o.Namespace", "io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace",
                "io.kubernetes.cri-o.KubeName", "io.kubernetes.cri-o.Name")
        archive = self.taken(Pod(annotations=dict.fromkeys(lies, "victim")))
        other = Pod("thief", "victim", annotations=dict.fromkeys(lies, "default"))
        self.refused_wake("OtherNamespace", archive.name, "was taken in another namespace than victim",
                          pod=other)
        cid = self.wake(archive.name, Pod("new", annotations=dict.fromkeys(lies, "victim")))
        self.crio.start(cid)
        self.assert_goes_on(cid, archive)
        self.remove(cid)
        labels = {"io.kubernetes.cri-o.Labels": "{}"}
        self.refused_wake("RestoreAnnotation", archive.name, "whose container this is",
                          change=lambda spec: spec["annotations"].update(labels))

    def test_more_privileges_than_the_new_pod_grants(self) -> None:
        """Whatever lpm.toml and the pod say of the check."""
        def privileged(spec: Json) -> None:
            spec["process"]["noNewPrivileges"] = False
            spec["linux"].update(maskedPaths=[], readonlyPaths=[])

        def restricted(spec: Json) -> None:
            spec["process"].update(capabilities={}, user={"uid": 1000, "gid": 1000})
        archive = self.taken(capabilities=("CAP_MKNOD", "CAP_SYS_CHROOT"), change=privileged)
        pod = {"lpm.my.domain/skip-checks": "PrivilegesExceeded,*"}
        skippable = '[checks]\nPrivilegesExceeded = "warn"\nskippable = ["*"]\n'
        for settings in ("", '[checks]\nPrivilegesExceeded = "off"\n', skippable):
            self.switch_on(settings)
            for options in ({"change": restricted}, {}, {"denied": ("mkdir",)}):
                self.refused_wake("PrivilegesExceeded", archive.name, pod=Pod("new", annotations=dict(pod)), **options)

    def test_containers_that_cannot_be(self) -> None:
        archive = self.taken()
        self.refused_wake("RestoreUnsupported", archive.name, "hostUsers", users=True)
        self.use_crun()
        run(GATE, "--probe")
        self.refused_wake("RestoreUnsupported", archive.name, "crun")

    def test_settings_that_cannot_be_read(self) -> None:
        """They do not say that it is off: a pod that wants its memory is not started without by accident."""
        archive = self.taken()
        SETTINGS.write_text("this is no [toml\n")
        self.refused_wake("RestoreUnsupported", archive.name, "lpm.toml")
        cid = self.wake(archive.name, Pod("new", annotations={FALLBACK: "start"}))
        self.assertEqual(self.status(cid), "created")
        self.switch_off()
        cid = self.wake(archive.name)
        self.assertEqual(self.status(cid), "created")

    def test_node_without_room(self) -> None:
        archive = self.taken()
        cid = self.wake(archive.name)
        for folder in ("/var/lib/lpm", "/run/lpm"):
            run("mount", "--bind", folder, folder)
            run("mount", "-o", "remount,bind,ro", folder)
            try:
                if folder == "/var/lib/lpm":
                    with self.assertRaisesRegex(CrioError, "it cannot be noted that it was restored"):
                        self.crio.start(cid)
                    self.assert_pending(cid)
                    self.remove(cid)
                with self.assertRaisesRegex(CrioError, "ArchiveUnreadable|RestoreUnsupported"):
                    self.wake(archive.name)
            finally:
                run("umount", folder)
            self.assertEqual((marks(), unpacked(), processes("counter")), ([], [], []))

    def test_nothing_may_be_said_wrong(self) -> None:
        for source in ("../x.tar", "a/b.tar", "", ".x.tar", "X", "x" * 300):
            self.refused_wake("RestoreAnnotation", source, FROM)
        self.refused_wake("RestoreAnnotation", "x.tar", FALLBACK, pod=Pod("new", annotations={FALLBACK: "yes"}))

    def more(self, archive: pathlib.Path, name: str, content: bytes) -> str:
        """Another archive, with one member more; its name."""
        to = archive.with_name(f"made-{os.urandom(4).hex()}.tar")
        to.write_bytes(archive.read_bytes())
        to.chmod(0o600)
        with tarfile.open(to, "a") as tar:
            add(tar, name, content)
        return to.name

    def test_hostile_layers(self) -> None:
        archive = self.taken()
        outside = self.work / "outside"
        outside.mkdir()
        (outside / "file").write_text("of the node")
        root = self.new_root()
        (root / "out").symlink_to(outside)

        def layer(*builds: Build) -> str:
            return self.more(archive, "rootfs-diff.tar", tar_of(members(*builds)))
        hostile = [
            layer(member("a", kind=tarfile.SYMTYPE, linkname=str(outside)), member("a/file", b"changed")),
            layer(member("out/file", b"changed")),
            layer(member("../outside/file", b"changed")),
            layer(member("/etc/file", b"changed")),
            layer(member("fine", b"x"), member("dev/sda", kind=tarfile.BLKTYPE)),
            layer(member("dev/null", kind=tarfile.CHRTYPE)),
            layer(member("link", kind=tarfile.LNKTYPE, linkname="../outside/file")),
            layer(member("etc/.wh.hosts", b"")),
            self.more(archive, "deleted.files", json.dumps(["/../outside/file"]).encode()),
            self.more(archive, "rootfs-diff.tar", tar_of(member("x", b"x" * 2000))[:1536]),
            self.more(archive, "checkpoint/../../x", b"x"),
            self.more(archive, "checkpoint/sub/x", b"x"),
            self.more(archive, "checkpoint/lpm.json", b"{}"),
        ]
        for source in hostile:
            self.refused_wake("ArchiveUnsafe", source, rootfs=root)
        self.assertEqual((outside / "file").read_text(), "of the node")
        self.assertEqual(os.listdir(outside), ["file"])
        gone = self.more(archive, "deleted.files", json.dumps(["/out/file", "/nothing"]).encode())
        self.crio.start(self.wake(gone, rootfs=root))
        self.assertEqual(os.listdir(outside), ["file"])

    def test_archives_that_others_may_have_made(self) -> None:
        archive = self.taken()
        for mode in (0o620, 0o602, 0o666):
            archive.chmod(mode)
            self.refused_wake("ArchiveUnsafe", archive.name, "can be written by others than root")
        archive.chmod(0o600)
        os.chown(archive, 1000, 0)
        self.refused_wake("ArchiveUnsafe", archive.name)
        os.chown(archive, 0, 0)
        hidden = self.work / "elsewhere.tar"
        archive.rename(hidden)
        archive.symlink_to(hidden)
        self.refused_wake("ArchiveMissing", archive.name)
        archive.unlink()
        archive.mkdir()
        self.refused_wake("ArchiveMissing", archive.name)
        archive.rmdir()
        os.mkfifo(archive, 0o600)
        self.refused_wake("ArchiveMissing", archive.name)
        archive.unlink()
        hidden.rename(archive)
        self.folder.chmod(0o777)
        self.refused_wake("ArchiveMissing", archive.name)
        self.folder.chmod(0o755)
        self.crio.start(self.wake(archive.name))

    def test_archives_that_are_damaged(self) -> None:
        archive = self.taken()
        whole = archive.read_bytes()
        with tarfile.open(archive) as tar:
            at = {m.name: m.offset_data for m in tar.getmembers()}
        for size in (0, 512, len(whole) // 2 // 512 * 512, len(whole.rstrip(b"\0"))):
            archive.write_bytes(whole[:size])
            self.refused_wake("ArchiveUnsafe", archive.name)
        for name, code in (("checkpoint/lpm.json", "ArchiveUnsafe"), ("checkpoint/inventory.img", "ImageIncomplete"),
                           ("checkpoint/pstree.img", "ImageIncomplete"), ("checkpoint/core-1.img", "ImageIncomplete")):
            spoilt = bytearray(whole)
            spoilt[at[name]:at[name] + 8] = b"\xee" * 8
            archive.write_bytes(spoilt)
            self.refused_wake(code, archive.name)
        archive.write_bytes(whole)
        self.crio.start(self.wake(archive.name))

    def test_what_a_fallback_is_for(self) -> None:
        """Whatever is seen before the container's files are changed, and nothing behind it."""
        archive = self.taken()
        device = tar_of(member("dev/sda", kind=tarfile.BLKTYPE))
        other = remade(archive, "cpu", {"checkpoint/lpm.json": of_another_processor})
        for code, source in (("ArchiveUnsafe", self.more(archive, "rootfs-diff.tar", device)), ("CpuMismatch", other.name)):
            cid = self.wake(source, Pod("new", annotations={FALLBACK: "start"}))
            self.assertEqual(self.last_record("restore", "refused")["result"]["code"], code)
            self.crio.start(cid)
            self.lines(cid, 2)
            self.crio.kill(cid)
            self.crio.delete(cid)
        root = self.new_root()
        (root / "out").symlink_to("/")
        out = self.more(archive, "rootfs-diff.tar", tar_of(member("out/file", b"x")))
        self.refused_wake("ArchiveUnsafe", out, pod=Pod("new", annotations={FALLBACK: "start"}), rootfs=root)
