# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a ContainerCheckpoint says when the kubelet, its engine or the cluster is set up so that none can be taken."""
import json
import pathlib
import socket
from collections.abc import Callable

import deployed
import parts
import pytest
from api import KUBELET_PORT
from cluster import CHECKPOINT_ACCESS
from controller import ControllerTest
from crio_runtime import DAEMON_ENV, DAEMON_PATH
from e2e import RUNTIME, first_group, run, wait_for
from fake_nodes import FakeNodeTest
from oci_spec import Json
from parts import ADDRESS, KUBELET
from suite import POD, container

CONFIG = KUBELET / "config.yaml"
DROP_IN = pathlib.Path("/etc/crio/crio.conf.d/20-test.conf")
BINDING = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding"}
NO_CRIU = """#!/bin/sh
case "$*" in *"checkpoint --help"*) exit 1 ;; esac
exec {runtime} "$@"
"""


def pin_of(certificate: str) -> str:
    """As controller.toml has them."""
    done = run("sh", "-c", f"openssl x509 -in {certificate} -noout -pubkey | openssl pkey -pubin -outform der | "
               "openssl dgst -sha256 -binary | base64")
    return f"sha256//{done.stdout.strip()}"


class KubeletTest(FakeNodeTest):
    def listens(self) -> bool:
        try:
            socket.create_connection((ADDRESS, KUBELET_PORT), 1).close()
        except OSError:
            return False
        return True

    def restart_kubelet(self, config: Json) -> None:
        kubelet = self.cluster.parts["kubelet"]
        kubelet.end()
        CONFIG.write_text(json.dumps(config))
        kubelet.start()
        wait_for("the kubelet listens", self.listens)

    def change_kubelet(self, change: Callable[[Json], object]) -> None:
        """Restarted with another configuration."""
        config = json.loads(CONFIG.read_text())
        change(config)
        self.restart_kubelet(config)

    def mend_kubelet_later(self) -> None:
        config = json.loads(CONFIG.read_text())

        def mend() -> None:
            self.restart_kubelet(config)
            self.cluster.wait_ready()
        self.addCleanup(mend)


class KubeletErrors(KubeletTest):
    def test_no_checkpoint_api(self) -> None:
        """The feature gate, and the handlers that the API is one of."""
        pod = self.pod(container("ctr"))
        self.mend_kubelet_later()
        self.change_kubelet(lambda config: config.update(featureGates={"ContainerCheckpoint": False}))
        self.assert_failed(self.ask(pod, "ctr"), "CheckpointApiDisabled", "node1", "ContainerCheckpoint: true",
                           "/var/lib/kubelet/config.yaml")
        self.change_kubelet(lambda config: (config.pop("featureGates"), config.update(enableDebuggingHandlers=False)))
        self.assert_failed(self.ask(pod, "ctr"), "CheckpointApiDisabled", "enableDebuggingHandlers")

    def test_a_kubelet_that_comes_back(self) -> None:
        pod = self.pod(container("ctr"))
        kubelet = self.cluster.parts["kubelet"]
        kubelet.end()
        try:
            failed, waits = self.ask(pod, "ctr", timeoutSeconds=1), self.ask(pod, "ctr")
            self.assert_failed(failed, "KubeletUnreachable", "node1", f"{ADDRESS}:{KUBELET_PORT}")
            self.wait_reason(waits, "KubeletUnreachable")
        finally:
            kubelet.start()
        self.cluster.wait_ready()
        self.assertGreater(self.assert_completed(waits)["attempt"]["number"], 1)

    def test_no_binding(self) -> None:
        """Who was refused, and what gives it to them."""
        pod, name = self.pod(container("ctr")), "lpm-kubelet"
        self.addCleanup(run, "kubectl", "apply", "-f", "/opt/lpm/deploy/rbac.yaml")
        self.cluster.delete(BINDING, name)
        asked = ("kubectl", "auth", "can-i", "create", "nodes", "--subresource=checkpoint",
                 f"--as=system:serviceaccount:lpm-system:{name}")
        wait_for("it may not", lambda: run(*asked, check=False).returncode != 0, 10)
        wait_for("the kubelet has forgotten", lambda: self.ended(self.ask(pod, "ctr"))["phase"] == "Failed", 20)
        self.assert_failed(self.ask(pod, "ctr"), "KubeletForbidden", f"user=system:serviceaccount:lpm-system:{name}",
                           "nodes/checkpoint (deploy/rbac.yaml)")


@pytest.mark.parallel(turn=2)
@pytest.mark.xdist_group("ContainerStates")
class ContainerStates(ControllerTest):
    """What the container is, or is about to be."""

    labelled = True

    def test_a_container_that_does_not_run(self) -> None:
        """Ended, and crashing: it might run again, until the time is over."""
        pod = self.pod(container("ctr"), container("done", "sh", "-c", "true"), restartPolicy="Never", wait=False)
        crashing = self.pod(container("ctr", "sh", "-c", "exit 3"), wait=False)
        wait_for("it crashes", lambda: self.state_of(crashing, "ctr").get("state", {}).get("waiting", {}).get("reason")
                 == "CrashLoopBackOff")
        wait_for("it has ended", lambda: "terminated" in self.state_of(pod, "done").get("state", ()))
        names = self.ask(pod, "done", timeoutSeconds=2), self.ask(crashing, "ctr", timeoutSeconds=2)
        for name, words in zip(names, (("done has ended",), ("container ctr", "in 2 s"))):
            self.assert_failed(name, "ContainerNotRunning", *words)
        waits = self.ask(crashing, "ctr")
        wait_for("it waits", lambda: self.status_of(waits).get("reason") == "ContainerNotRunning")
        self.cluster.delete(POD, crashing, 0)
        status = self.ended(waits)
        self.assertIn(status["reason"], ("PodNotRunning", "PodNotFound"))
        print(f"  {status['reason']}: {status['message']}", flush=True)
        self.assertEqual(self.records(), [])

    def test_a_tight_liveness_probe(self) -> None:
        probe = {"exec": {"command": ["true"]}, "periodSeconds": 5, "failureThreshold": 1}
        pod = self.pod(container("ctr", livenessProbe=probe))
        name = self.ask(pod, "ctr")
        self.assert_completed(name)
        self.wait_reason(name, "LivenessProbeTight")


@pytest.mark.parallel(turn=2)
@pytest.mark.xdist_group("OtherNodes")
class OtherNodes(FakeNodeTest):
    """Nodes that are not what the pod's node should be."""

    labelled = True

    @classmethod
    def setUpClass(cls) -> None:
        cls.toml = f'[kubelet.pins]\nother = ["{pin_of("/etc/kubernetes/pki/kubelet-server.crt")}"]\n'
        super().setUpClass()

    def test_wrong_nodes(self) -> None:
        """The pod is not on the node whose kubelet answers; that kubelet is another node's; there is no such node."""
        pods = {name: self.pod_on(self.node(name, KUBELET_PORT), "ctr") for name in ("other", "misnamed")}
        self.assert_failed(self.ask(pods["other"], "ctr", timeoutSeconds=1), "PodNotOnNode", "kubelet of other")
        self.assert_failed(self.ask(pods["misnamed"], "ctr"), "KubeletCertificateUntrusted", "misnamed")
        self.assert_failed(self.ask(self.pod_on("gone", "ctr"), "ctr", timeoutSeconds=1), "KubeletUnreachable",
                           'nodes "gone" not found')


class EngineErrors(ControllerTest):
    def setUp(self) -> None:
        super().setUp()
        self.wait_for_other_pods()

    def restart_crio(self, runtime: str | pathlib.Path = RUNTIME, settings: str = "", **env: str) -> None:
        self.cluster.parts["crio"].end()
        DROP_IN.unlink(missing_ok=True)
        if settings:
            DROP_IN.write_text(settings)
        self.cluster.parts["crio"] = crio = parts.crio(runtime)
        crio.env = {**DAEMON_ENV, **env}
        crio.start()
        wait_for("CRI-O answers", lambda: self.cluster.crictl("version", check=False).returncode == 0)

    def mend_crio(self) -> None:
        self.restart_crio()
        self.cluster.wait_ready()

    def test_no_support(self) -> None:
        """Switched off, a runtime that has none, no criu on CRI-O's PATH."""
        pod = self.pod(container("ctr"))
        self.addCleanup(self.mend_crio)
        self.restart_crio(settings="[crio.runtime]\nenable_criu_support = false\n")
        self.assert_failed(self.ask(pod, "ctr"), "CriuSupportDisabled", "enable_criu_support = true", "restart CRI-O")
        self.restart_crio(PATH=self.path_without("criu"))
        self.assert_failed(self.ask(pod, "ctr"), "CriuSupportDisabled", "criu is on CRI-O's PATH")
        script = pathlib.Path("/opt/runc-without-criu")
        script.write_text(NO_CRIU.format(runtime=RUNTIME))
        script.chmod(0o755)
        self.restart_crio(runtime=script)
        self.assert_failed(self.ask(pod, "ctr"), "RuntimeWithoutCriu", "/etc/lpm/bin/runc")

    def path_without(self, program: str) -> str:
        folder = pathlib.Path("/run/path")
        folder.mkdir(exist_ok=True)
        for place in reversed(DAEMON_PATH.split(":")):
            for path in pathlib.Path(place).glob("*"):
                if path.name != program:
                    link = folder / path.name
                    link.unlink(missing_ok=True)
                    link.symlink_to(path)
        return str(folder)

    def test_it_is_down(self) -> None:
        """Nothing was done, and it works once it is back."""
        pod = self.pod(container("ctr"), container("other"))
        crio = self.cluster.parts["crio"]
        crio.end()
        try:
            waits = self.ask(pod, "ctr")
            self.assert_failed(self.ask(pod, "other", timeoutSeconds=3), "EngineUnreachable", "systemctl status crio")
        finally:
            crio.start()
        self.cluster.wait_ready()
        self.assert_completed(waits)


class SelfSigned(KubeletTest):
    """The serving certificate that a kubelet makes for itself, as in every cluster of kubeadm's."""

    toml = None

    def test_a_pin_takes_its_place(self) -> None:
        pod = self.pod(container("ctr"))
        self.mend_kubelet_later()
        self.change_kubelet(lambda config: [config.pop(key) for key in ("tlsCertFile", "tlsPrivateKeyFile")])
        controller = self.start_controller()
        self.addCleanup(lambda: controller.end())  # noqa: PLW0108 (the one that there is by then)
        status = self.assert_failed(self.ask(pod, "ctr"), "KubeletCertificateUntrusted", "the kubelet of node1",
                                    "serverTLSBootstrap: true", "[kubelet.pins]", 'mode = "proxy"', "sha256//")
        pin = first_group(r"(sha256//[A-Za-z0-9+/]+=)", status["message"])
        self.assertEqual(controller.end(), 0)
        controller = self.start_controller(toml=f'[kubelet.pins]\nnode1 = ["{pin}"]\n')
        self.assert_completed(self.ask(pod, "ctr"))


class NotBound(ControllerTest):
    """Through the API server, whose own identity kubeadm no longer lets take checkpoints."""

    toml, flavours = '[kubelet]\nmode = "proxy"\n', ("1.37",)

    def test_the_api_server_may_not(self) -> None:
        self.use_proxy()
        self.addCleanup(self.cluster.create, CHECKPOINT_ACCESS)
        for name in ("lpm-apiserver-kubelet", CHECKPOINT_ACCESS["metadata"]["name"]):
            self.cluster.delete(BINDING, name)
        pod = self.pod(container("ctr"))
        wait_for("the kubelet has forgotten", lambda: self.ended(self.ask(pod, "ctr"))["phase"] == "Failed", 20)
        self.assert_failed(self.ask(pod, "ctr"), "KubeletForbidden", "user=kube-apiserver-kubelet-client",
                           "API server's own", "deploy/rbac-proxy.yaml")


class OldCrd(ControllerTest):
    def without(self, *fields: str) -> None:
        """The installed CRD, as one that has no such fields of status."""
        path = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/"
        change = [{"op": "remove", "path": path + field} for field in fields]
        run("kubectl", "patch", "crd", deployed.NAMES[0], "--type=json", "-p", json.dumps(change))

    def missing(self) -> int:
        return int(float(first_group(r"^lpm_crd_missing_fields(?:{})? (\S+)", self.controller.page("/metrics")[1])))

    def wait_missing(self, least: int, most: int) -> None:
        wait_for("the controller has seen the CRD", lambda: least <= self.missing() <= most, 30)

    def test_fields_that_it_has_not(self) -> None:
        """What is only told is left out; without what keeps a request from being sent twice, none is sent."""
        self.addCleanup(deployed.install_crds)
        pod = self.pod(container("ctr"))
        self.without("timings", "imageDigest")
        self.wait_missing(1, 20)
        status = self.assert_completed(self.ask(pod, "ctr"))
        self.assertNotIn("timings", status)
        self.assertIn("timings.queuedMilliseconds", self.condition(status, "SchemaCurrent")["message"])
        self.assertRegex(self.controller.log.read_text(), r"the installed CRD is read.*missing=.*imageDigest.*timings")
        before = self.missing()
        self.without("attempt")
        self.wait_missing(before + 1, 30)
        self.assert_failed(self.ask(pod, "ctr"), "CrdTooOld", "status.attempt", "kubectl apply -f deploy/crd.yaml")
        self.assertEqual(len(self.records()), 1)
        deployed.install_crds()
        self.wait_missing(0, 0)
        status = self.assert_completed(self.ask(pod, "ctr"))
        self.assertIn("timings", status)
        self.assertIsNone(self.condition(status, "SchemaCurrent"))
