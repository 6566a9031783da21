# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Restore as CRI-O does it where it is on: a new pod whose image is a checkpoint."""
import pytest
from crio_archive import read
from suite import POD, ClusterTest, container


@pytest.mark.parallel
class Restore(ClusterTest):
    def test_a_new_pod_goes_on_with_the_memory(self) -> None:
        """The source is deleted; the new pod has another name and id, and counts on from where the dump was."""
        name = self.pod(container("ctr"))
        nonce = self.assert_goes_on(name, "ctr")
        archive = self.checkpoint(name, "ctr")
        lines = read(archive, "io.kubernetes.cri-o.LogPath").decode().splitlines()
        self.cluster.delete(POD, name, 1)
        new = self.pod(container("ctr", image=self.image_of(archive, "ctr")))
        self.assertEqual(self.assert_goes_on(new, "ctr"), nonce)
        values = [int(line.split()[1]) for line in self.output(new, "ctr")]
        self.assertIn(int(lines[-1].split()[-1]) + 1, values)
        record = self.last_record("restore", "completed")
        self.assertEqual(record["container"]["id"], self.id_of(new, "ctr"))
        self.assertGreater((self.kept(record) / "restore.log").stat().st_size, 0)
        self.assertEqual(self.cluster.kubectl("exec", new, "--", "echo", "exec works").stdout, "exec works\n")
        self.assertEqual(self.state_of(new, "ctr")["restartCount"], 0)

    @pytest.mark.long
    def test_a_restored_container_can_be_taken_again(self) -> None:
        name = self.pod(container("ctr"))
        nonce = self.assert_goes_on(name, "ctr")
        first = self.image_of(self.checkpoint(name, "ctr"), "ctr")
        self.cluster.delete(POD, name, 1)
        middle = self.pod(container("ctr", image=first), name=f"{name}-2")
        self.assertEqual(self.assert_goes_on(middle, "ctr"), nonce)
        second = self.image_of(self.checkpoint(middle, "ctr"), "ctr")
        self.cluster.delete(POD, middle, 1)
        last = self.pod(container("ctr", image=second), name=f"{name}-3")
        self.assertEqual(self.assert_goes_on(last, "ctr"), nonce)
