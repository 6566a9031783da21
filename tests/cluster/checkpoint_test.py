# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A checkpoint through the API server's node proxy, and directly from the kubelet."""
import functools
import json
import os
import pathlib
import tarfile
import threading

import pytest
from api import KUBELET_PORT, Client
from cluster import CHECKPOINT_ACCESS, RBAC, bound
from crio_archive import read_json
from e2e import only_on, wait_for
from oci_spec import Json
from parts import NODE
from suite import ClusterTest, container

WHOLE = {"spec.dump", "config.dump", "checkpoint/inventory.img", "checkpoint/lpm.json"}


@pytest.mark.parallel
class Checkpoint(ClusterTest):
    def assert_whole(self, archive: pathlib.Path, record: Json) -> None:
        self.assertEqual(archive.stat().st_mode & 0o777, 0o600)
        with tarfile.open(archive) as tar:
            self.assertLessEqual(WHOLE, set(tar.getnames()))
        self.assertEqual(read_json(archive, "checkpoint/lpm.json")["record"], record["id"])

    def test_through_the_api_server(self) -> None:
        """The archive is whole, the record says whose it is, and the pod counts on."""
        name = self.pod(container("ctr"))
        nonce = self.assert_goes_on(name, "ctr")
        archive = self.checkpoint(name, "ctr")
        self.assertIn(f"checkpoint-{name}_default-ctr-", archive.name)
        self.assertEqual(self.assert_goes_on(name, "ctr"), nonce)
        record = self.last_record("checkpoint", "completed")
        self.assert_whole(archive, record)
        subject = record["container"]
        self.assertEqual(subject["id"], self.id_of(name, "ctr"))
        self.assertEqual([c["id"] for c in record["checks"] if c["verdict"] == "unknown"], [])
        self.assertEqual(self.state_of(name, "ctr")["restartCount"], 0)
        for kept in ("dump.log", "stats-dump"):
            self.assertGreater((self.kept(record) / kept).stat().st_size, 0)

    def test_the_users_pod(self) -> None:
        """nginx, as the user's document makes it; `kubectl run` names its container after the pod."""
        name = f"test-pod-{os.urandom(2).hex()}"
        self.pods.append(name)
        self.cluster.kubectl("run", name, "--image=nginx", "--restart=Never")
        self.wait_ready(name)
        self.assertEqual(self.admin.checkpoint(name, "nginx"), (404, "container nginx does not exist"))
        place = f"/api/v1/nodes/{NODE}/proxy/checkpoint/default/{name}/{name}"
        answer = self.cluster.kubectl("create", "--raw", place, "-f", "/dev/null").stdout
        self.assertEqual(len(json.loads(answer)["items"]), 1)
        self.last_record("checkpoint", "completed")
        self.assertEqual(self.cluster.kubectl("exec", name, "--", "cat", "/etc/hostname").stdout.strip(), name)

    def test_directly_with_a_token(self) -> None:
        """A ServiceAccount that may create nodes/checkpoint, and one that may not."""
        name = self.pod(container("ctr"))
        nonce = self.assert_goes_on(name, "ctr")
        for account, allowed in (("may", True), ("may-not", False)):
            made = self.cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}})
            self.addCleanup(self.cluster.delete, made, account)
            if allowed:
                self.grant(account)
            token = self.admin.call("POST", f"/api/v1/namespaces/default/serviceaccounts/{account}/token",
                                    {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
            client = Client(self.cluster.pki, None, token["status"]["token"])
            if allowed:  # once the API server has heard of it
                wait_for("it may", functools.partial(self.takes_directly, client, name))
                self.last_record("checkpoint", "completed")
            else:
                status, body = client.checkpoint(name, "ctr", direct=True)
                self.assertEqual(status, 403, body)
                self.assertIn("Forbidden (user=system:serviceaccount:default:may-not", body)
                self.assertRegex(body, r"resource=nodes, subresource(\(s\)=\[|=)checkpoint")
        self.assertEqual(self.assert_goes_on(name, "ctr"), nonce)

    def takes_directly(self, client: Client, name: str) -> bool:
        return client.checkpoint(name, "ctr", direct=True)[0] == 200

    def grant(self, account: str) -> None:
        role: Json = {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": f"test:{account}"},
                      "rules": [{"apiGroups": [""], "resources": ["nodes/checkpoint"], "verbs": ["create"],
                                 "resourceNames": [NODE]}]}
        binding = bound(role["metadata"]["name"], role["metadata"]["name"], {
            "apiGroup": "", "kind": "ServiceAccount", "namespace": "default", "name": account})
        for thing in (role, binding):
            self.cluster.create(thing)
            self.addCleanup(self.cluster.delete, thing, thing["metadata"]["name"])

    def test_nobody(self) -> None:
        status, body = Client(self.cluster.pki, None).request("POST", "/checkpoint/default/x/y", port=KUBELET_PORT)
        self.assertEqual((status, body), (401, "Unauthorized"))

    @only_on("1.37")
    @pytest.mark.alone
    def test_the_api_servers_own_identity_may_not(self) -> None:
        """What a cluster of kubeadm 1.36 and newer answers until somebody grants it."""
        name = self.pod(container("ctr"))
        self.cluster.delete(CHECKPOINT_ACCESS, CHECKPOINT_ACCESS["metadata"]["name"])
        try:
            status, body = wait_for("it is refused", lambda: (a := self.admin.checkpoint(name, "ctr"))[0] == 403 and a)
            self.assertIn("Forbidden (user=kube-apiserver-kubelet-client, verb=create, resource=nodes", body)
        finally:
            self.cluster.create(CHECKPOINT_ACCESS)
            wait_for("it is granted again", lambda: self.admin.checkpoint(name, "ctr")[0] == 200)

    def test_what_is_not_there(self) -> None:
        name = self.pod(container("ctr"))
        for pod, ctr, body in ((name, "other", "container other does not exist"),
                               ("no-such-pod", "ctr", "pod does not exist")):
            self.assertEqual(self.admin.checkpoint(pod, ctr), (404, body))
        status, body = self.admin.checkpoint(name, "ctr", node="node2")
        self.assertEqual((status, json.loads(body)["message"]), (404, 'nodes "node2" not found'))
        self.assertEqual(self.records(), [])

    def test_a_container_that_has_ended(self) -> None:
        name = self.pod(container("ctr"), container("done", "true", image="busybox"), restartPolicy="Never", wait=False)
        wait_for("one has ended", lambda: "terminated" in self.state_of(name, "done").get("state", {}))
        status, body = self.admin.checkpoint(name, "done")
        self.assertEqual(status, 500)
        self.assertIn("container done not found", body)

    def test_twice_in_a_row(self) -> None:
        name = self.pod(container("ctr"))
        nonce = self.assert_goes_on(name, "ctr")
        for _ in range(2):
            self.checkpoint(name, "ctr")
            self.assertEqual(self.assert_goes_on(name, "ctr"), nonce)
        self.assertEqual([r["outcome"] for r in self.records()], ["completed", "completed"])

    def test_two_at_once(self) -> None:
        """CRI-O lets one of them pause the container; what the other is told varies, but the container goes on and no
        record is left open."""
        name = self.pod(container("ctr"))
        nonce = self.assert_goes_on(name, "ctr")
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.admin.checkpoint(name, "ctr")))
                   for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertIn(200, [status for status, _ in answers], answers)
        self.assertEqual(self.assert_goes_on(name, "ctr"), nonce)
        self.assertEqual({r["state"] for r in self.records()}, {"final"})

    def test_checkpoints_of_several_containers(self) -> None:
        name = self.pod(container("one"), container("two"), container("web", image="nginx"))
        for ctr in ("one", "two", "web"):
            self.checkpoint(name, ctr)
        self.assertEqual([r["outcome"] for r in self.records()], ["completed"] * 3)
        self.assertNotEqual(self.assert_goes_on(name, "one"), self.assert_goes_on(name, "two"))

    def test_one_process_namespace(self) -> None:
        """The containers of a pod that share it are taken one by one."""
        name = self.pod(container("one"), container("two"), shareProcessNamespace=True)
        status, body = self.admin.checkpoint(name, "one")
        self.assertEqual(status, 200, body)
        self.assert_goes_on(name, "one")
        self.assert_goes_on(name, "two")

    def test_a_sidecar_and_an_ephemeral_container(self) -> None:
        name = self.pod(container("ctr"), initContainers=[container("side", restartPolicy="Always")])
        self.checkpoint(name, "side")
        self.cluster.kubectl("debug", name, "--image=lpm-programs", "--container=debugger", "--profile=general",
                             "--", "/bin/counter")
        wait_for("the debugger runs", lambda: any(
            "running" in s["state"] for s in self.status(name).get("ephemeralContainerStatuses", ())))
        self.checkpoint(name, "debugger")
        self.assertEqual([r["outcome"] for r in self.records()], ["completed", "completed"])

    def test_redis_with_data(self) -> None:
        name = self.pod(container("redis", image="redis"))
        ask = ("exec", name, "--", "redis-cli")
        wait_for("it answers", lambda: self.cluster.kubectl(*ask, "ping", check=False).stdout == "PONG\n")
        self.cluster.kubectl(*ask, "set", "key", "value")
        self.checkpoint(name, "redis")
        self.assertEqual(self.cluster.kubectl(*ask, "get", "key").stdout, "value\n")
        self.last_record("checkpoint", "completed")

    def test_no_gap_for_what_watches(self) -> None:
        """The kubelet's probes of a container that stood still do not restart it. One that is killed meanwhile ends the
        checkpoint: then another is taken, as lpm-controller does."""
        probe = {"exec": {"command": ["true"]}, "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 3}
        name = self.pod(container("ctr", livenessProbe=probe))
        def taken() -> bool:
            status, body = self.admin.checkpoint(name, "ctr")
            self.assertTrue(status == 200 or "[ProcessEnded]" in body, body)
            return status == 200
        for _ in range(3):
            wait_for("a checkpoint", taken)
        self.assert_goes_on(name, "ctr")
        self.assertEqual(self.state_of(name, "ctr")["restartCount"], 0)
