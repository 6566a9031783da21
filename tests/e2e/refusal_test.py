# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Each check refuses what really fails: the message, the record, the untouched container; and with the
check off the real runc and CRIU do fail, for the very reason that the check knows."""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

from e2e import CRIU_CONFIG, REAL, NodeTest, only_on, run, settle
from oci_spec import make_spec
from refusals import NO_CRIU, RefusalTest


@contextlib.contextmanager
def open_folder(path: pathlib.Path) -> Iterator[int]:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield folder
    finally:
        os.close(folder)


class Checkpoint(RefusalTest):
    def test_a_container_that_is_not_started(self) -> None:
        cid = self.add_container("created")
        self.crio.create(cid, self.rootfs, ["/bin/counter"])
        self.refuse("ContainerState", self.checkpoint_args(cid), "created but not started",
                    fails=("RuntimeFailed", "cannot be checkpointed in created state"))
        self.assertEqual(self.status(cid), "created")
        self.crio.start(cid)
        self.assert_runs(cid)

    def test_another_checkpoint_is_under_way(self) -> None:
        cid = self.start("counter", "/bin/counter")
        with open_folder(pathlib.Path(self.root) / cid) as folder:
            fcntl.flock(folder, fcntl.LOCK_EX)
            self.refused("CheckpointRunning", self.checkpoint_args(cid), "another checkpoint", "try again")
            self.assert_runs(cid)
        self.show("CheckpointRunning", "refused")
        done = self.call("--root", self.root, *self.checkpoint_args(cid))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_runs(cid)
        self.show("CheckpointRunning", "fine")

    def test_too_little_disk_space(self) -> None:
        cid = self.start("counter", "/bin/workers", "memory", "16")
        self.lines(cid, 1)
        self.images.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.images)
        self.addCleanup(run, "umount", self.images)
        self.refuse("DiskSpace", self.checkpoint_args(cid), "needs", "free", fails=("DiskSpace", "No space left on device"))
        self.assertEqual(self.status(cid), "running")

    def test_too_little_disk_space_for_files_in_memory(self) -> None:
        """A memfd that is mapped no more goes into the images whole, as does a segment that nobody has attached; what is in
        a tmpfs as tar and gzip make it."""
        fill = "busybox dd if=/dev/urandom of=/dev/shm/file bs=1048576 count=16 2>/tmp/dd; exec /bin/counter"
        for program in (("/bin/holder", "memfd", "16"), ("/bin/holder", "segment", "16"), ("/bin/sh", "-c", fill)):
            with self.subTest(program):
                cid = self.start("counter", *program)
                self.lines(cid, 1)
                self.images.mkdir()
                run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", self.images)
                self.addCleanup(run, "umount", self.images, check=False)
                for caller in ("running", "paused"):
                    if caller == "paused":
                        self.crio.pause(cid)
                    self.assertNotEqual(self.call("--root", self.root, *self.checkpoint_args(cid)).returncode, 0)
                    record = self.last_record("checkpoint", "failed")
                    self.assertEqual(record["result"]["code"], "DiskSpace")
                    [found] = [c for c in record["checks"] if c["id"] == "DiskSpace"]
                    self.assertEqual(found["verdict"], "warn")
                    self.assertIn("possibly needs 16", found["message"])
                    run("sh", "-c", f"rm -rf {self.images}/*")
                self.crio.resume(cid)
                self.assert_runs(cid)
                run("umount", self.images)
                self.assertEqual(self.call("--root", self.root, *self.checkpoint_args(cid)).returncode, 0)
                [found] = [c for c in self.last_record("checkpoint", "completed")["checks"] if c["id"] == "DiskSpace"]
                self.assertEqual(found["verdict"], "pass")
                shutil.rmtree(self.images)

    def test_output_to_a_file_outside_the_mounts(self) -> None:
        cid = self.add_container("file-output")
        bundle = self.work / "bundle"
        bundle.mkdir()
        spec = make_spec(["/bin/counter"], self.rootfs, "/file-output")
        (bundle / "config.json").write_text(json.dumps(spec))
        output = self.work / "output"
        with open(output, "w") as file:
            subprocess.run([REAL, "--root", self.root, "run", "--detach", "--bundle", bundle, cid], check=True,
                           stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.DEVNULL)
        settle()
        self.refuse("StdioOutsideMounts", self.checkpoint_args(cid), "standard output", str(output),
                    fails=("StdioOutsideMounts", "Can't lookup mount="))
        self.assertEqual(self.status(cid), "running")

    def test_no_criu_on_the_path(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.refuse("ToolingMissing", self.checkpoint_args(cid), "criu", path=self.only("iptables-restore", "tar", "gzip"),
                    fails=NO_CRIU)
        self.assert_runs(cid)

    def test_no_iptables(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.refuse("NetworkLockTool", self.checkpoint_args(cid), "iptables", path=self.only("criu", "tar", "gzip"),
                    fails=("NetworkLockTool", 'execvp("iptables-restore"'))
        self.assert_runs(cid)

    def test_a_paused_container_stays_paused(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 2)
        self.crio.pause(cid)
        self.refuse("ToolingMissing", self.checkpoint_args(cid), "criu", path=self.only("tar", "gzip"), fails=NO_CRIU)
        self.assertEqual(self.status(cid), "paused")
        self.crio.resume(cid)
        self.assert_runs(cid)

    def test_line_of_criu_s_configuration(self) -> None:
        """Which CRIU reads for itself, or which the runtime, or the pod by its annotation, names: bare runc and CRIU say
        nothing of it."""
        default = CRIU_CONFIG.with_name("default.conf")
        named = self.work / "named.conf"
        cid = self.start("counter", "/bin/counter")
        other = self.start("counter", "/bin/counter", annotations={"org.criu.config": str(named)})
        settle()
        for file, of in ((CRIU_CONFIG, cid), (default, cid), (named, other)):
            with self.subTest(str(file)):
                self.addCleanup(file.unlink, missing_ok=True)
                file.parent.mkdir(exist_ok=True)
                file.write_text("# of the node\nlog-file dump.log\ntcp_close\n")
                args = self.checkpoint_args(of)
                self.refuse("CriuConfig", args, f"line 3 of {file}", "tcp_close", "CRIU 4.", fails=("RuntimeFailed", "criu"))
                self.crio.pause(of)
                self.refused("CriuConfig", args, f"line 3 of {file}")
                self.crio.resume(of)
                self.assertNotEqual(run(REAL, "--root", self.root, *args, check=False).returncode, 0)
                self.assert_runs(of)
                file.write_text("file-v size # buildid or filesize\n")
                self.refuse("CriuConfig", args, f"line 1 of {file}", 'file-v with the value "size"', "criu(8)",
                            fails=("RuntimeFailed", "criu"))
                file.write_text("# of the node\ntcp-clos # the beginning of a name will do\nno-link-remap\n")
                done = self.call("--root", self.root, *args)
                self.assertEqual(done.returncode, 0, done.stderr)
                file.unlink()
        self.show("CriuConfig", "fine")

    @only_on("trixie")  # CRIU 4.1.1
    def test_remedy_of_crius_next_release(self) -> None:
        cid = self.start("counter", "/bin/counter")
        settle()
        self.criu_config("allow-uprobes")
        self.refuse("CriuConfig", self.checkpoint_args(cid), "allow-uprobes", "CRIU 4.1", fails=("RuntimeFailed", "criu"))
        self.assert_runs(cid)

    @only_on("trixie")  # CRIU 4.1.1
    def test_network_lock_in_the_file_that_crashes_criu(self) -> None:
        cid = self.start("counter", "/bin/counter")
        settle()
        self.criu_config("network-lock iptables")
        self.refuse("NetworkLockTool", self.checkpoint_args(cid), "network-lock", str(CRIU_CONFIG), "crash",
                    fails=("RuntimeFailed", "read unixpacket"))
        self.assert_runs(cid)
        CRIU_CONFIG.rename(CRIU_CONFIG.with_name("default.conf"))  # the remedy
        self.addCleanup(CRIU_CONFIG.with_name("default.conf").unlink)
        done = self.call("--root", self.root, *self.checkpoint_args(cid))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.last_record("checkpoint", "completed")

    @only_on("forky")  # CRIU 4.2.1
    def test_network_lock_in_the_file_with_a_sound_criu(self) -> None:
        self.criu_config("network-lock iptables")
        self.restores(self.checkpointed())
        for record in self.records():
            self.assertIn("pass", [c["verdict"] for c in record["checks"] if c["id"] == "NetworkLockTool"])

    @only_on("trixie")
    def test_criu_named_by_the_caller(self) -> None:
        """runc before 1.2 takes CRIU from --criu, so PATH needs none."""
        cid = self.start("counter", "/bin/counter")
        settle()
        done = self.call("--root", self.root, "--criu", "/usr/sbin/criu", *self.checkpoint_args(cid),
                         path=self.only("iptables-restore", "ip6tables-restore", "tar", "gzip"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.last_record("checkpoint", "completed")
        self.assert_runs(cid)

    def test_output_to_a_terminal_is_no_file_outside_the_mounts(self) -> None:
        """With --shell-job CRIU leaves the terminal to whoever restores."""
        cid = self.add_container("shell-job")
        bundle = self.work / "bundle"
        bundle.mkdir()
        (bundle / "config.json").write_text(json.dumps(make_spec(["/bin/counter"], self.rootfs, "/shell-job")))
        keeper, terminal = os.openpty()
        self.addCleanup(os.close, keeper)
        subprocess.run([REAL, "--root", self.root, "run", "--detach", "--bundle", bundle, cid], check=True,
                       stdin=terminal, stdout=terminal, stderr=terminal)
        os.close(terminal)
        settle()
        done = self.call("--root", self.root, "checkpoint", "--shell-job", *self.checkpoint_args(cid)[1:])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.last_record("checkpoint", "completed")


class Restore(RefusalTest):
    def test_images_without_inventory(self) -> None:
        bundle = self.checkpointed()
        (self.images / "inventory.img").unlink()
        self.refuse_restore("ImageIncomplete", bundle, "inventory.img",
                            fails=("CriuError", "Unexpected EOF on (empty-image)"))

    def test_images_that_were_cut_short(self) -> None:
        bundle = self.checkpointed()
        pages = next(self.images.glob("pages-*.img"))
        os.truncate(pages, pages.stat().st_size // 2)
        self.refuse_restore("ImageIncomplete", bundle, "pages", fails=None)

    def test_no_descriptors(self) -> None:
        bundle = self.checkpointed()
        away = self.work / "away"
        (self.images / "descriptors.json").rename(away)
        self.refuse_restore("DescriptorsMissing", bundle, "descriptors.json",
                            fails=("RuntimeFailed", "descriptors.json: no such file or directory"))
        away.rename(self.images / "descriptors.json")
        self.restores(bundle)

    def test_no_criu_at_restore(self) -> None:
        bundle = self.checkpointed()
        self.refuse_restore("ToolingMissing", bundle, "criu", fails=NO_CRIU,
                            path=self.only("iptables-restore", "ip6tables-restore", "tar", "gzip"))
        self.restores(bundle)

    def test_no_iptables_at_restore(self) -> None:
        bundle = self.checkpointed()
        self.refuse_restore("NetworkLockTool", bundle, "iptables", path=self.only("criu", "tar", "gzip"),
                            fails=("NetworkLockTool", 'execvp("iptables-restore"'))
        self.restores(bundle)

    def test_line_of_criu_s_configuration_at_restore(self) -> None:
        bundle = self.checkpointed()
        self.criu_config("no-such-option")
        self.refuse_restore("CriuConfig", bundle, f"line 1 of {CRIU_CONFIG}", "no-such-option",
                            fails=("RuntimeFailed", "criu"))
        CRIU_CONFIG.unlink()
        self.restores(bundle)

    @only_on("trixie")  # CRIU 4.1.1
    def test_network_lock_in_the_file_at_restore(self) -> None:
        bundle = self.checkpointed()
        self.criu_config("network-lock iptables")
        self.refuse_restore("NetworkLockTool", bundle, "network-lock", str(CRIU_CONFIG),
                            fails=("RuntimeFailed", "read unixpacket"))
        CRIU_CONFIG.unlink()
        self.restores(bundle)

    def test_a_terminal_and_nobody_to_take_it(self) -> None:
        bundle = self.checkpointed()
        spec = json.loads((bundle / "config.json").read_text())
        spec["process"]["terminal"] = True
        (bundle / "config.json").write_text(json.dumps(spec))
        self.refuse_restore("Terminal", bundle, "terminal",
                            fails=("RuntimeFailed", "without setting console socket"))

    def test_a_terminal_that_only_the_images_have(self) -> None:
        """CRI-O's bundle for a restore says that the container has none."""
        cid = self.start("counter", "/bin/counter", terminal=True)
        self.lines(cid, 1)
        done = self.call("--root", self.root, *self.checkpoint_args(cid))
        self.assertEqual(done.returncode, 0, done.stderr)
        record = self.last_record("checkpoint", "completed")
        self.assertEqual([c["verdict"] for c in record["checks"] if c["id"] == "Terminal"], ["warn"])
        bundle = self.work / "bundle"
        bundle.mkdir()
        spec = json.loads((self.crio.bundle(cid) / "config.json").read_text())
        spec["process"]["terminal"] = False
        (bundle / "config.json").write_text(json.dumps(spec))
        self.crio.kill(cid)
        self.crio.delete(cid)
        self.refuse_restore("Terminal", bundle, "had a terminal at the checkpoint",
                            fails=("Terminal", "Don't have tty to inherit session from"))

    def test_a_pod_that_forbids_checkpoints(self) -> None:
        cid = self.start("counter", "/bin/counter", annotations={"lpm.my.domain/checkpoint": "never"})
        self.lines(cid, 1)
        args = self.checkpoint_args(cid)
        self.refused("NeverCheckpoint", args, "lpm.my.domain/checkpoint")
        self.crio.pause(cid)
        self.refused("NeverCheckpoint", args, "lpm.my.domain/checkpoint")
        self.crio.resume(cid)
        self.assert_runs(cid)
        self.show("NeverCheckpoint", "refused")

    def test_a_pod_that_does_not_forbid_them(self) -> None:
        self.restores(self.checkpointed("/bin/counter", annotations={"lpm.my.domain/checkpoint": "allowed"}))
        for record in self.records():
            self.assertNotIn("block", [c["verdict"] for c in record["checks"]])
        self.show("NeverCheckpoint", "fine")


class ThroughCrio(NodeTest):
    def test_the_kubelet_is_told_why(self) -> None:
        """The message of a refused checkpoint and of a refused restore arrives through CRI-O and conmon."""
        from crio_runtime import CrioError
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 2)
        archive = self.work / "checkpoint.tar"
        self.crio.checkpoint(cid, archive)
        stripped = self.work / "stripped.tar"
        shutil.copy(archive, stripped)
        run("tar", "--delete", "-f", stripped, "checkpoint/descriptors.json")
        new = self.add_container(f"restored-{os.urandom(4).hex()}")
        with self.assertRaisesRegex(CrioError, "container restore failed: .*descriptors.json"):
            self.crio.restore(new, stripped, self.rootfs)
        self.assertEqual(self.last_record("restore", "refused")["result"]["code"], "DescriptorsMissing")
        self.assertFalse((pathlib.Path(self.crio.runtime.root) / new).exists())
