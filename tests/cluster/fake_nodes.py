# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Nodes that are none: what listens on a port of this one is their kubelet, and pods run there as far as the API server
knows."""
import os

from controller import ControllerTest
from parts import ADDRESS
from suite import POD

NODE = {"apiVersion": "v1", "kind": "Node"}
STARTED = "2026-01-02T15:04:05Z"


class FakeNodeTest(ControllerTest):
    def node(self, name: str, port: int, address: str = ADDRESS) -> str:
        """Other pods do not come to it."""
        status = {"addresses": [{"type": "InternalIP", "address": address}],
                  "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}
        self.cluster.create({**NODE, "metadata": {"name": name}, "spec": {"unschedulable": True}, "status": status})
        self.addCleanup(self.cluster.delete, NODE, name, wait=False)
        return name

    def pod_on(self, node: str, *containers: str) -> str:
        """A pod there whose containers run; its name."""
        name = f"{node}-{os.urandom(2).hex()}"
        pod = {**POD, "metadata": {"name": name}, "spec": {
            "nodeName": node, "containers": [{"name": ctr, "image": "none"} for ctr in containers]}}
        self.cluster.create(pod)
        self.addCleanup(self.cluster.delete, POD, name, 0, wait=False)
        running = [{"name": ctr, "image": "none", "imageID": "sha256:00", "containerID": f"cri-o://{ctr}", "ready": True,
                    "restartCount": 0, "state": {"running": {"startedAt": STARTED}}} for ctr in containers]
        self.admin.call("PATCH", f"/api/v1/namespaces/default/pods/{name}/status",
                        {"status": {"phase": "Running", "containerStatuses": running}},
                        kind="application/merge-patch+json")
        return name
