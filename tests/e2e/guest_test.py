# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What every guest must be able to do: cgroup v2, systemd's cgroups, CRI-O's own oom score and limits."""
import pathlib

from e2e import NodeTest


class Guest(NodeTest):
    flavours = ("guest",)

    def test_counter_comes_back_under_systemd(self) -> None:
        cid = self.start("counter", "/bin/counter")
        nonce = self.assert_no_gap(self.lines(cid, 3))
        init = self.crio.state(cid)["pid"]
        group = pathlib.Path(f"/proc/{init}/cgroup").read_text().strip()
        self.assertRegex(group, rf"^0::/kubepods\.slice/kubepods-besteffort\.slice/crio-{cid}\.scope$")
        self.assertEqual(pathlib.Path(f"/proc/{init}/oom_score_adj").read_text().strip(), "-997")
        archive = self.work / "checkpoint.tar"
        self.crio.checkpoint(cid, archive)
        self.assertEqual(self.status(cid), "running")
        record = self.last_record("checkpoint", "completed")
        self.assertTrue(record["container"]["frozen"], "CRI-O pauses first")
        self.crio.kill(cid)
        self.crio.delete(cid)
        new = self.add_container(f"restored-{cid}")
        self.crio.restore(new, archive, self.rootfs)
        self.assertEqual(self.assert_no_gap(self.lines(new, 8)), nonce)
