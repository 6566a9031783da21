# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Checkpoints that cannot be restored where somebody tries to: refused with the reason; and with the check off the
real runc and CRIU fail, or kill the container later."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

from e2e import CRIU_CONFIG, SETTINGS, piped, run, wait_for
from oci_spec import bind
from resource_cases import FORKY, ResourceTest, volume

ADDRESS = "10.99.0.7"
LISTEN = f"import socket, time; s = socket.create_server(('{ADDRESS}', 8080)); print('up', flush=True); time.sleep(1000)"


class Elsewhere(ResourceTest):
    def test_another_architecture(self) -> None:
        bundle = self.taken("child", "plain")
        core = self.images / "core-1.img"
        whole = core.read_bytes()
        self.assertEqual(whole[12:14], b"\x08\x01", "the architecture is the first field")
        core.write_bytes(whole[:13] + b"\x03" + whole[14:])
        self.refuse_restore("ArchMismatch", bundle, "aarch64", "x86_64", fails=("ArchMismatch", "march mismatch"))
        core.write_bytes(whole)
        self.comes_back_after_all("ArchMismatch", bundle)

    def test_namespace_that_is_gone(self) -> None:
        bundle = self.taken("child", "plain")
        good = (bundle / "config.json").read_text()
        self.join(bundle, "/run/netns/gone")
        self.refuse_restore("NamespaceMissing", bundle, "network /run/netns/gone",
                            fails=("RuntimeFailed", "/run/netns/gone"))
        (bundle / "config.json").write_text(good)
        self.comes_back_after_all("NamespaceMissing", bundle)

    def test_file_that_is_gone(self) -> None:
        bundle = self.taken("open", "/shared/file", **volume(self))
        file = self.work / "shared/file"
        file.rename(self.work / "away")
        self.refuse_restore("FileMissing", bundle, "/shared/file", fails=("FileMissing", "Can't open file"))
        (self.work / "away").rename(file)
        self.comes_back_after_all("FileMissing", bundle)

    def test_file_that_has_grown(self) -> None:
        bundle = self.taken("open", "/shared/file", **volume(self))
        file = self.work / "shared/file"
        size = file.stat().st_size
        file.write_text("x" * (size + 5))
        self.refuse_restore("FileChanged", bundle, "/shared/file", f"had {size} bytes, has {size + 5}",
                            fails=("FileChanged", "has bad size"))
        os.truncate(file, size)
        self.comes_back_after_all("FileChanged", bundle)

    def test_file_with_other_permissions(self) -> None:
        bundle = self.taken("open", "/shared/file", **volume(self))
        file = self.work / "shared/file"
        mode = file.stat().st_mode & 0o777
        file.chmod(0o600)
        self.assertNotEqual(mode, 0o600)
        self.refuse_restore("FileChanged", bundle, "/shared/file", f"had mode 0{mode:o}, has 0600",
                            fails=("FileChanged", "has bad mode"))
        self.criu_config("skip-file-rwx-check")
        self.restores(bundle)
        self.remove_restored()
        CRIU_CONFIG.unlink()
        file.chmod(mode)
        self.comes_back_after_all("FileChanged", bundle)

    def in_folder(self, command: str, **options: Any) -> pathlib.Path:
        """A checkpoint of a container that stands in /shared/folder, which is then removed; the bundle."""
        folder = self.folder("shared") / "folder"
        (folder / "bin").mkdir(parents=True)
        shutil.copy(self.rootfs / "bin/holder", folder / "bin")
        cid = self.start("holder", "/bin/sh", "-c", command, **volume(self), **options)
        self.lines(cid, 1)
        done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        folder.rename(self.work / "away")
        return self.remove(cid)

    def test_working_directory_that_is_gone(self) -> None:
        bundle = self.in_folder("cd /shared/folder && exec /bin/holder child plain")
        self.refuse_restore("FileMissing", bundle, "/shared/folder", fails=("FileMissing", "Can't open file"))
        (self.work / "shared/folder").write_text("")
        self.refuse_restore("FileChanged", bundle, "/shared/folder (of another type)", fails=("FileChanged", "has bad mode"))
        (self.work / "shared/folder").unlink()
        (self.work / "away").rename(self.work / "shared/folder")
        self.comes_back_after_all("FileMissing", bundle)

    def test_root_directory_that_is_gone(self) -> None:
        """Of a child: see RootChanged."""
        both = "(busybox chroot /shared/folder /bin/holder child plain >/dev/null &); exec /bin/holder child plain"
        bundle = self.in_folder(both, capabilities=("CAP_SYS_CHROOT",))
        self.refuse_restore("FileMissing", bundle, "/shared/folder", fails=("FileMissing", "Can't open file"))
        (self.work / "away").rename(self.work / "shared/folder")
        self.comes_back_after_all("FileMissing", bundle)

    def test_mapped_file_that_is_gone(self) -> None:
        bundle = self.taken("mapped", "/shared/file", **volume(self))
        file = self.work / "shared/file"
        file.rename(self.work / "away")
        self.refuse_restore("FileMissing", bundle, "/shared/file", fails=("FileMissing", "Can't open file"))
        file.mkdir()
        self.refuse_restore("FileChanged", bundle, "/shared/file", fails=("FileMissing", "Is a directory"))
        file.rmdir()
        (self.work / "away").rename(file)
        self.comes_back_after_all("FileChanged", bundle)

    def program(self, mode: int) -> str:
        """A container whose program has these permissions since."""
        cid = self.start("holder", "/bin/holder", "child", "plain")
        self.lines(cid, 1)
        (self.rootfs / "bin/holder").chmod(mode)
        return cid

    def warns_of_program(self, cid: str, path: str) -> None:
        with self.paused(cid):
            self.dump(cid)
        with self.foreseen(cid):
            self.dump(cid)
        [found] = [c for c in self.last_record("checkpoint", "completed")["checks"] if c["id"] == "ProgramMode"]
        self.assertEqual(found["verdict"], "warn")
        self.assertIn(f"({path})", found["message"])

    def test_program_without_x_bit(self) -> None:
        cid = self.program(0o644)
        self.warns_of_program(cid, "/bin/holder")
        bundle = self.remove(cid)
        self.refuse_restore("ProgramMode", bundle, "/bin/holder", fails=("ProgramMode", "PR_SET_MM_MAP) failed with -13"))
        (self.rootfs / "bin/holder").chmod(0o755)
        self.criu_config("skip-file-rwx-check")
        self.comes_back_after_all("ProgramMode", bundle)

    def test_program_on_a_mount_that_became_noexec(self) -> None:
        folder = self.folder("programs")
        shutil.copy(self.rootfs / "bin/holder", folder)
        cid = self.start("holder", "/programs/holder", "child", "plain", mounts=[bind(folder, "/programs")])
        self.lines(cid, 1)
        self.remount(cid, "noexec")
        self.warns_of_program(cid, "/programs/holder")
        self.remount(cid, "exec")
        good = self.work / "good"
        self.images.rename(self.work / "noexec")
        self.dump(cid)
        self.images.rename(good)
        (self.work / "noexec").rename(self.images)
        bundle = self.remove(cid)
        self.refuse_restore("ProgramMode", bundle, "/programs/holder",
                            fails=("ProgramMode", "Unable to map ANON_VMA: Operation not permitted"))
        shutil.rmtree(self.images)
        good.rename(self.images)
        self.comes_back_after_all("ProgramMode", bundle)

    def remount(self, cid: str, how: str) -> None:
        run("mount", "--namespace", self.pid(cid), "-o", f"remount,bind,{how}", "/programs")

    def test_program_that_only_others_may_execute(self) -> None:
        cid = self.program(0o645)
        self.dump(cid)
        self.comes_back(cid)
        self.show("ProgramMode", "fine")

    def test_program_that_was_replaced(self) -> None:
        """The deleted one comes with the images and with its mode, whatever has its name now."""
        SETTINGS.write_text('[options]\nghost_limit = "64M"\n')
        cid = self.start("holder", "/bin/holder", "child", "plain")
        self.lines(cid, 1)
        program = self.rootfs / "bin/holder"
        program.unlink()
        program.write_text("")
        self.dump(cid)
        self.comes_back(cid)

    def test_file_of_the_image_that_is_gone(self) -> None:
        bundle = self.taken("open", "/tmp/file")
        (self.rootfs / "tmp/file").unlink()
        self.refuse_restore("FileMissing", bundle, "/tmp/file", fails=("FileMissing", "Can't open file"))

    def test_volume_behind_a_link(self) -> None:
        """The kernel tells names without links; config.json has the link."""
        (self.rootfs / "run").mkdir()
        (self.rootfs / "var").mkdir()
        (self.rootfs / "var/run").symlink_to("/run")
        options = volume(self)
        options["mounts"][0]["destination"] = "/var/run/shared"
        bundle = self.taken("open", "/var/run/shared/file", **options)
        (self.work / "shared/file").rename(self.work / "away")
        self.refuse_restore("FileMissing", bundle, "/run/shared/file", fails=("FileMissing", "Can't open file"))
        (self.work / "away").rename(self.work / "shared/file")
        self.restores(bundle)

    def test_deleted_file_comes_with_the_images(self) -> None:
        self.restores(self.taken("ghost", "100"))

    def test_another_processor(self) -> None:
        bundle = self.taken("child", "plain")
        self.assertTrue(json.loads((self.images / "lpm.json").read_text())["cpu"])
        self.change(self.images / "lpm.json", lambda manifest: manifest.update(cpu=manifest["cpu"] + " avx1024 amx_fp4"))
        cid = self.add_container(f"restored-{os.urandom(4).hex()}")
        self.refused("CpuMismatch", self.restore_args(cid, bundle), "avx1024 amx_fp4", operation="restore")
        self.show("CpuMismatch", "refused")  # no second processor here to be killed on
        self.change(self.images / "lpm.json", lambda manifest: manifest.update(cpu=""))
        self.comes_back_after_all("CpuMismatch", bundle)

    def test_older_kernel(self) -> None:
        bundle = self.taken("child", "plain")
        self.change(self.images / "lpm.json", lambda manifest: manifest.update(kernel="99.1.0-next"))
        self.restores(bundle)
        record = self.last_record("restore", "completed")
        self.assertEqual([c["verdict"] for c in record["checks"] if c["id"] == "KernelOlder"], ["warn"])
        self.show("KernelOlder", "warned")


class Addresses(ResourceTest):
    flavours = FORKY  # CRIU 4.1 dumps no socket on Linux 6.16

    def listening(self) -> pathlib.Path:
        """A checkpoint of what listens on an address of its pod; the bundle."""
        cid = self.start("httpd", "/bin/busybox", "httpd", "-f", "-p", f"{ADDRESS}:8080", "-h", "/tmp",
                         netns=self.network("first", ADDRESS))
        wait_for("httpd", lambda: run("ip", "netns", "exec", "first", "cat", "/proc/net/tcp").stdout.count(":1F90 "))
        done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.remove(cid)

    def test_pod_with_another_address(self) -> None:
        bundle = self.listening()
        self.join(bundle, self.network("other", "10.99.0.8"))
        self.refuse_restore("AddressMissing", bundle, ADDRESS, fails=("AddressMissing", "Cannot assign requested address"))
        run("ip", "-n", "other", "address", "add", f"{ADDRESS}/32", "dev", "lo")
        self.restores(bundle)
        self.show("AddressMissing", "fine")

    def test_port_that_another_has(self) -> None:
        bundle = self.listening()
        other = subprocess.Popen(["ip", "netns", "exec", "first", sys.executable, "-c", LISTEN],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        self.assertEqual(piped(other.stdout).readline(), "up\n")
        self.refuse_restore("AddressInUse", bundle, f"{ADDRESS} port 8080", fails=("AddressInUse", "Address already in use"))
        other.kill()
        other.wait()
        self.restores(bundle)
        self.show("AddressInUse", "fine")
