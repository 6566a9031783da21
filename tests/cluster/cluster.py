# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A cluster of one node, inside a test node of flavour `cluster`: etcd, API server, controller manager, scheduler,
kubelet and CRI-O, with lpm-runc where CRI-O calls the runtime."""
import json
import os
import pathlib
import shutil
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, Self

import images
import parts
from api import ApiError, Client, path_of
from e2e import Done, first_group, run, wait_for
from oci_spec import Json
from parts import ADDRESS, API, KUBELET, LOGS, NODE
from pki import Pki

PKI = "/etc/kubernetes/pki"
RBAC = "rbac.authorization.k8s.io/v1"
CHECKPOINTS = KUBELET / "checkpoints"
CGROUPS = pathlib.Path("/sys/fs/cgroup")
THAWING = {"freezer.state": "THAWED", "cgroup.freeze": "0"}


def bound(role: str, name: str, subject: Json) -> Json:
    return {"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", **subject}]}


# What the API server's own identity may ask of kubelets. kubeadm gives it all in a group until 1.36, and from then on
# only system:kubelet-api-admin, which has no nodes/checkpoint.
KUBELET_CLIENT = {"kind": "User", "name": "kube-apiserver-kubelet-client"}
OLD_ACCESS = [bound("cluster-admin", "kubeadm:cluster-admins", {"kind": "Group", "name": "kubeadm:cluster-admins"})]
NEW_ACCESS = [bound("system:kubelet-api-admin", "kubeadm:kubelet-api-admin", KUBELET_CLIENT)]
CHECKPOINT_ROLE = {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": "lpm:kubelet-checkpoint"},
                   "rules": [{"apiGroups": [""], "resources": ["nodes/checkpoint"], "verbs": ["create"]}]}
CHECKPOINT_ACCESS = bound("lpm:kubelet-checkpoint", "lpm:kubelet-checkpoint", KUBELET_CLIENT)


class Cluster:
    """`release`: of Kubernetes, "1.30" or "1.37". `steps`: (what, seconds), as it comes up."""

    admin: Client  # once the API server can be asked

    def __init__(self, release: str) -> None:
        self.release = release
        self.steps: list[tuple[str, float]] = []
        self.began = time.monotonic()
        self.pki = Pki(PKI)
        self.registry: images.Registry | None = None
        self.parts: dict[str, parts.Part] = {}

    def step(self, what: str) -> None:
        now = time.monotonic()
        self.steps.append((what, now - self.began))
        self.began = now

    def start(self) -> None:
        run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
        self.registry = images.Registry("/var/lib/registry", "/var/log/registry.log").__enter__()
        parts.prepare_node()
        self.step("registry, probe")
        self._add(parts.etcd(), parts.crio())
        self._make_identities()
        self.step("certificates")
        self._add(parts.api_server(self.pki))
        self.admin = Client(self.pki, "admin")
        self._wait("the API server is ready", lambda: self.admin.get("/readyz") == "ok")
        self.step("API server")
        self._add(parts.controller_manager(self.pki), parts.scheduler(self.pki), parts.kubelet(self.pki, self.release))
        for thing in OLD_ACCESS if self.release == "1.30" else [*NEW_ACCESS, CHECKPOINT_ROLE, CHECKPOINT_ACCESS]:
            self.create(thing)
        self._wait("the node is ready", self.node_is_ready)
        self._wait("pods may be made", lambda: self.admin.get(
            "/api/v1/namespaces/default/serviceaccounts/default"))
        self.step("node ready")
        print(f"cluster {self.release} is up: " + ", ".join(f"{what} {t:.1f} s" for what, t in self.steps), flush=True)

    def connect(self) -> Self:
        """To the cluster that another process has started. Its daemons are that one's."""
        self.admin = Client(self.pki, "admin")
        return self

    def _add(self, *new: parts.Part) -> None:
        for part in new:
            self.parts[part.name] = part
            part.start()

    def _make_identities(self) -> None:
        pki = self.pki.create()
        pki.certificate("api", "kube-apiserver", names=(f"IP:{ADDRESS}", "IP:10.96.0.1", "DNS:kubernetes.default.svc"))
        pki.certificate("kubelet-server", f"system:node:{NODE}", names=(f"IP:{ADDRESS}", f"DNS:{NODE}"))
        pki.certificate("kubelet-client", KUBELET_CLIENT["name"],
                        groups=["kubeadm:cluster-admins"] if self.release == "1.30" else [])
        for name, user, *groups in (("admin", "kubernetes-admin", "system:masters"),
                                    ("controller-manager", "system:kube-controller-manager"),
                                    ("scheduler", "system:kube-scheduler"),
                                    ("kubelet", f"system:node:{NODE}", "system:nodes")):
            pki.certificate(name, user, groups=groups)
            os.environ["KUBECONFIG"] = str(pki.kubeconfig(name, API))
        os.environ["KUBECONFIG"] = str(pki / "admin.conf")

    def _wait(self, what: str, condition: Callable[[], object], seconds: float = 120) -> None:
        def holds() -> object:
            dead = [part for part in self.parts.values() if part.ended()]
            if dead:
                raise AssertionError(f"{dead[0].name} has ended:\n{dead[0].last_words()}")
            try:
                return condition()
            except (OSError, ApiError):
                return False
        wait_for(what, holds, seconds)

    def node_is_ready(self) -> bool:
        status = self.admin.get(f"/api/v1/nodes/{NODE}").get("status", {})
        return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ()))

    # Objects

    def create(self, thing: Json) -> Json:
        made: Json = self.admin.call("POST", path_of(thing), thing)
        return made

    def get(self, thing: Json, name: str) -> Json:
        """The object, which there has to be."""
        found: Json = self.admin.get(path_of(thing, name))
        return found

    def find(self, thing: Json, name: str) -> Json | None:
        """The object, or None."""
        try:
            return self.get(thing, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def patch(self, thing: Json, change: Json) -> Json:
        changed: Json = self.admin.call("PATCH", path_of(thing, thing["metadata"]["name"]), change,
                                        kind="application/merge-patch+json")
        return changed

    def delete(self, thing: Json, name: str, seconds: int | None = None, wait: bool = True) -> None:
        """Gone when this returns, unless told not to wait."""
        try:
            options = {} if seconds is None else {"gracePeriodSeconds": seconds}
            self.admin.call("DELETE", path_of(thing, name), {"kind": "DeleteOptions", "apiVersion": "v1", **options})
        except ApiError as error:
            if error.status != 404:
                raise
        if wait:
            wait_for(f"{name} is gone", lambda: self.find(thing, name) is None)

    def events_of(self, name: str) -> list[Json]:
        found: list[Json] = self.admin.get("/api/v1/namespaces/default/events",
                                           fieldSelector=f"involvedObject.name={name}")["items"]
        return found

    # What people type

    def kubectl(self, *args: object, **how: Any) -> Done:
        return run("kubectl", *args, **how)

    def crictl(self, *args: object, **how: Any) -> Done:
        return run("crictl", "--runtime-endpoint", f"unix://{parts.SOCKET}", *args, **how)

    # Parts

    def use_runtime(self, path: str) -> None:
        """CRI-O with that runtime_path, as after `systemctl restart crio`: it takes no other until then."""
        chosen = f'runtime_path = "{path}"'
        if chosen in run("crio", "status", "config").stdout:
            return
        self.parts["crio"].end()
        self.parts["crio"] = parts.crio(path)
        self.parts["crio"].start()
        wait_for("CRI-O has taken it", lambda: chosen in run("crio", "status", "config", check=False).stdout)
        if not self.parts["kubelet"].ended():
            self.wait_connected()

    def wait_connected(self) -> None:
        """The kubelet has its connection to CRI-O again, which it tries ever more seldom while that is away."""
        time.sleep(2)  # so long it tells what it knew before
        self._wait("the kubelet asks CRI-O", lambda: self.admin.request(
            "GET", f"/api/v1/nodes/{NODE}/proxy/runningpods/")[0] == 200)

    def wait_ready(self) -> None:
        """The node and everything that it asks for answers."""
        self._wait("the node is ready again", lambda: self.admin.get("/readyz") == "ok" and self.node_is_ready()
                   and self.kubelet_answers() and self.crictl("version", check=False).returncode == 0)

    def kubelet_answers(self) -> bool:
        """Its Node object says Ready for some time after its end."""
        return self.admin.request("GET", f"/api/v1/nodes/{NODE}/proxy/healthz") == (200, "ok")

    def archives(self, names: tuple[str, ...] = ("",)) -> list[pathlib.Path]:
        """Oldest first; `names`: how those begin that count. Others may go away meanwhile."""
        return sorted((path for path in CHECKPOINTS.glob("*.tar") if path.name.startswith(names)),
                      key=lambda path: path.stat().st_mtime)

    def memory(self) -> dict[str, int]:
        """{part: MiB resident}"""
        found = {}
        for name, part in self.parts.items():
            if not part.ended():
                status = pathlib.Path(f"/proc/{part.process.pid}/status").read_text()
                found[name] = int(first_group(r"VmRSS:\s+(\d+)", status)) // 1024
        return found

    def stop(self) -> None:
        print(f"cluster {self.release}, MiB resident: {json.dumps(self.memory())}", flush=True)
        for name in reversed(self.parts):
            self.parts[name].end()
        if self.registry:
            self.registry.__exit__()

    def keep_logs(self, folder: pathlib.Path) -> None:
        for log in LOGS.glob("*.log"):
            shutil.copy(log, folder / f"cluster-{self.release}-{log.name}")


def frozen(pods: Collection[str] | None = None) -> list[pathlib.Path]:
    """Files of cgroups that are frozen; `pods`: the uids of those that count, if not all do."""
    found = []
    for folder, _, files in os.walk(CGROUPS / "freezer" if (CGROUPS / "freezer").exists() else CGROUPS):
        for key in THAWING.keys() & {*files} if pods is None or any(uid in folder for uid in pods) else ():
            try:
                if pathlib.Path(folder, key).read_text().strip() != THAWING[key]:
                    found.append(pathlib.Path(folder, key))
            except OSError:
                continue
    return found


def thaw(files: Iterable[pathlib.Path]) -> None:
    for path in files:
        path.write_text(THAWING[path.name])
