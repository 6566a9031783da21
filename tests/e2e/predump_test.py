# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Pre-dumps, which need the kernel's soft-dirty bits: podman's --pre-checkpoint, and the chain in the records."""
from podman_test import PodmanTest


class PreDump(PodmanTest):
    flavours = ("guest",)

    def test_podman_pre_checkpoint_is_linked(self) -> None:
        self.run_detached("chain", "/bin/counter")
        self.podman("container", "checkpoint", "--pre-checkpoint", "chain")
        self.assertEqual(self.state("chain"), "running")
        self.podman("container", "checkpoint", "--with-previous", "chain")
        first, second = self.records()
        self.assertEqual((first["operation"], first["outcome"]), ("pre-dump", "completed"))
        self.assertEqual((second["operation"], second["outcome"]), ("checkpoint", "completed"))
        self.assertEqual(second["parent"], first["id"])
        self.assertGreater(second["stats"]["pages_skipped_parent"], 0)
        self.podman("container", "restore", "chain")
        third = self.records()[-1]
        self.assertEqual((third["operation"], third["outcome"], third["restored_from"]),
                         ("restore", "completed", second["id"]))
