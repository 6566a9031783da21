# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A node with containers, and an lpm-sidecar that serves it."""
import importlib
import importlib.util
from typing import Any

from e2e import NodeTest

# What lpm-sidecar is linked with, and its client, are in the roots of Debian 13 only.
NODE_API: Any = importlib.import_module("node_api") if importlib.util.find_spec("grpc") else None

NAMES = {"namespace": "shop", "pod": "web-1", "name": "counter"}
ANNOTATIONS = {"io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.name": "web-1",
               "io.kubernetes.pod.uid": "uid-1", "io.kubernetes.container.name": "counter"}


class SidecarTest(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.socket = self.work / "sidecar.sock"
        self.sidecar = NODE_API.Sidecar(self.socket)
        self.addCleanup(self.sidecar.process.kill)
        self.api = self.sidecar.client

    def code(self, call: Any, **fields: Any) -> tuple[str, str]:
        with self.assertRaises(NODE_API.grpc.RpcError) as caught:
            call(**fields)
        return caught.exception.code().name, caught.exception.details()

    def counter(self) -> str:
        cid = self.start("counter", "/bin/counter", annotations=ANNOTATIONS)
        self.lines(cid, 1)
        return cid

    def taken(self, cid: str) -> dict[str, Any]:
        self.crio.checkpoint(cid, self.work / "checkpoint.tar")
        (self.work / "checkpoint.tar").unlink()
        return self.last_record("checkpoint", "completed")
