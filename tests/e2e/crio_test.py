# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A container's life as CRI-O leads it, through /etc/lpm/bin/runc, with the real conmon, runc and CRIU."""
import tarfile

import crio_archive
from crio_engine import Crio
from e2e import RUNTIME, NodeTest, run


class CrioLife(NodeTest):
    def live(self, release: str) -> None:
        crio = self.crio = Crio(release, RUNTIME, self.work / "crio")
        cid = self.start("counter", "/bin/counter")
        before = self.lines(cid, 3)
        self.assertEqual(crio.exec(cid, "echo", "from exec"), "from exec\n")
        code, output = crio.execsync(cid, "sh", "-c", "echo from probe; exit 3")
        self.assertEqual(code, 3)
        self.assertIn("stdout F from probe", output)

        archive = self.work / "checkpoint.tar"
        crio.checkpoint(cid, archive)
        self.assertEqual(self.status(cid), "running")
        self.lines(cid, len(self.lines(cid)) + 3)
        nonce = self.assert_no_gap(self.lines(cid))
        record = self.last_record("checkpoint", "completed")
        self.assertEqual(record["container"]["id"], cid)
        self.assertEqual(record["container"]["root"], crio.runtime.root)
        self.assertEqual(record["result"]["exit"], 0)
        for name in ("dump.log", "stats-dump"):
            self.assertTrue((self.kept(record) / name).stat().st_size > 0, name)
        with tarfile.open(archive) as tar:
            self.assertEqual(tar.getmember("checkpoint/lpm.json").mode & 0o777, 0o600)
        self.assertEqual(crio_archive.read_json(archive, "checkpoint/lpm.json")["record"], record["id"])
        at_checkpoint = crio_archive.read(archive, "io.kubernetes.cri-o.LogPath").decode().splitlines()

        crio.kill(cid)
        crio.delete(cid)
        new = self.add_container(f"restored-{cid}")
        crio.restore(new, archive, self.rootfs)
        kept = len(at_checkpoint) if release == "1.36" else 0
        lines = self.lines(new, kept + 5)
        self.assertEqual(self.assert_no_gap(lines), nonce)
        if not kept:  # 1.30 starts a new log: it goes on where the old one was when it was dumped
            self.assertEqual(int(lines[0].split()[1]), int(at_checkpoint[-1].split()[-1]) + 1)
        self.assertEqual(lines[0].split()[0], before[0].split()[0])
        restored = self.last_record("restore", "completed")
        self.assertEqual(restored["container"]["id"], new)
        self.assertTrue((self.kept(restored) / "restore.log").stat().st_size > 0)
        self.assertEqual(crio.exec(new, "echo", "after restore"), "after restore\n")
        self.assertEqual(crio.execsync(new, "true")[0], 0)
        crio.stop(new, 1)
        crio.delete(new)
        self.assertEqual(run("/usr/sbin/runc", "--root", crio.runtime.root, "list", "-q").stdout, "")

    def test_life_under_crio_1_30(self) -> None:
        self.live("1.30")

    def test_life_under_crio_1_36(self) -> None:
        self.live("1.36")

    def test_checkpoint_twice_keeps_running(self) -> None:
        cid = self.start("counter", "/bin/counter")
        for number in (1, 2):
            self.lines(cid, 3 * number)
            self.crio.checkpoint(cid, self.work / f"{number}.tar")
        self.lines(cid, len(self.lines(cid)) + 3)
        self.assert_no_gap(self.lines(cid))
        self.assertEqual([r["outcome"] for r in self.records()], ["completed", "completed"])

    def test_bind_mount_comes_back(self) -> None:
        from oci_spec import bind
        shared = self.work / "shared"
        shared.mkdir()
        (shared / "greeting").write_text("hello\n")
        cid = self.start("counter", "/bin/counter", mounts=[bind(shared, "/mnt")])
        self.lines(cid, 2)
        archive = self.work / "checkpoint.tar"
        self.crio.checkpoint(cid, archive)
        self.crio.kill(cid)
        self.crio.delete(cid)
        self.assertEqual(crio_archive.read_json(archive, "bind.mounts")[0]["destination"], "/mnt")
        new = self.add_container(f"restored-{cid}")
        self.crio.restore(new, archive, self.rootfs)
        self.assertEqual(self.crio.exec(new, "cat", "/mnt/greeting"), "hello\n")


class Archives(NodeTest):
    flavours = ("trixie",)

    def test_checkpointctl_reads_a_crio_archive(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 2)
        archive = self.work / "checkpoint.tar"
        self.crio.checkpoint(cid, archive)
        shown = run("checkpointctl", "show", archive).stdout
        self.assertRegex(shown, rf"ctr .*{cid[:10]}.* CRI-O")
        inspected = run("checkpointctl", "inspect", "--all", archive).stdout
        self.assertIn("/bin/counter", inspected)
