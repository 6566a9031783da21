# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A ContainerCheckpoint applied, and what it says: the main road and the user's own document."""
import functools
import json
import os
import pathlib
import re
import tarfile

import pytest
from cluster import CHECKPOINTS
from controller import ControllerTest
from deployed import CHECKPOINT, CONTENT
from e2e import run, wait_for
from parts import NODE
from suite import container

SEED = """apiVersion: lpm.my.domain/v1
kind: ContainerCheckpoint
metadata:
  name: test-checkpoint
spec:
  podName: test-pod
  containerName: nginx
"""


@pytest.mark.parallel
@pytest.mark.xdist_group("controller")
class MainRoad(ControllerTest):
    def test_the_users_document(self) -> None:
        """To the letter: kubectl run, apply, describe."""
        self.pods.append("test-pod")
        self.checkpoints.append("test-checkpoint")
        run("kubectl", "run", "test-pod", "--image=nginx", "--restart=Never")
        pathlib.Path("/tmp/seed.yaml").write_text(SEED)
        run("sh", "-c", "kubectl apply -f - < /tmp/seed.yaml")
        status = self.assert_completed("test-checkpoint")
        self.wait_reason("test-checkpoint", "CheckpointCompleted")
        described = run("kubectl", "describe", "containercheckpoint", "test-checkpoint").stdout
        self.assertRegex(described, r"(?m)^ *Phase: +Completed$")
        self.assertEqual(status["containerName"], "test-pod")
        self.assertLessEqual({"ContainerNameByImage", "CheckpointStarted"}, set(self.reasons("test-checkpoint")))
        listed = run("kubectl", "get", "containercheckpoint", "test-checkpoint").stdout
        self.assertRegex(listed, r"test-pod +nginx +Completed")

    def test_what_it_says(self) -> None:
        """Every field that is known without anybody on the node, true; the pod counts on."""
        pod = self.pod(container("ctr"))
        nonce = self.assert_goes_on(pod, "ctr")
        name = self.ask(pod, "ctr")
        status = self.assert_completed(name)
        self.assertEqual(self.assert_goes_on(pod, "ctr"), nonce)
        archive = pathlib.Path(status["archivePath"])
        with tarfile.open(archive) as tar:
            self.assertIn("checkpoint/inventory.img", tar.getnames())
        record = self.last_record("checkpoint", "completed")
        self.assertEqual(record["container"]["id"], status["containerID"])
        self.assertEqual(status["nodeName"], NODE)
        self.assertEqual(status["podUID"], self.cluster.get({"apiVersion": "v1", "kind": "Pod"}, pod)["metadata"]["uid"])
        self.assertEqual(status["observedGeneration"], 1)
        self.assertEqual({c["type"]: c["status"] for c in status["conditions"]},
                         {"Accepted": "True", "PreflightPassed": "Unknown", "Ready": "True"})
        self.assertEqual(self.condition(status, "PreflightPassed")["reason"], "NoSidecar")
        self.assertEqual(status["attempt"]["number"], 1)
        self.assertGreater(status["timings"]["checkpointMilliseconds"], 0)
        self.assertTrue(re.search("sha256:", status["imageDigest"]) or len(status["imageDigest"]) >= 64, status)
        for unknown in ("sizeBytes", "recordID", "logExcerpt"):
            self.assertNotIn(unknown, status)
        content = self.cluster.get(CONTENT, status["boundContentName"])
        self.assertEqual(content["spec"]["artifactURI"], f"file://{archive}")
        self.assertEqual(content["spec"]["containerCheckpointRef"]["name"], name)
        self.assertIs(content["status"]["ready"], True)
        self.assertNotIn("finalizers", self.cluster.get(CHECKPOINT, name)["metadata"])

    def test_a_pod_that_is_still_being_made(self) -> None:
        pod = self.pod(container("ctr"), wait=False)
        name = self.ask(pod, "ctr")
        self.assert_completed(name)

    def test_init_sidecar_and_ephemeral_containers(self) -> None:
        pod = self.pod(container("ctr"), initContainers=[container("side", restartPolicy="Always")])
        self.cluster.kubectl("debug", pod, "--image=lpm-programs", "--container=debugger", "--", "/bin/counter")
        wait_for("the debugger runs", lambda: any(
            "running" in s["state"] for s in self.status(pod).get("ephemeralContainerStatuses", ())))
        for ctr in ("side", "debugger"):
            with self.subTest(ctr):
                self.assertEqual(self.assert_completed(self.ask(pod, ctr))["containerName"], ctr)

    def test_several_of_one_container_come_one_after_another(self) -> None:
        """And each gets an archive of its own: the kubelet's names have seconds."""
        pod = self.pod(container("ctr"))
        names = [self.ask(pod, "ctr") for _ in range(3)]
        archives = {self.assert_completed(name)["archivePath"] for name in names}
        self.assertEqual(len(archives), 3, archives)
        self.assertEqual([r["outcome"] for r in self.records()], ["completed"] * 3)

    def test_other_containers_and_pods_are_refused_with_what_there_is(self) -> None:
        pod = self.pod(container("one"), container("two"))
        self.assert_failed(self.ask(pod, "three"), "ContainerNotFound", "it has one, two")
        self.assert_failed(self.ask("no-such-pod", "ctr"), "PodNotFound", "pod not found")
        self.assert_failed(self.ask(pod, "one", dryRun=True), "NoSidecar", "dryRun")
        self.assert_failed(self.ask(pod, "one", options={"tcp": "close"}), "NoSidecar", "options")
        self.assertEqual(self.records(), [])

    def test_a_refusal_stays_and_a_refusal_that_passes(self) -> None:
        """What lpm says of the container, in the object: GhostTooLarge at once, TcpEstablished until the client goes."""
        pod = self.pod(container("ghost", "/bin/holder", "ghost", "3072"),
                       container("tcp", "/bin/holder", "tcp-until", "/tmp/go"))
        self.output(pod, "tcp", 5)
        refused = self.ask(pod, "ghost")
        status = self.assert_failed(refused, "GhostTooLarge", "ghost_limit")
        self.assertEqual([c["id"] for c in status["checks"]], ["GhostTooLarge"])
        self.wait_reason(refused, "GhostTooLarge")
        passing = self.ask(pod, "tcp")
        wait_for("it is refused for now", lambda: self.status_of(passing).get("reason") == "TcpEstablished", 20)
        self.wait_reason(passing, "TcpEstablished")
        self.cluster.kubectl("exec", pod, "-c", "tcp", "--", "touch", "/tmp/go")
        status = self.assert_completed(passing)
        self.assertGreater(status["attempt"]["number"], 1)
        outcomes = [r["outcome"] for r in self.records()]
        self.assertEqual(outcomes[-1], "completed")
        self.assertEqual(outcomes.count("completed"), 1)

    def test_a_refusal_that_may_pass_and_does_not(self) -> None:
        pod = self.pod(container("ctr", "/bin/holder", "tcp", "connected"))
        name = self.ask(pod, "ctr", timeoutSeconds=10)
        self.assert_failed(name, "TcpEstablished", "attempts in 10 s")

    def test_its_pages(self) -> None:
        self.ended(self.ask("no-such-pod", "ctr"))
        self.assertEqual(self.controller.page("/healthz"), (200, "ok\n"))
        text = self.controller.page("/metrics")[1]
        for metric in ("controller_runtime_reconcile_total", "workqueue_depth", "rest_client_requests_total",
                       'leader_election_master_status{name="lpm-controller"} 1'):
            self.assertIn(metric, text)
        status = pathlib.Path(f"/proc/{self.controller.process.pid}/status").read_text()
        self.assertRegex(status, r"CapEff:\s+0+\n")
        self.assertRegex(status, r"CapPrm:\s+0+\n")
        self.assertRegex(status, r"Seccomp:\s+2")
        self.assertRegex(status, r"NoNewPrivs:\s+1")

    def test_time_to_live(self) -> None:
        pod = self.pod(container("ctr"))
        name = self.ask(pod, "ctr", ttlSecondsAfterFinished=2)
        self.assert_completed(name)
        wait_for("it is gone", lambda: self.cluster.find(CHECKPOINT, name) is None, 20)

    def test_deletion(self) -> None:
        """Retain: the content stays and names the archive. Delete: the content goes, and an Event names the archive that
        nobody can remove."""
        pod = self.pod(container("ctr"))
        kept = self.ask(pod, "ctr")
        content = self.assert_completed(kept)["boundContentName"]
        self.cluster.delete(CHECKPOINT, kept)
        self.assertIsNotNone(self.cluster.find(CONTENT, content))
        gone = self.ask(pod, "ctr", deletionPolicy="Delete")
        status = self.assert_completed(gone)
        self.assertEqual(self.cluster.get(CHECKPOINT, gone)["metadata"]["finalizers"], ["lpm.my.domain/checkpoint"])
        self.cluster.delete(CHECKPOINT, gone)
        self.assertIsNone(self.cluster.find(CONTENT, status["boundContentName"]))
        wait_for("the archive is named", lambda: any(
            e["reason"] == "ArchiveLeft" and status["archivePath"] in e["message"] for e in self.cluster.events_of(gone)), 15)
        self.assertTrue(pathlib.Path(status["archivePath"]).exists())

    def is_held(self, name: str) -> bool:
        return "finalizers" in self.cluster.get(CHECKPOINT, name)["metadata"]

    def test_a_policy_that_changes(self) -> None:
        """What counts is what it is when the object is deleted."""
        pod = self.pod(container("ctr"))
        for made, then, stays in (("Delete", "Retain", True), ("Retain", "Delete", False)):
            with self.subTest(then):
                name = self.ask(pod, "ctr", deletionPolicy=made)
                content = self.assert_completed(name)["boundContentName"]
                self.cluster.patch({**CHECKPOINT, "metadata": {"name": name}}, {"spec": {"deletionPolicy": then}})
                if then == "Delete":
                    wait_for("it is held", functools.partial(self.is_held, name))
                self.cluster.delete(CHECKPOINT, name)
                self.assertEqual(self.cluster.find(CONTENT, content) is not None, stays)


@pytest.mark.parallel(turn=2)
class Deleted(ControllerTest):
    labelled = True

    def test_a_namespace_is_deleted_with_objects_in_it(self) -> None:
        space = f"shop-{os.urandom(2).hex()}"
        self.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
        thing = self.checkpoint_of("none", "none", "a", deletionPolicy="Delete")
        thing["metadata"].update(namespace=space, finalizers=["lpm.my.domain/checkpoint"])
        self.cluster.create(thing)
        run("kubectl", "delete", "namespace", space, "--timeout=60s")


@pytest.mark.parallel(turn=2)
class KeepNewest(ControllerTest):
    labelled, toml = True, "[controller]\nkeep_per_container = 2\n"

    def test_the_newest_stay(self) -> None:
        pod = self.pod(container("ctr"))
        names = []
        for _ in range(3):
            names.append(self.ask(pod, "ctr"))
            self.assert_completed(names[-1])
        wait_for("the oldest is gone", lambda: self.cluster.find(CHECKPOINT, names[0]) is None, 20)
        self.assertTrue(all(self.cluster.find(CHECKPOINT, name) for name in names[1:]))
        self.assertEqual(len(list(CHECKPOINTS.glob(f"checkpoint-{pod}_*.tar"))), 3, json.dumps(names))


@pytest.mark.parallel(turn=2)
class OtherAuthority(ControllerTest):
    """Kubelets' certificates are of another authority than the API server's, says controller.toml."""

    labelled, toml = True, '[kubelet]\nca_file = "/etc/lpm/kubelets.crt"\n'

    def test_kubelets_are_verified_by_it(self) -> None:
        place, authority = pathlib.Path("/etc/lpm/kubelets.crt"), self.cluster.pki / "ca.crt"
        self.addCleanup(place.unlink, missing_ok=True)
        pod = self.pod(container("ctr"))
        self.assert_failed(self.ask(pod, "ctr", timeoutSeconds=1), "KubeletUnreachable", str(place))
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null",
            "-out", place, "-subj", "/CN=other", "-days", "1")
        place.chmod(0o644)
        self.assert_failed(self.ask(pod, "ctr"), "KubeletCertificateUntrusted")
        place.write_text(authority.read_text())
        self.assert_completed(self.ask(pod, "ctr"))


@pytest.mark.parallel(turn=2)
@pytest.mark.xdist_group("proxy")
class Proxied(ControllerTest):
    """The other way to kubelets."""

    labelled, toml = True, '[kubelet]\nmode = "proxy"\n'

    def test_through_the_api_server(self) -> None:
        """Only once both of them may: the controller at the API server, and the API server at the kubelet."""
        pod = self.pod(container("ctr"))
        refused = self.ask(pod, "ctr")
        self.assert_failed(refused, "ProxyForbidden", "nodes/proxy", "rbac-proxy.yaml")
        run("kubectl", "apply", "-f", "/opt/lpm/deploy/rbac-proxy.yaml")
        self.addCleanup(run, "kubectl", "delete", "-f", "/opt/lpm/deploy/rbac-proxy.yaml")
        wait_for("it may", lambda: self.ended(self.ask(pod, "ctr"))["phase"] == "Completed", 30)
