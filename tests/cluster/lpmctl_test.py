# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpmctl checkpoint by a real kubelet: with the administrator's kubeconfig, and with one that may not."""
import json
import os
import pathlib
import tarfile

from e2e import run
from oci_spec import Json
from suite import ClusterTest, container

LPMCTL = "/usr/bin/lpmctl"


class Checkpoint(ClusterTest):
    def take(self, *words: object, status: int = 0) -> Json:
        done = run(LPMCTL, "checkpoint", *words, "-o", "json", check=False, timeout=120)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.said = done.stderr
        told: Json = json.loads(done.stdout or "{}")
        return told

    def test_by_the_kubelet(self) -> None:
        pod = self.pod(container("ctr"))
        told = self.take(f"default/{pod}/ctr")
        self.addCleanup(pathlib.Path(told["archive"]).unlink)
        self.assertEqual((told["record"]["outcome"], told["record"]["container"]["names"]["pod"]), ("completed", pod))
        self.assertTrue(told["record"]["attempt"].startswith("lpmctl-"))
        self.assertTrue(pathlib.Path(told["archive"]).name.startswith(f"checkpoint-{pod}_default-ctr-"))
        with tarfile.open(told["archive"]) as tar:
            member = tar.extractfile("checkpoint/lpm.json")
            assert member is not None
            self.assertEqual(json.load(member)["attempt"], told["record"]["attempt"])

    def test_somebody_who_may_not(self) -> None:
        pod = self.pod(container("ctr"))
        config = pathlib.Path(os.environ["KUBECONFIG"]).with_name("kubelet.conf")  # a node may not
        for _ in range(2):
            self.take(f"default/{pod}/ctr", "--kubeconfig", config, status=2)
            self.assertIn("the kubelet answers 403", self.said)
            self.assertIn("nodes/checkpoint", self.said)
