# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Each check refuses what really fails: the message, the record, the untouched container; and with the
check off the real runc and CRIU do fail."""
import json
import os
import pathlib
import shutil
import subprocess

from e2e import REAL, SETTINGS, NodeTest, run, settle
from oci_spec import make_spec


class Refusal(NodeTest):
    def setUp(self):
        super().setUp()
        self.root = self.crio.runtime.root
        self.images = self.work / "images"

    def checkpoint_args(self, cid):
        return ("checkpoint", "--image-path", self.images, "--work-path", self.work, "--leave-running", cid)

    def restore_args(self, cid, bundle):
        return ("restore", "--detach", "--image-path", self.images, "--work-path", self.work, "--bundle", bundle,
                "--pid-file", self.work / "pid", cid)

    def refuse(self, check, args, *words, operation="checkpoint", **how):
        """`args` is refused by `check`, and fails without it."""
        log = self.work / "log.json"
        log.unlink(missing_ok=True)
        done = self.call("--root", self.root, "--log", log, "--log-format=json", *args, **how)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, "")
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, "one line that says what, why and what to do")
        told = log.read_text().splitlines()
        self.assertEqual(len(told), 1, told)
        told = json.loads(told[0])
        self.assertEqual(told["level"], "error")
        self.assertEqual(told["msg"], done.stderr.strip())
        record = self.last_record(operation, "refused")
        self.assertEqual(record["result"]["code"], check)
        self.assertTrue(record["result"]["message"])
        self.assertIn("block", [c["verdict"] for c in record["checks"] if c["id"] == check])
        if operation == "restore":
            self.assert_nothing_left(args[-1])
        self.off_and_fail(check, args, operation, **how)

    def assert_nothing_left(self, cid):
        """A refused restore leaves no trace, and CRI-O's clean-up after it succeeds."""
        self.assertFalse((self.work / "pid").exists())
        self.assertFalse((pathlib.Path(self.root) / cid).exists())
        self.assertEqual(self.call("--root", self.root, "delete", "--force", cid).returncode, 0)

    def off_and_fail(self, check, args, operation, **how):
        SETTINGS.write_text(f'[checks]\n{check} = "off"\n')
        try:
            done = self.call("--root", self.root, *args, timeout=15, **how)
        except subprocess.TimeoutExpired:
            return  # CRIU waits for ever for pages that are not there: as good a reason to refuse
        self.assertNotEqual(done.returncode, 0, "without the check it worked: the check is wrong")
        record = self.last_record(operation, "failed")
        self.assertNotIn(check, [c["id"] for c in record["checks"]])

    def assert_runs(self, cid):
        self.assertEqual(self.status(cid), "running")
        lines = len(self.lines(cid))
        self.assert_no_gap(self.lines(cid, lines + 3))

    def test_a_container_that_is_not_started(self):
        cid = self.add_container("created")
        self.crio.create(cid, self.rootfs, ["/bin/counter"])
        self.refuse("ContainerState", self.checkpoint_args(cid), "created but not started")
        self.assertEqual(self.status(cid), "created")
        self.crio.start(cid)
        self.assert_runs(cid)

    def test_too_little_disk_space(self):
        cid = self.start("counter", "/bin/workers", "memory", "16")
        self.lines(cid, 1)
        self.images.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.images)
        self.addCleanup(run, "umount", self.images)
        self.refuse("DiskSpace", self.checkpoint_args(cid), "needs", "free")
        self.assertEqual(self.status(cid), "running")

    def test_output_to_a_file_outside_the_mounts(self):
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
        self.refuse("StdioOutsideMounts", self.checkpoint_args(cid), "standard output", str(output))
        self.assertEqual(self.status(cid), "running")

    def only(self, *programs):
        """A PATH with nothing but these."""
        folder = self.work / "path"
        folder.mkdir()
        for program in programs:
            os.symlink(shutil.which(program), folder / program)
        return str(folder)

    def test_no_criu_on_the_path(self):
        cid = self.start("counter", "/bin/counter")
        self.refuse("ToolingMissing", self.checkpoint_args(cid), "criu", path=self.only("iptables-restore"))
        self.assert_runs(cid)

    def test_no_iptables(self):
        cid = self.start("counter", "/bin/counter")
        self.refuse("NetworkLockTool", self.checkpoint_args(cid), "iptables", path=self.only("criu"))
        self.assert_runs(cid)

    def test_a_paused_container_stays_paused(self):
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 2)
        self.crio.pause(cid)
        self.refuse("ToolingMissing", self.checkpoint_args(cid), "criu", path=self.only("true"))
        self.assertEqual(self.status(cid), "paused")
        self.crio.resume(cid)
        self.assert_runs(cid)

    def checkpointed(self, **options):
        """A checkpoint in self.images, its container gone; the bundle to restore into."""
        cid = self.start("counter", "/bin/counter", **options)
        settle()
        done = self.call("--root", self.root, *self.checkpoint_args(cid))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.crio.kill(cid)
        bundle = self.work / "bundle"
        bundle.mkdir()
        shutil.copy(self.crio.bundle(cid) / "config.json", bundle)
        self.crio.delete(cid)
        return bundle

    def refuse_restore(self, check, bundle, *words):
        cid = self.add_container(f"restored-{os.urandom(4).hex()}")
        self.refuse(check, self.restore_args(cid, bundle), *words, operation="restore")

    def test_images_without_inventory(self):
        bundle = self.checkpointed()
        (self.images / "inventory.img").unlink()
        self.refuse_restore("ImageIncomplete", bundle, "inventory.img")

    def test_images_that_were_cut_short(self):
        bundle = self.checkpointed()
        pages = next(self.images.glob("pages-*.img"))
        os.truncate(pages, pages.stat().st_size // 2)
        self.refuse_restore("ImageIncomplete", bundle, "pages")

    def test_no_descriptors(self):
        bundle = self.checkpointed()
        (self.images / "descriptors.json").unlink()
        self.refuse_restore("DescriptorsMissing", bundle, "descriptors.json")

    def test_a_terminal_and_nobody_to_take_it(self):
        bundle = self.checkpointed()
        spec = json.loads((bundle / "config.json").read_text())
        spec["process"]["terminal"] = True
        (bundle / "config.json").write_text(json.dumps(spec))
        self.refuse_restore("Terminal", bundle, "terminal", "console-socket")


class ThroughCrio(NodeTest):
    def test_the_kubelet_is_told_why(self):
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
