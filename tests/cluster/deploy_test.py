# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What else is in deploy/: installed as people do, who may do what then, and the samples."""
import functools
import json
import os
import pathlib
from typing import Any

import deployed
import pytest
from api import KUBELET_PORT, Answer, ApiError, Client, path_of
from crd_test import BARE
from deployed import CHECKPOINT, CRD, DEPLOY, NAMES, NAMESPACE, SPACE
from e2e import run, wait_for
from oci_spec import Json
from suite import POD, ClusterTest, container

REVIEW = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
GROUP = "lpm.my.domain"
# verb, group, resource, namespace, name; namespace "": all of them, or an object of the cluster
Access = tuple[str, str, str, str, str | None]
SECRETS: list[Access] = [(verb, "", "secrets", space, None) for verb in ("get", "list", "create")
                         for space in (SPACE, "default", "")]
# What only it may, of Secrets: none can be limited to a name in its creation.
MAKE_SECRET: Access = ("create", "", "secrets", SPACE, None)
OTHER_SECRETS = [one for one in SECRETS if one != MAKE_SECRET]
CSR, SIGNER = "certificatesigningrequests", "lpm.my.domain/sidecar"
CONTROLLER_CAN: list[Access] = [
    *[(verb, GROUP, "containercheckpoints", "shop", "a") for verb in ("get", "patch", "delete")],
    *[(verb, GROUP, kind, "", None) for verb in ("list", "watch")
      for kind in ("containercheckpoints", "containercheckpointcontents")],
    *[(verb, GROUP, "containercheckpointcontents", "", "a") for verb in ("get", "create", "patch", "delete")],
    ("patch", GROUP, "containercheckpoints/status", "shop", "a"),
    ("patch", GROUP, "containercheckpointcontents/status", "", "a"),
    ("get", "", "pods", "shop", "a"), ("get", "", "nodes", "", "node1"),
    *[(verb, "", "pods", "", None) for verb in ("list", "watch")],
    *[(verb, "events.k8s.io", "events", "shop", "a") for verb in ("create", "patch")],
    *[(verb, CRD["apiVersion"].split("/")[0], "customresourcedefinitions", "", name)
      for verb in ("get", "list", "watch") for name in NAMES],
    *[(verb, "coordination.k8s.io", "leases", SPACE, "lpm-controller") for verb in ("get", "create", "update")],
    ("create", "", "serviceaccounts/token", SPACE, "lpm-kubelet"),
    MAKE_SECRET, ("get", "", "secrets", SPACE, "lpm-authorities"),
    *[(verb, "certificates.k8s.io", CSR, "", None) for verb in ("list", "watch")],
    ("update", "certificates.k8s.io", f"{CSR}/approval", "", "a"),
    *[(verb, "certificates.k8s.io", f"{CSR}/status", "", "a") for verb in ("get", "update", "patch")],
    *[(verb, "certificates.k8s.io", "signers", "", SIGNER) for verb in ("approve", "sign")]]
CONTROLLER_CANNOT: list[Access] = [
    *OTHER_SECRETS,
    *[(verb, "", "secrets", SPACE, "lpm-authorities") for verb in ("update", "patch", "delete")],
    *[(verb, "certificates.k8s.io", "signers", "", name) for verb in ("approve", "sign")
      for name in ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client", "lpm.my.domain/other")],
    *[(verb, "certificates.k8s.io", CSR, "", "a") for verb in ("create", "update", "delete")],
    *[(verb, "", f"nodes/{sub}", "", "node1") for verb in ("get", "create", "update", "patch")
                for sub in ("proxy", "checkpoint", "stats", "log", "metrics", "pods")],
    *[(verb, GROUP, "containercheckpoints", "shop", "a") for verb in ("create", "update", "deletecollection")],
    ("create", "", "pods", SPACE, "a"), ("delete", "", "pods", "shop", "a"),
    *[("create", "", f"pods/{sub}", "shop", "a") for sub in ("exec", "attach", "portforward", "eviction")],
    ("get", "", "pods/log", "shop", "a"), ("list", "", "nodes", "", None), ("patch", "", "nodes", "", "node1"),
    ("get", "", "configmaps", SPACE, "lpm-controller"),
    ("list", "apiextensions.k8s.io", "customresourcedefinitions", "", None),
    ("patch", "apiextensions.k8s.io", "customresourcedefinitions", "", NAMES[0]),
    ("get", "coordination.k8s.io", "leases", SPACE, "other"), ("get", "coordination.k8s.io", "leases", "shop", None),
    ("delete", "coordination.k8s.io", "leases", SPACE, "lpm-controller"),
    ("create", "", "serviceaccounts/token", SPACE, "lpm-controller"),
    ("create", "", "serviceaccounts/token", "kube-system", "lpm-kubelet"),
    *[("impersonate", "", kind, "", "a") for kind in ("users", "groups", "serviceaccounts")],
    ("create", "rbac.authorization.k8s.io", "clusterrolebindings", "", "a")]
KUBELET_CAN: list[Access] = [("create", "", "nodes/checkpoint", "", "node1")]
KUBELET_CANNOT: list[Access] = [*SECRETS, *CONTROLLER_CAN, ("create", "", "nodes/proxy", "", "node1"),
                                *[("get", "", f"nodes/{sub}", "", "node1") for sub in ("proxy", "checkpoint")]]


def account(name: str) -> Json:
    return {"user": f"system:serviceaccount:{SPACE}:{name}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{SPACE}", "system:authenticated"]}


@pytest.mark.parallel
@pytest.mark.xdist_group("controller")
class Deploy(ClusterTest):
    @classmethod
    def setUpClass(cls) -> None:
        deployed.install()

    def can(self, who: Json, verb: str, group: str, resource: str, namespace: str, name: str | None) -> bool:
        resource, _, sub = resource.partition("/")
        asked = {"verb": verb, "group": group, "resource": resource, "subresource": sub, "namespace": namespace,
                 **({"name": name} if name else {})}
        review = self.cluster.create({**REVIEW, "spec": {**who, "resourceAttributes": asked}})
        return bool(review["status"]["allowed"])

    def assert_can(self, who: Json, can: list[Access], cannot: list[Access]) -> None:
        """RBAC knows a moment later than it was told."""
        wait_for(f"{who['user']} can {can[0]}", lambda: self.can(who, *can[0]), 10)
        self.assertEqual([case for case in can if not self.can(who, *case)], [], f"{who['user']} cannot")
        self.assertEqual([case for case in cannot if self.can(who, *case)], [], f"{who['user']} can")

    def as_account(self, name: str) -> Client:
        """A client with a token of it."""
        token = self.cluster.kubectl("create", "token", name, f"--namespace={SPACE}").stdout.strip()
        return Client(self.cluster.pki, None, token)

    def guarded(self) -> str:
        """A namespace with the label of the sample's policies, without the wait for its end."""
        name = f"guarded-{os.urandom(3).hex()}"
        space = {**NAMESPACE, "metadata": {"name": name, "labels": {"lpm.my.domain/checkpoints": "guarded"}}}
        self.cluster.create(space)
        self.addCleanup(self.cluster.delete, space, name, wait=False)
        return name

    def ask(self, space: str, spec: Json, dry: bool = True) -> Answer:
        """(status, message) of a creation."""
        thing = {**CHECKPOINT, "metadata": {"namespace": space, "generateName": "c-"}, "spec": spec}
        status, text = self.admin.request("POST", path_of(thing) + ("?dryRun=All" if dry else ""), thing)
        return status, json.loads(text).get("message", "")

    def is_created(self, thing: Json) -> bool:
        return self.admin.request("POST", path_of(thing), thing)[0] == 201

    def is_invalid(self, space: str, spec: Json) -> bool:
        return self.ask(space, spec)[0] == 422

    def test_all_of_it(self) -> None:
        """The API server takes every object, and warns of none; the pod is one that the namespace admits."""
        done = self.cluster.kubectl("apply", "-k", DEPLOY, "--dry-run=server", "-o", "json")
        self.assertEqual(done.stderr, "")
        items = json.loads(done.stdout)["items"]
        template = next(item for item in items if item["kind"] == "Deployment")["spec"]["template"]
        pod = {**POD, **template, "metadata": {**template["metadata"], "name": "tried", "namespace": SPACE}}
        status, text = self.admin.request("POST", f"{path_of(pod)}?dryRun=All&fieldValidation=Strict", pod)
        self.assertEqual(status, 201, text)
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
        self.assertEqual(self.admin.request("POST", f"{path_of(pod)}?dryRun=All", pod)[0], 403)

    def test_who_may(self) -> None:
        self.assert_can(account("lpm-controller"), CONTROLLER_CAN, CONTROLLER_CANNOT)
        self.assert_can(account("lpm-kubelet"), KUBELET_CAN, KUBELET_CANNOT)
        for what, says in (("list containercheckpoints.lpm.my.domain", "yes"), ("get secrets", "no"),
                           ("create nodes/proxy", "no")):
            done = self.cluster.kubectl("auth", "can-i", *what.split(), "--all-namespaces",
                                        f"--as={account('lpm-controller')['user']}", check=False)
            self.assertEqual(done.stdout, f"{says}\n", what)

    def test_users(self) -> None:
        """By a RoleBinding in their namespace; the built-in roles have nothing of it."""
        for name, role in (("alice", "lpm-checkpoint-create"), ("bob", "lpm-checkpoint-view"), ("carol", "admin")):
            self.addCleanup(run, "kubectl", "delete", "rolebinding", f"lpm-test-{name}")
            self.cluster.kubectl("create", "rolebinding", f"lpm-test-{name}", f"--clusterrole={role}", f"--user={name}")

        def cases(*verbs: str, space: str = "default") -> list[Access]:
            return [(verb, GROUP, "containercheckpoints", space, "a") for verb in verbs]
        changing = ("create", "update", "patch", "delete")
        status = [("patch", GROUP, "containercheckpoints/status", "default", "a")]
        self.assert_can({"user": "alice"}, cases("get", "list", "watch", *changing),
                        [*status, *cases("create", "get", space="kube-system"), *SECRETS])
        self.assert_can({"user": "bob"}, cases("get", "list", "watch"), [*status, *cases(*changing), *SECRETS])
        self.assert_can({"user": "carol"}, [("get", "", "pods", "default", "a")], [*status, *cases("get", *changing)])

    def test_the_kubelet_is_shown_little(self) -> None:
        """The controller gets itself a token with which a kubelet takes checkpoints, and does nothing else."""
        own, tokens = self.as_account("lpm-controller"), f"/api/v1/namespaces/{SPACE}/serviceaccounts"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
        with self.assertRaises(ApiError) as refused:
            own.call("POST", f"{tokens}/lpm-controller/token", asked)
        self.assertEqual(refused.exception.status, 403)
        token = own.call("POST", f"{tokens}/lpm-kubelet/token", asked)["status"]["token"]
        shown = Client(self.cluster.pki, None, token)
        self.assertEqual(shown.checkpoint("nobody", "ctr", direct=True), (404, "pod does not exist"))
        for path in ("/pods", "/configz", "/exec/default/nobody/ctr?command=id&output=1", "/logs/"):
            self.assertEqual(shown.request("GET", path, port=KUBELET_PORT)[0], 403, path)
        self.assertEqual(shown.request("POST", "/run/default/nobody/ctr?cmd=id", port=KUBELET_PORT)[0], 403)
        self.assertEqual(shown.request("GET", "/api/v1/nodes/node1")[0], 403)
        self.assertEqual(own.checkpoint("nobody", "ctr", direct=True)[0], 403)
        self.assertEqual(own.checkpoint("nobody", "ctr")[0], 403)
        crds = f"{path_of(CRD)}?watch=1&timeoutSeconds=1"
        self.assertEqual(own.request("GET", f"{crds}&fieldSelector=metadata.name%3D{NAMES[0]}")[0], 200)
        self.assertEqual(own.request("GET", crds)[0], 403)

    def test_through_the_api_server(self) -> None:
        """rbac-proxy.yaml: what mode "proxy" needs, of both identities."""
        proxy = ("", "nodes/proxy", "", "node1")
        self.addCleanup(run, "kubectl", "delete", "-f", f"{DEPLOY}/rbac-proxy.yaml")
        self.cluster.kubectl("apply", "-f", f"{DEPLOY}/rbac-proxy.yaml")
        self.assert_can(account("lpm-controller"), [("create", *proxy)], [("get", *proxy), *OTHER_SECRETS])
        for user in ("kube-apiserver-kubelet-client", "system:kube-apiserver"):
            self.assert_can({"user": user}, KUBELET_CAN, SECRETS)
        self.assertEqual(self.as_account("lpm-controller").checkpoint("nobody", "ctr"), (404, "pod does not exist"))

    def test_outside_of_the_cluster(self) -> None:
        """deploy/kubeconfig makes one that works and is the controller's."""
        config = pathlib.Path("/tmp/controller.kubeconfig")
        config.write_text(run(f"{DEPLOY}/kubeconfig", "1h").stdout)
        own = [f"--kubeconfig={config}"]
        self.assertIn(account("lpm-controller")["user"], self.cluster.kubectl(*own, "auth", "whoami").stdout)
        self.cluster.kubectl(*own, "get", "ckpt", "--all-namespaces")
        self.assertIn("Forbidden", self.cluster.kubectl(*own, "get", "secrets", check=False).stderr)

    def look_for_kinds(self) -> None:
        """The controller manager does so every 30 s. A quota that was there before stays uncounted for minutes more."""
        manager = self.cluster.parts["kube-controller-manager"]
        manager.end()
        manager.start()

    @pytest.mark.alone
    def test_sample_quota(self) -> None:
        space = self.guarded()
        self.look_for_kinds()
        self.cluster.kubectl("apply", "-n", space, "-f", f"{DEPLOY}/samples/resourcequota.yaml")
        limit = "count/containercheckpoints.lpm.my.domain"

        def used() -> Any:
            quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"namespace": space}}
            return self.cluster.get(quota, "lpm-checkpoints").get("status", {}).get("used", {}).get(limit)
        wait_for("the quota counts", lambda: used() == "0", 60)
        for _ in range(10):
            self.assertEqual(self.ask(space, BARE, dry=False), (201, ""))
        wait_for("it has counted them", lambda: used() == "10", 60)
        status, message = self.ask(space, BARE)
        self.assertEqual(status, 403)
        self.assertIn("exceeded quota: lpm-checkpoints", message)

    def test_sample_policies(self) -> None:
        space, policies = self.guarded(), f"{DEPLOY}/samples/validatingadmissionpolicy.yaml"
        for name, labels in (("yes", {"lpm.my.domain/checkpoint": "allowed"}), ("no", {})):
            pod = {**POD, "metadata": {"name": name, "namespace": space, "labels": labels},
                   "spec": {"containers": [container("ctr")], "schedulingGates": [{"name": "lpm.test/never"}]}}
            wait_for("pods may be made", functools.partial(self.is_created, pod))
        old = {**CHECKPOINT, "spec": BARE,
               "metadata": {"name": "old", "namespace": space, "finalizers": ["lpm.test/kept"]}}
        self.cluster.create(old)
        self.addCleanup(run, "kubectl", "delete", "-f", policies)
        self.cluster.kubectl("apply", "-f", policies)
        good = {"podName": "yes", "containerName": "ctr", "ttlSecondsAfterFinished": 60}
        for change, told in (({"podName": "no"}, "pod no has no label lpm.my.domain/checkpoint=allowed"),
                             ({"ttlSecondsAfterFinished": None}, "ttlSecondsAfterFinished is required in this")):
            spec = {k: v for k, v in {**good, **change}.items() if v is not None}
            wait_for(told, functools.partial(self.is_invalid, space, spec), 20)
            self.assertIn(told, self.ask(space, spec)[1])
            self.assertEqual(self.ask("default", spec)[0], 201)
        self.assertEqual(self.ask(space, good), (201, ""))
        made = {**CHECKPOINT, "metadata": {"name": "made", "namespace": space}, "spec": good}
        self.cluster.create(made)
        with self.assertRaises(ApiError):
            self.cluster.patch(made, {"spec": {"ttlSecondsAfterFinished": None}})
        self.cluster.patch(old, {"metadata": {"finalizers": None}})
