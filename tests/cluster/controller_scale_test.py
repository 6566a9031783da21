# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Many objects at once, and what is removed while the controller runs: itself, and its node."""
import json
import pathlib
from collections.abc import Iterable

import deployed
import pytest
from controller import LEASES, TERMINAL
from controller_kill_test import FaultyConnections, Several
from deployed import CHECKPOINT, CONTENT, CRD, DEPLOY, NAMES, NAMESPACE, SPACE
from e2e import run, wait_for
from faulty_proxy import Seen
from oci_spec import Json
from parts import NODE
from suite import container

NODE_KIND = {"apiVersion": "v1", "kind": "Node"}


@pytest.mark.parallel(turn=2)
class ManyObjects(FaultyConnections):
    ABSENT, GHOSTS = 160, 40

    def create_many(self, pod: str) -> tuple[list[str], list[str]]:
        """Of a pod that there is not, and of two containers that are refused, by turns; the names."""
        ghosts = [f"many-{i:03}-ghost" for i in range(self.GHOSTS)]
        absent = [f"many-{i % self.GHOSTS:03}-absent-{i // self.GHOSTS}" for i in range(self.ABSENT)]
        subjects = {**dict.fromkeys(absent, ("no-such-pod", "ctr")),
                    **{name: (pod, f"ghost-{i % 2}") for i, name in enumerate(ghosts)}}
        items = [self.checkpoint_of(*subjects[name], name) for name in sorted(subjects)]
        file = pathlib.Path("/tmp/many.json")
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        run("kubectl", "create", "-f", file)
        return absent, ghosts

    def statuses(self) -> dict[str, Json]:
        items = self.admin.get("/apis/lpm.my.domain/v1/namespaces/default/containercheckpoints")["items"]
        return {item["metadata"]["name"]: item.get("status", {}) for item in items}

    def requests(self) -> list[Seen]:
        """That the controller has made for objects: neither to keep its Lease nor to be told of changes."""
        return [one for one in self.api.seen if not one.path.startswith(LEASES) and "watch=1" not in one.path]

    def wait_terminal(self, names: Iterable[str], seconds: float) -> None:
        def left() -> list[str]:
            statuses = self.statuses()
            return [name for name in names if statuses[name].get("phase") not in TERMINAL]
        wait_for("all have ended", lambda: not left(), seconds)

    @pytest.mark.long
    def test_two_hundred(self) -> None:
        """All end, the older first, and nobody asks more than it must."""
        pod = self.pod(*(container(f"ghost-{i}", "/bin/holder", "ghost", "3072") for i in range(2)))
        self.begin("lpm-controller-many", self.api.url)
        before = len(self.requests())
        absent, ghosts = self.create_many(pod)
        self.wait_terminal(absent, 60)
        statuses = self.statuses()
        self.assertEqual({statuses[name]["reason"] for name in absent}, {"PodNotFound"})
        self.wait_terminal(ghosts, 180)
        statuses = self.statuses()
        self.assertEqual({statuses[name]["reason"] for name in ghosts}, {"GhostTooLarge"})
        order = sorted(ghosts, key=lambda name: statuses[name]["attempt"]["startTime"])
        late = max(abs(order.index(name) - place) for place, name in enumerate(ghosts))
        requests = self.requests()[before:]
        looks = sum(f"/pods/{pod}" in one.path for one in requests)
        of_absent = sum("/pods/no-such-pod" in one.path or "-absent-" in one.path + one.body.decode() for one in requests)
        print(f"  {len(absent) + len(ghosts)} objects: {len(requests)} requests to the API server, "
              f"{of_absent / len(absent):.1f} for each without a pod, {(len(requests) - of_absent) / len(ghosts):.1f} for "
              f"each refused one ({looks / len(ghosts):.1f} of them for its pod), {len(self.kubelet.posts())} to the kubelet; "
              f"at most {late} places from its turn", flush=True)
        self.assertEqual(len(self.kubelet.posts()), len(ghosts))
        self.assertLessEqual(of_absent, 4 * len(absent))
        self.assertLessEqual(len(requests) - of_absent, 14 * len(ghosts))
        self.assertLessEqual(late, 3)


class Removed(Several):
    def objects(self) -> tuple[str, list[str]]:
        """One of each policy that has completed, one that cannot, and one whose pod is not there yet."""
        pod, waiting = self.pod(container("ctr")), self.pod(container("ctr"), wait=False, nodeSelector={"none": "such"})
        names = [self.ask(pod, "ctr", deletionPolicy=policy) for policy in ("Retain", "Delete")]
        for name in names:
            self.assert_completed(name)
        self.ended(self.ask("no-such-pod", "ctr", deletionPolicy="Delete"))
        return pod, [*self.checkpoints, self.ask(waiting, "ctr", deletionPolicy="Delete")]

    def test_all_of_it(self) -> None:
        """The documented commands."""
        controller = self.begin("lpm-controller-removed")
        self.objects()
        self.checkpoints.clear()
        try:
            done = run("sh", "-ec", f"kubectl delete -f {DEPLOY}/crd.yaml && kubectl delete -k {DEPLOY} --ignore-not-found",
                       timeout=120, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual([name for name in NAMES if self.cluster.find(CRD, name)], [])
            self.assertIsNone(self.cluster.find(NAMESPACE, SPACE))
            self.assertIn(controller.end(), (0, 1))  # nobody may hold its Lease any more
        finally:
            deployed.is_removed()
            deployed.install()

    def test_the_node(self) -> None:
        """It is gone, and its Node; objects that name it, and one that is asked of it, can be deleted."""
        self.begin("lpm-controller-removed")
        pod, names = self.objects()
        self.cluster.parts["kubelet"].end()
        try:
            late = self.ask(pod, "ctr", deletionPolicy="Delete")
            wait_for("it is refused for now", lambda: self.status_of(late).get("reason") == "KubeletUnreachable", 30)
            self.cluster.delete(NODE_KIND, NODE)
            for name in [*names, late]:
                self.cluster.delete(CHECKPOINT, name, wait=False)
            wait_for("they are gone", lambda: not any(self.cluster.find(CHECKPOINT, name) for name in [*names, late]), 20)
            left = self.admin.get("/apis/lpm.my.domain/v1/containercheckpointcontents")["items"]
            self.assertEqual([one["spec"]["deletionPolicy"] for one in left], ["Retain"])
            self.cluster.delete(CONTENT, left[0]["metadata"]["name"])
        finally:
            self.cluster.parts["kubelet"].start()
            self.cluster.wait_ready()
