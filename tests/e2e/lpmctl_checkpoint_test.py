# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpmctl checkpoint without a kubelet (tests/cluster has one)."""
import pathlib
import re
import shutil

from lpmctl_test import NAME, LpmctlTest


class Checkpoint(LpmctlTest):
    def setUp(self) -> None:
        super().setUp()
        self.images = self.work / "images"
        shutil.rmtree(self.images, ignore_errors=True)

    def test_by_the_runtime(self) -> None:
        cid = self.counter()
        self.lines(cid, 1)
        text = self.ctl("checkpoint", NAME, "--runtime", self.images)
        record = self.last_record("checkpoint", "completed")
        shape = (rf"^Container: +{NAME}\nOutcome: +completed\nImages: +{self.images}\nSize: .*\nTook: .*\n"
                 rf"Record: +{record['id']} \(lpmctl show {record['id']}\)\n$")
        self.assertRegex(text, shape)
        self.assertTrue((self.images / "lpm.json").exists())
        self.assertRegex(record["attempt"], "^lpmctl-[0-9a-f]{16}$")
        self.assertTrue(record["invocation"]["leave_running"])
        self.lines(cid, 2)  # it runs on
        told = self.read("checkpoint", cid, "--runtime", self.work / "more")
        self.addCleanup(shutil.rmtree, self.work / "more")
        self.assertEqual(told["record"], self.last_record("checkpoint", "completed"))
        self.assertEqual(told["images"], str(self.work / "more"))
        self.assertEqual(list(pathlib.Path("/run/lpm").glob("lpmctl-*")), [])

    def test_nothing_is_written_over(self) -> None:
        self.counter()
        self.images.mkdir()
        (self.images / "mine").touch()
        self.ctl("checkpoint", NAME, "--runtime", self.images, status=2)
        self.assertIn("is not empty", self.said)
        self.ctl("checkpoint", NAME, "--runtime", "/nowhere/x", status=2)
        self.assertIn("make /nowhere/x: No such file", self.said)
        (self.images / "mine").unlink()
        self.images.chmod(0o777)
        self.ctl("checkpoint", NAME, "--runtime", self.images, status=2)
        self.assertIn("can be written by others than root", self.said)
        self.assertEqual(self.records(), [])

    def test_refused_before_anything_is_frozen(self) -> None:
        cid = self.counter("/bin/holder", "mptcp")
        self.lines(cid, 1)
        text = self.ctl("checkpoint", cid, "--runtime", self.images, status=1)
        self.assertRegex(text, re.compile(r"^A checkpoint: +would be refused: Mptcp\nWhy: .*turn MPTCP off", re.MULTILINE))
        self.assertEqual(self.records(), [])
        told = self.read("checkpoint", cid, "--runtime", self.images, status=1)
        self.assertEqual(told["refused"]["result"]["code"], "Mptcp")

    def test_without_a_kubelet(self) -> None:
        self.counter()
        self.ctl("checkpoint", NAME, status=2)
        self.assertIn("/etc/kubernetes/admin.conf", self.said)
        self.assertIn("--runtime DIR", self.said)
        for _ in range(2):  # what the first has left prepared is not in the way of the second
            self.ctl("checkpoint", NAME, "--kubeconfig", "/dev/null", status=2)
            self.assertIn("no kubelet runs on this node", self.said)
