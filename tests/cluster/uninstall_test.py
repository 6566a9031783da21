# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""How deploy/ goes again. The last of the modules by name: the namespace takes its time, and the others need what is
removed."""
import json

import deployed
from crd_test import BARE, CONTENT_BARE
from deployed import CHECKPOINT, CONTENT, CRD, DEPLOY, NAMES, NAMESPACE, SPACE
from e2e import run, wait_for
from suite import ClusterTest


class Uninstall(ClusterTest):
    @classmethod
    def setUpClass(cls) -> None:
        deployed.install()

    def test_without_a_controller(self) -> None:
        """The documented commands, where nobody is left who would end the finalizers. What is in the namespace and the
        namespace itself are not awaited: Kubernetes itself waits for 5 s there."""
        for thing in ({**CHECKPOINT, "spec": BARE}, {**CONTENT, "spec": CONTENT_BARE}):
            self.cluster.create({**thing, "metadata": {"name": "kept", "finalizers": ["lpm.test/kept"]}})
        self.cluster.delete(CHECKPOINT, "kept", wait=False)
        self.assertIsNotNone(self.cluster.find(CHECKPOINT, "kept"))
        deployed.is_removed()
        run(f"{DEPLOY}/drop-finalizers")
        self.assertIsNone(self.cluster.find(CHECKPOINT, "kept"))
        run("sh", "-ec", f"kubectl delete -f {DEPLOY}/crd.yaml && kubectl delete -k {DEPLOY} --ignore-not-found "
            "--wait=false", timeout=60)
        self.assertEqual([name for name in NAMES if self.cluster.find(CRD, name)], [])
        space = self.cluster.find(NAMESPACE, SPACE)
        self.assertTrue(space is None or space["metadata"]["deletionTimestamp"], space)

        def left() -> list[str]:
            roles = json.loads(run("kubectl", "get", "clusterroles,clusterrolebindings", "-o", "json").stdout)
            return [role["metadata"]["name"] for role in roles["items"] if role["metadata"]["name"].startswith("lpm-")]
        wait_for("its roles are gone", lambda: not left(), 10)
