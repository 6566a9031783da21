# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What CRI-O writes into config.json of a pod whose containers a kubelet makes."""
import dataclasses
import json
import secrets
import uuid


def new_id() -> str:
    return secrets.token_hex(32)


@dataclasses.dataclass
class Pod:
    name: str = "pod"
    namespace: str = "default"
    uid: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    sandbox: str = dataclasses.field(default_factory=new_id)
    annotations: dict[str, str] = dataclasses.field(default_factory=dict)  # as its author wrote them

    def notes(self, container: str = "ctr") -> dict[str, str]:
        """Annotations of one container's config.json: the author's, the engine's own, which win, and the kubelet's labels."""
        labels = {
            "io.kubernetes.container.name": container,
            "io.kubernetes.pod.name": self.name,
            "io.kubernetes.pod.namespace": self.namespace,
            "io.kubernetes.pod.uid": self.uid,
        }
        return {
            **self.annotations,
            "io.kubernetes.cri-o.Annotations": json.dumps({"io.kubernetes.container.restartCount": "0"}),
            "io.kubernetes.cri-o.ContainerType": "container",
            "io.kubernetes.cri-o.Labels": json.dumps(labels),
            "io.kubernetes.cri-o.Metadata": json.dumps({"name": container}),
            "io.kubernetes.cri-o.SandboxID": self.sandbox,
            "io.kubernetes.cri-o.SandboxName": f"k8s_{self.name}_{self.namespace}_{self.uid}_0",
            **labels,
        }
