# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-controller beside the test cluster, as its service runs it (docs/controller.md), and the objects that it is for."""
import json
import os
import pathlib
import socket
import urllib.error
import urllib.request
from typing import Any

import deployed
import suite
from api import API_PORT, Answer, ApiError, path_of
from cluster import RBAC
from deployed import CHECKPOINT, CONTENT
from e2e import run, wait_for
from faulty_proxy import FaultyProxy
from oci_spec import Json
from parts import Part
from suite import ClusterTest

PLACE = pathlib.Path("/etc/lpm")
PROXY_ACCESS = "/opt/lpm/deploy/rbac-proxy.yaml"
TERMINAL = ("Completed", "Succeeded", "Failed")
LABEL = "lpm.test/controller"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/lpm-system/leases"
# As in its Deployment; each worker has one of its own, or a Redirect would be for controllers of other tests as well.
UID = 65532 if not suite.IS_WORKER else 65500 + int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def lease_of(label: str | None) -> str:
    return f"lpm-controller-{label}" if label else "lpm-controller"


class Controller(Part):
    """`toml`: beside the defaults. `server`: instead of the API server, something that stands in front of it. `label`: of
    the one test that it is for, when the server shows it nothing else."""

    def __init__(self, name: str = "lpm-controller", toml: str = "", server: str | None = None, label: str | None = None) -> None:
        self.port = free_port()
        if label:
            name = f"{name}-{label}"
            lease = f'lease = "{lease_of(label)}"'
            toml = toml.replace("[controller]", f"[controller]\n{lease}") if "[controller]" in toml \
                else f"[controller]\n{lease}\n{toml}"
        kubeconfig, config = PLACE / f"{name}.kubeconfig", PLACE / f"{name}.toml"
        text = deployed.kubeconfig()
        if server:
            text = "\n".join(f"    server: {server}" if line.strip().startswith("server:") else line
                             for line in text.splitlines())
        kubeconfig.write_text(text)
        config.write_text(f'{toml}\n[listen]\nhealth = "127.0.0.1:{self.port}"\nmetrics = "127.0.0.1:{self.port}"\n')
        for path in (kubeconfig, config):
            os.chown(path, UID, UID)
        super().__init__(name, "setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups",
                         "lpm-controller", "--config", config, "--kubeconfig", kubeconfig)

    def page(self, path: str) -> Answer:
        """(status, text); status 0: none came."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def is_ready(self) -> bool:
        return not self.ended() and self.page("/readyz") == (200, "ok\n")


def allow_leases() -> None:
    """The controller may have other Leases than its own."""
    subject = {"kind": "ServiceAccount", "name": "lpm-controller", "namespace": deployed.SPACE}
    about = {"apiVersion": RBAC, "metadata": {"name": "lpm-test-leases", "namespace": deployed.SPACE}}
    for thing in ({**about, "kind": "Role", "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                                                       "verbs": ["get", "update"]}]},
                  {**about, "kind": "RoleBinding", "subjects": [subject], "roleRef": {
                      "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lpm-test-leases"}}):
        status, text = suite.CLUSTER.admin.request("POST", path_of(thing), thing)
        if status not in (201, 409):  # 409: another test has done so
            raise ApiError(status, text)
    asked = ("kubectl", "auth", "can-i", "update", "leases", f"--namespace={deployed.SPACE}",
             f"--as=system:serviceaccount:{deployed.SPACE}:lpm-controller")
    wait_for("the controller may", lambda: run(*asked, check=False).returncode == 0, 10)


class ControllerTest(ClusterTest):
    """With a controller, unless `toml` is None: then each test has controllers of its own. A class that is `labelled`
    shares the cluster with controllers of other tests: what it asks for has a label, and its controllers see nothing else,
    by what stands in front of the API server."""

    toml: str | None = ""
    labelled = False
    label: str | None = None
    front: FaultyProxy | None = None
    shared: Controller | None = None  # the one that the tests of the class have together

    @classmethod
    def setUpClass(cls) -> None:
        deployed.install()
        if cls.labelled:
            allow_leases()
        if cls.toml is not None:
            if cls.labelled:
                cls.addClassCleanup(cls.use_label(cls, cls.__name__.lower()).close)
            cls.shared = cls.start_controller(toml=cls.toml)

    @staticmethod
    def use_label(owner: "ControllerTest | type[ControllerTest]", label: str) -> FaultyProxy:
        owner.label = label
        owner.front = front = FaultyProxy(suite.CLUSTER.pki, API_PORT, label=f"{LABEL}={label}")
        return front

    @classmethod
    def start_controller(cls, **how: Any) -> Controller:
        controller = Controller(**{"label": cls.label, "server": cls.front.url if cls.front else None, **how})
        controller.start()
        wait_for(f"{controller.name} leads", lambda: controller.is_ready() or controller.ended(), 60)
        assert not controller.ended(), controller.last_words()
        return controller

    @classmethod
    def use_proxy(cls) -> None:
        """The API server may ask kubelets, and the controller the API server, until the class ends."""
        run("kubectl", "apply", "-f", PROXY_ACCESS)
        cls.addClassCleanup(run, "kubectl", "delete", "-f", PROXY_ACCESS, "--ignore-not-found")
        asked = ("kubectl", "auth", "can-i", "create", "nodes", "--subresource=proxy",
                 "--as=system:serviceaccount:lpm-system:lpm-controller")
        wait_for("the controller may", lambda: run(*asked, check=False).returncode == 0, 10)

    @classmethod
    def tearDownClass(cls) -> None:
        if cls.shared:
            status = cls.shared.end()
            assert status == 0, f"lpm-controller: exit {status}\n{cls.shared.last_words()}"

    def setUp(self) -> None:
        super().setUp()
        self.checkpoints: list[str] = []
        self.asked: set[str] = set()
        if self.labelled and self.toml is None:
            self.addCleanup(self.use_label(self, self.id().rpartition("test_")[2].replace("_", "-")).close)
        self.addCleanup(self.remove_checkpoints)

    @property
    def controller(self) -> Controller:
        assert self.shared is not None, "each test has its own"
        return self.shared

    def remove_checkpoints(self) -> None:
        for name in self.checkpoints:
            self.cluster.delete(CHECKPOINT, name, wait=False)
        for content in self.admin.get("/apis/lpm.my.domain/v1/containercheckpointcontents")["items"]:
            if not self.label or content["spec"]["containerCheckpointRef"]["name"] in self.asked:
                self.cluster.delete(CONTENT, content["metadata"]["name"], wait=False)

    def checkpoint_of(self, pod: str, ctr: str, name: str, **spec: Any) -> Json:
        """A ContainerCheckpoint."""
        self.checkpoints.append(name)
        self.asked.add(name)
        return {**CHECKPOINT, "metadata": {"name": name, "labels": {LABEL: self.label} if self.label else {}},
                "spec": {"podName": pod, "containerName": ctr, **spec}}

    def ask(self, pod: str, ctr: str, name: str | None = None, **spec: Any) -> str:
        """A ContainerCheckpoint, created; its name."""
        name = name or f"{pod[:40]}-{os.urandom(4).hex()}"
        self.cluster.create(self.checkpoint_of(pod, ctr, name, **spec))
        return name

    def status_of(self, name: str) -> Json:
        status: Json = (self.cluster.find(CHECKPOINT, name) or {}).get("status", {})
        return status

    def ended(self, name: str, seconds: float = 90) -> Json:
        """Its status, once it has ended."""
        def terminal() -> Json | None:
            status = self.status_of(name)
            return status if status.get("phase") in TERMINAL else None
        try:
            return wait_for(f"{name} has ended", terminal, seconds)
        except AssertionError as error:
            words = self.shared.last_words() if self.shared else ""
            raise AssertionError(f"{error}\n{json.dumps(self.status_of(name), indent=1)}\n{words}") from None

    def assert_completed(self, name: str, **how: float) -> Json:
        status = self.ended(name, **how)
        self.assertEqual(status["phase"], "Completed", json.dumps(status, indent=1))
        self.assertIs(status["ready"], True)
        return status

    def assert_failed(self, name: str, reason: str, *words: str, **how: float) -> Json:
        status = self.ended(name, **how)
        self.assertEqual((status["phase"], status.get("reason")), ("Failed", reason), json.dumps(status, indent=1))
        for word in words:
            self.assertIn(word, status["message"])
        self.assertNotIn("boundContentName", status)
        print(f"  {reason}: {status['message']}", flush=True)
        return status

    def condition(self, status: Json, kind: str) -> Any:
        return next((c for c in status.get("conditions", ()) if c["type"] == kind), None)

    def reasons(self, name: str) -> list[str]:
        """Of its Events, once the last edge's is there."""
        try:
            return [event["reason"] for event in self.cluster.events_of(name)]
        except ApiError:
            return []

    def wait_reason(self, name: str, reason: str) -> None:
        wait_for(f"{name} has an event {reason}", lambda: reason in self.reasons(name), 15)
