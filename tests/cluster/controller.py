# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-controller beside the test cluster, as its service runs it (docs/controller.md), and the objects that it is for."""
import itertools
import json
import os
import pathlib

import deploy_test
from api import ApiError
from e2e import run, wait_for
from parts import Part
from suite import ClusterTest

CHECKPOINT = {"apiVersion": "lpm.my.domain/v1", "kind": "ContainerCheckpoint"}
CONTENT = {"apiVersion": "lpm.my.domain/v1", "kind": "ContainerCheckpointContent"}
LEASE = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"namespace": "lpm-system"}}
PLACE = pathlib.Path("/etc/lpm")
PROXY_ACCESS = "/opt/lpm/deploy/rbac-proxy.yaml"
TERMINAL = ("Completed", "Succeeded", "Failed")
PORTS = itertools.count(18081)


class Controller(Part):
    """`toml`: beside the defaults. `server`: instead of the API server, something that stands in front of it."""

    UID = 65532  # as in its Deployment

    def __init__(self, name="lpm-controller", toml="", server=None):
        self.port = next(PORTS)
        kubeconfig, config = PLACE / f"{name}.kubeconfig", PLACE / f"{name}.toml"
        text = run("/opt/lpm/deploy/kubeconfig", "24h").stdout
        if server:
            text = "\n".join(f"    server: {server}" if line.strip().startswith("server:") else line
                             for line in text.splitlines())
        kubeconfig.write_text(text)
        config.write_text(f'{toml}\n[listen]\nhealth = "127.0.0.1:{self.port}"\nmetrics = "127.0.0.1:{self.port}"\n')
        for path in (kubeconfig, config):
            os.chown(path, self.UID, self.UID)
        super().__init__(name, "setpriv", f"--reuid={self.UID}", f"--regid={self.UID}", "--clear-groups",
                         "lpm-controller", "--config", config, "--kubeconfig", kubeconfig)

    def page(self, path):
        """(status, text)"""
        done = run("python3", "-c", "import sys, urllib.request, urllib.error\n"
                   "try: answer = urllib.request.urlopen(sys.argv[1])\n"
                   "except urllib.error.HTTPError as error: answer = error\n"
                   "print(answer.status); print(answer.read().decode())", f"http://127.0.0.1:{self.port}{path}", check=False)
        status, _, text = done.stdout.partition("\n")
        return (int(status), text) if done.returncode == 0 else (0, done.stderr)

    def is_ready(self):
        return not self.ended() and self.page("/readyz") == (200, "ok\n\n")


class ControllerTest(ClusterTest):
    """With a controller, unless `toml` is None."""

    toml = ""

    @classmethod
    def setUpClass(cls):
        deploy_test.install_all()
        wait_for("a ServiceAccount has tokens", lambda: run("kubectl", "create", "token", "lpm-controller",
                                                            "--namespace=lpm-system", check=False).returncode == 0, 30)
        cls.controller = None
        if cls.toml is not None:
            cls.controller = cls.start_controller(toml=cls.toml)

    @classmethod
    def start_controller(cls, **how):
        controller = Controller(**how)
        controller.start()
        wait_for(f"{controller.name} leads", lambda: controller.is_ready() or controller.ended(), 60)
        assert not controller.ended(), controller.last_words()
        return controller

    @classmethod
    def use_proxy(cls):
        """The API server may ask kubelets, and the controller the API server, until the class ends."""
        run("kubectl", "apply", "-f", PROXY_ACCESS)
        cls.addClassCleanup(run, "kubectl", "delete", "-f", PROXY_ACCESS, "--ignore-not-found")
        asked = ("kubectl", "auth", "can-i", "create", "nodes", "--subresource=proxy",
                 "--as=system:serviceaccount:lpm-system:lpm-controller")
        wait_for("the controller may", lambda: run(*asked, check=False).returncode == 0, 10)

    @classmethod
    def tearDownClass(cls):
        if cls.controller:
            status = cls.controller.end()
            assert status == 0, f"lpm-controller: exit {status}\n{cls.controller.last_words()}"

    def setUp(self):
        super().setUp()
        self.checkpoints = []
        self.addCleanup(self.remove_checkpoints)

    def remove_checkpoints(self):
        for name in self.checkpoints:
            self.cluster.delete(CHECKPOINT, name, wait=False)
        for content in self.admin.get("/apis/lpm.my.domain/v1/containercheckpointcontents")["items"]:
            self.cluster.delete(CONTENT, content["metadata"]["name"], wait=False)

    def ask(self, pod, ctr, name=None, **spec):
        """A ContainerCheckpoint; its name."""
        name = name or f"{pod[:40]}-{os.urandom(4).hex()}"
        self.checkpoints.append(name)
        self.cluster.create({**CHECKPOINT, "metadata": {"name": name},
                             "spec": {"podName": pod, "containerName": ctr, **spec}})
        return name

    def status_of(self, name):
        return (self.cluster.find(CHECKPOINT, name) or {}).get("status", {})

    def ended(self, name, seconds=90):
        """Its status, once it has ended."""
        def terminal():
            status = self.status_of(name)
            return status if status.get("phase") in TERMINAL else None
        try:
            return wait_for(f"{name} has ended", terminal, seconds)
        except AssertionError as error:
            words = self.controller.last_words() if self.controller else ""
            raise AssertionError(f"{error}\n{json.dumps(self.status_of(name), indent=1)}\n{words}") from None

    def assert_completed(self, name, **how):
        status = self.ended(name, **how)
        self.assertEqual(status["phase"], "Completed", json.dumps(status, indent=1))
        self.assertIs(status["ready"], True)
        return status

    def assert_failed(self, name, reason, *words, **how):
        status = self.ended(name, **how)
        self.assertEqual((status["phase"], status.get("reason")), ("Failed", reason), json.dumps(status, indent=1))
        for word in words:
            self.assertIn(word, status["message"])
        self.assertNotIn("boundContentName", status)
        print(f"  {reason}: {status['message']}", flush=True)
        return status

    def condition(self, status, kind):
        return next((c for c in status.get("conditions", ()) if c["type"] == kind), None)

    def reasons(self, name):
        """Of its Events, once the last edge's is there."""
        try:
            return [event["reason"] for event in self.cluster.events_of(name)]
        except ApiError:
            return []

    def wait_reason(self, name, reason):
        wait_for(f"{name} has an event {reason}", lambda: reason in self.reasons(name), 15)
