# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Restores into a bundle that does not fit the images, and from image files that are not what they seem."""
import json
import os
import pathlib
import shutil
import socket
import sys

from oci_spec import Json, bind
from resource_cases import ResourceTest, volume

# What the runtime gives a hook: its stage as an argument, the container's state on standard input.
HOOK = """#!/bin/sh
pid=$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')
grep -c " /shared " "/proc/$pid/mountinfo" >"{folder}/$1"
exit 0
"""
STAGES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart")


class Bundle(ResourceTest):
    def warns(self, check: str, *words: str) -> None:
        """The last restore went well, and its record warns."""
        found = [c for c in self.last_record("restore", "completed")["checks"] if c["id"] == check]
        self.assertEqual([c["verdict"] for c in found], ["warn"], found)
        for word in words:
            self.assertIn(word, found[0]["message"])
        self.show(check, "warned")

    def says(self, check: str) -> list[str]:
        return [c["verdict"] for c in self.last_record("restore", "completed")["checks"] if c["id"] == check]

    def without_mount(self, bundle: pathlib.Path, place: str) -> str:
        def change(spec: Json) -> None:
            spec["mounts"] = [m for m in spec["mounts"] if m["destination"] != place]
        good = (bundle / "config.json").read_text()
        self.change(bundle / "config.json", change)
        return good

    def test_mount_that_config_json_lacks(self) -> None:
        bundle = self.taken("child", "plain", **volume(self))
        good = self.without_mount(bundle, "/shared")
        self.refuse_restore("MountMissing", bundle, "/shared", fails=("MountMissing", "No mapping for"))
        (bundle / "config.json").write_text(good)
        self.comes_back_after_all("MountMissing", bundle)

    def test_mount_that_the_images_lack(self) -> None:
        bundle = self.taken("child", "plain")
        self.restores(bundle)
        self.assertEqual(self.says("MountNew"), ["pass"])
        self.remove_restored()
        [more] = volume(self)["mounts"]
        self.change(bundle / "config.json", lambda spec: spec["mounts"].append(more))
        self.restores(bundle)
        self.warns("MountNew", "/shared")
        self.assertNotIn(" /shared ", pathlib.Path(f"/proc/{self.pid(self.restored)}/mountinfo").read_text())

    def test_mount_in_a_mount_that_config_json_lacks(self) -> None:
        """Below a tmpfs the runtime makes no place, and CRIU brings the place with the images."""
        (self.work / "log").write_text("")
        bundle = self.taken("child", "plain", mounts=[bind(self.work / "log", "/dev/termination-log")])
        good = self.without_mount(bundle, "/dev/termination-log")
        self.refuse_restore("MountMissing", bundle, "/dev/termination-log", fails=("MountMissing", "No mapping for"))
        (bundle / "config.json").write_text(good)
        (self.work / "log").unlink()
        self.refuse_restore("MountSource", bundle, str(self.work / "log"), fails=("CriuError", "log"))
        (self.work / "log").write_text("")
        self.comes_back_after_all("MountSource", bundle)

    def test_mount_behind_a_link(self) -> None:
        """The image has /var/run as a link to a folder that it lacks; the runtime makes it."""
        (self.rootfs / "var").mkdir()
        (self.rootfs / "var/run").symlink_to("/run")
        options = volume(self)
        options["mounts"][0]["destination"] = "/var/run/./shared//"
        bundle = self.taken("child", "plain", **options)
        shutil.rmtree(self.rootfs / "run")
        self.restores(bundle)
        self.assertEqual(self.says("MountMissing"), ["unknown"])
        self.crio.runtime.direct("delete", "--force", self.restored)
        self.restores(bundle)
        self.assertEqual(self.says("MountMissing"), ["pass"])

    def test_source_that_is_gone(self) -> None:
        bundle = self.taken("child", "plain", **volume(self))
        source = self.work / "shared"
        source.rename(self.work / "away")
        self.refuse_restore("MountSource", bundle, f"/shared (source {source})", fails=("RuntimeFailed", str(source)))
        (self.work / "away").rename(source)
        self.comes_back_after_all("MountSource", bundle)

    def test_file_for_a_folder(self) -> None:
        bundle = self.taken("child", "plain", **volume(self))
        source = self.work / "shared"
        source.rename(self.work / "away")
        source.write_text("")
        self.refuse_restore("MountKind", bundle, "/shared", "is a file, the place is a folder",
                            fails=("RuntimeFailed", "not a directory"))
        source.unlink()
        (self.work / "away").rename(source)
        self.comes_back_after_all("MountKind", bundle)

    def test_folder_for_a_file(self) -> None:
        source = self.work / "settings"
        source.write_text("")
        bundle = self.taken("child", "plain", mounts=[bind(source, "/etc/settings")])
        source.unlink()
        source.mkdir()
        self.refuse_restore("MountKind", bundle, "/etc/settings", "is a folder, the place is a file",
                            fails=("RuntimeFailed", "not a directory"))

    def test_file_for_a_folder_in_a_new_root(self) -> None:
        """The runtime makes the place after the source, and nobody needs the folder: nothing to refuse."""
        bundle = self.taken("child", "plain", **volume(self))
        (self.rootfs / "shared").rmdir()
        (self.work / "shared").rename(self.work / "away")
        (self.work / "shared").write_text("")
        self.restores(bundle)
        self.assertEqual(self.says("MountKind"), ["pass"])

    def test_file_in_a_folder_that_is_a_file_now(self) -> None:
        bundle = self.taken("open", "/shared/file", **volume(self))
        (self.rootfs / "shared").rmdir()
        (self.work / "shared").rename(self.work / "away")
        (self.work / "shared").write_text("")
        self.refuse_restore("FileMissing", bundle, "/shared/file", fails=("FileMissing", "Can't open file"))

    def test_another_image(self) -> None:
        def notes(content: str) -> dict[str, str]:
            return {"io.kubernetes.cri-o.ImageRef": content * 64, "io.kubernetes.cri-o.ImageName": "localhost/test:1"}
        bundle = self.taken("child", "plain", annotations=notes("a"))
        self.assertEqual(json.loads((self.images / "lpm.json").read_text())["image_ref"], "a" * 64)
        self.restores(bundle)
        self.assertEqual(self.says("ImageChanged"), ["pass"])
        self.crio.runtime.direct("delete", "--force", self.restored)
        self.change(bundle / "config.json", lambda spec: spec["annotations"].update(notes("b")))
        self.restores(bundle)
        self.warns("ImageChanged", "a" * 64, "b" * 64)

    def test_hooks(self) -> None:
        """runc calls two of them, before there is a mount; the container starts with the others never called."""
        bundle = self.taken("child", "plain", **volume(self))
        called = self.folder("called")
        hook = self.work / "hook"
        hook.write_text(HOOK.format(folder=called))
        hook.chmod(0o755)
        hooks = {stage: [{"path": str(hook), "args": [str(hook), stage]}] for stage in STAGES}
        self.change(bundle / "config.json", lambda spec: spec.update(hooks=hooks))
        self.restores(bundle)
        self.warns("HooksAtRestore", f"prestart {hook}, createRuntime {hook}", f"startContainer {hook}")
        self.assertEqual({p.name: p.read_text() for p in called.iterdir()}, {"prestart": "0\n", "createRuntime": "0\n"})

    def test_socket_of_another_on_a_volume(self) -> None:
        """CRIU puts its own in the place of one that somebody listens at."""
        bundle = self.taken("unix-own", "/shared/socket", **volume(self))
        path = self.work / "shared/socket"
        path.unlink()
        other = socket.socket(socket.AF_UNIX)
        self.addCleanup(other.close)
        other.bind(str(path))
        other.listen()
        before = path.stat().st_ino
        self.restores(bundle)
        self.warns("SocketTaken", "/shared/socket")
        self.assertNotEqual(path.stat().st_ino, before)
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(path))
        other.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            other.accept()

    def test_socket_in_a_new_volume(self) -> None:
        bundle = self.taken("unix-own", "/shared/socket", **volume(self))
        (self.work / "shared/socket").unlink()
        self.restores(bundle)
        self.assertEqual(self.says("SocketTaken"), ["pass"])

    def test_file_in_the_place_of_a_deleted_one(self) -> None:
        """CRIU takes another name and leaves it alone: why no check speaks of it."""
        shared = self.folder("shared")
        bundle = self.taken("ghost", "100", mounts=[bind(shared, "/tmp")])
        (shared / "ghost").write_text("of another")
        self.restores(bundle)
        self.assertEqual({p.name: p.read_text() for p in shared.iterdir()}, {"ghost": "of another"})


class ImageFiles(ResourceTest):
    def checks(self) -> dict[str, Json]:
        return {c["id"]: c for c in self.last_record("restore", "completed")["checks"]}

    def test_link_to_a_file_elsewhere(self) -> None:
        """CRIU would make the processes' memory of any file of the node."""
        bundle = self.taken("child", "plain")
        pages = self.images / "pages-1.img"
        pages.rename(self.work / "secret")
        pages.symlink_to("../secret")
        cid = self.add_container(f"restored-{os.urandom(4).hex()}")
        self.refused("ImageForeign", self.restore_args(cid, bundle), "pages-1.img (a link to ../secret)",
                     operation="restore")
        with self.without("ImageForeign"):
            self.restores(bundle)
        self.show("ImageForeign", "refused")
        self.crio.runtime.direct("delete", "--force", self.restored)
        pages.unlink()
        (self.work / "secret").rename(self.images / "real.img")
        pages.symlink_to("real.img")
        self.restores(bundle)
        self.assertEqual(self.checks()["ImageForeign"]["verdict"], "pass")
        self.show("ImageForeign", "fine")

    def segment(self) -> int:
        """What the holder has written into its System V segment."""
        pid = self.pid(self.restored)
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
            memory.seek(int(next(line for line in maps if "/SYSV" in line).split("-")[0], 16))
            return int.from_bytes(memory.read(4), sys.byteorder)

    def test_shared_memory_that_was_cut_short(self) -> None:
        """CRIU would say so in its log only, and restore zeros."""
        bundle = self.taken("sysv")
        head = next(self.images.glob("pagemap-shmem-*.img")).read_bytes()
        self.assertEqual(head[12], 0x08, "pages_id, the first field of the first record")
        pages = self.images / f"pages-{head[13]}.img"
        whole = pages.read_bytes()
        os.truncate(pages, 0)
        cid = self.add_container(f"restored-{os.urandom(4).hex()}")
        self.refused("ImageIncomplete", self.restore_args(cid, bundle), pages.name, operation="restore")
        with self.without("ImageIncomplete"):
            self.restores(bundle)
        self.assertEqual(self.segment(), 0)
        self.show("ImageIncomplete", "refused")
        self.crio.runtime.direct("delete", "--force", self.restored)
        pages.write_bytes(whole)
        self.restores(bundle)
        self.assertEqual(self.segment(), 1)
        self.show("ImageIncomplete", "fine")

    def test_pipe_for_an_image(self) -> None:
        bundle = self.taken("child", "plain")
        image = next(self.images.glob("fs-*.img"))
        image.unlink()
        os.mkfifo(image)
        self.refuse_restore("ImageForeign", bundle, f"{image.name} (a pipe)", fails=None)

    def test_images_that_a_user_can_write(self) -> None:
        bundle = self.taken("child", "plain")
        (self.images / "core-1.img").chmod(0o666)
        os.chown(self.images / "mm-1.img", 1000, 1000)
        self.restores(bundle)
        found = self.checks()["ImageWritable"]
        self.assertEqual(found["verdict"], "warn")
        self.assertIn("core-1.img (others may write it)", found["message"])
        self.assertIn("mm-1.img (of user 1000)", found["message"])
        self.show("ImageWritable", "warned")

    def test_nothing_is_said_of_what_cri_o_keeps(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 3)
        self.move(cid)
        self.assert_fits(self.last_record("restore", "completed"))
