# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A node gets its sidecar's certificate from the cluster by the kubelet's identity, and nobody else gets one."""
import base64
import os
import pathlib
import shutil
import stat
import tempfile
import time
from typing import Any

import node_api
from api import Client
from cluster import RBAC
from controller import ControllerTest
from deployed import SPACE
from e2e import Done, run, wait_for
from oci_spec import Json
from parts import ADDRESS, API, NODE
from pki import KEY, Pki, openssl
from suite import container

CSR: Json = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SIGNER = "lpm.my.domain/sidecar"
SECRET = f"/api/v1/namespaces/{SPACE}/secrets/lpm-authorities"
PORT = 19443
CONFIG = f"""
[listen]
tls = "127.0.0.1:{PORT}"
[tls]
certificate_file = "%(folder)s/sidecar.crt"
key_file = "%(folder)s/sidecar.key"
client_ca_file = "%(folder)s/clients-ca.crt"
[clients]
lpm-controller = ["info"]
[enroll]
%(enroll)s
"""
SERVER = ["digital signature", "server auth"]


class Enrolled(ControllerTest):
    """Each with a folder of its own, in which is what a node has."""

    toml = "[signer]\nenabled = true\n"

    def setUp(self) -> None:
        super().setUp()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="enroll"))
        self.addCleanup(shutil.rmtree, self.work)
        self.folder = self.work / "pki"

    def config(self, enroll: str = "wait_seconds = 30") -> pathlib.Path:
        path = self.work / "sidecar.toml"
        path.write_text(CONFIG % {"folder": self.folder, "enroll": enroll})
        return path

    def enroll(self, status: int = 0, *more: str, **how: str) -> str:
        done: Done = run(node_api.SIDECAR, "--enroll", *more, "--pki", self.folder, "--config", self.config(**how), check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        print(f"  {status}: {(done.stderr or done.stdout).strip().splitlines()[-1]}", flush=True)
        return done.stdout + done.stderr

    def requests(self) -> list[str]:
        found = self.admin.get(CSRS, fieldSelector=f"spec.signerName={SIGNER}")["items"]
        return [request["metadata"]["name"] for request in found]

    def authority(self, kind: str) -> Pki:
        """Of the Secret: "sidecars" or "clients"."""
        data = self.admin.get(SECRET)["data"]
        pki = Pki(self.work / kind)
        pki.folder.mkdir(exist_ok=True)
        for end in ("crt", "key"):
            (pki / f"ca.{end}").write_bytes(base64.b64decode(data[f"{kind}.{end}"]))
        return pki

    def restart_controller(self, while_down: Any = lambda: None) -> None:
        self.controller.end()
        while_down()
        self.controller.start()
        wait_for("the controller leads", self.controller.is_ready, 60)

    def channel(self, certificate: pathlib.Path, key: pathlib.Path) -> Any:
        trusted = (self.authority("sidecars") / "ca.crt").read_bytes()
        shown = {"private_key": key.read_bytes(), "certificate_chain": certificate.read_bytes()}
        client = node_api.Client(f"127.0.0.1:{PORT}", node_api.grpc.ssl_channel_credentials(trusted, **shown),
                                 [("grpc.ssl_target_name_override", NODE)])
        self.addCleanup(client.close)
        return client

    def code(self, client: Any) -> str:
        try:
            client.GetNodeInfo(timeout=10)
        except node_api.grpc.RpcError as error:
            return str(error.code().name)
        return "OK"

    def client_code(self, pki: Pki, name: str = "lpm-controller", **how: Any) -> str:
        """What a client gets whose certificate that authority has signed."""
        pki.certificate(f"as-{name}", name, **how)
        return self.code(self.channel(pki / f"as-{name}.crt", pki / f"as-{name}.key"))


class Enroll(Enrolled):
    def test_a_node_gets_a_certificate(self) -> None:
        """A sidecar that was there before serves by it, those whom the clients' authority has signed and nobody else."""
        sidecar = node_api.Sidecar(self.work / "sidecar.sock", "--config", str(self.config()))
        self.addCleanup(sidecar.end)
        self.assertIn("serves nobody by TLS until the file is there", sidecar.log.read_text())
        self.assertIn("has a certificate", self.enroll())
        self.assertEqual({path.name: stat.S_IMODE(path.stat().st_mode) for path in self.folder.iterdir()},
                         dict.fromkeys(("sidecar.crt", "sidecar.key", "clients-ca.crt"), 0o640))
        self.assertEqual(stat.S_IMODE(self.folder.stat().st_mode), 0o2750)
        sidecars, clients = self.authority("sidecars"), self.authority("clients")
        certificate = self.folder / "sidecar.crt"
        openssl("verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", NODE, "-CAfile", sidecars / "ca.crt",
                certificate)
        with self.assertRaises(RuntimeError):
            openssl("verify", "-purpose", "sslclient", "-CAfile", sidecars / "ca.crt", certificate)
        self.assertEqual((self.folder / "clients-ca.crt").read_text(), (clients / "ca.crt").read_text())
        wait_for("it serves", lambda: self.client_code(clients) == "OK", 30)
        for what, code in (
                ("the sidecar's own", self.code(self.channel(certificate, self.folder / "sidecar.key"))),
                ("a client's of the sidecars' authority", self.client_code(sidecars)),
                ("a server's of the clients' authority", self.client_code(clients, names=["DNS:lpm-controller"]))):
            self.assertEqual(code, "UNAVAILABLE", what)
        self.assertEqual(self.client_code(clients, "stranger"), "PERMISSION_DENIED")
        made = self.requests()
        self.assertIn("the certificate is good", self.enroll())
        self.assertEqual(self.requests(), made, "nothing was asked for a second time")
        self.enroll(0, "--renew")
        self.assertEqual(len(self.requests()), len(made) + 1)

    def age(self) -> None:
        """The node's certificate becomes one that is past two thirds of its life."""
        pki = self.authority("sidecars")
        (pki / "old.ext").write_text(f"subjectAltName=DNS:{NODE}\nextendedKeyUsage=serverAuth\n")
        openssl("req", "-new", "-key", self.folder / "sidecar.key", "-out", pki / "old.csr", "-subj", "/CN=lpm-sidecar")
        now = time.time()
        from_until = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(at)) for at in (now - 7200, now + 3000)]
        openssl("x509", "-req", "-in", pki / "old.csr", "-CA", pki / "ca.crt", "-CAkey", pki / "ca.key", "-not_before",
                from_until[0], "-not_after", from_until[1], "-extfile", pki / "old.ext", "-out", self.folder / "sidecar.crt")

    def roll_over(self, kind: str) -> None:
        """A new authority in front of the one that there is."""
        old, new = self.authority(kind), Pki(self.work / f"new-{kind}")
        new.folder.mkdir()
        openssl("req", "-x509", *KEY, "-keyout", new / "ca.key", "-out", new / "ca.crt", "-subj", f"/CN=new {kind}", "-days", "2",
                "-addext", "keyUsage=critical,keyCertSign")
        both = (new / "ca.crt").read_bytes() + (old / "ca.crt").read_bytes()
        change = {f"{kind}.crt": base64.b64encode(both).decode(),
                  f"{kind}.key": base64.b64encode((new / "ca.key").read_bytes()).decode()}
        self.admin.call("PATCH", SECRET, {"data": change}, kind="application/merge-patch+json")

    def test_renewed_while_the_authorities_change(self) -> None:
        """At two thirds of its life, without a restart; who had a certificate of the authority before goes on."""
        self.enroll()
        before = self.authority("clients")
        before.folder = before.folder.rename(self.work / "before")
        sidecar = node_api.Sidecar(self.work / "sidecar.sock", "--config", str(self.config()))
        self.addCleanup(sidecar.end)
        wait_for("it serves", lambda: self.client_code(before) == "OK", 30)
        kept = self.admin.get(SECRET)["data"]
        self.addCleanup(self.admin.call, "PATCH", SECRET, {"data": kept}, kind="application/merge-patch+json")

        def change() -> None:
            for kind in ("sidecars", "clients"):
                self.roll_over(kind)
        self.restart_controller(change)
        self.addCleanup(self.restart_controller)
        key = (self.folder / "sidecar.key").read_text()
        self.assertIn("the certificate is good", self.enroll())
        self.age()
        self.assertIn("has a certificate", self.enroll())
        self.assertNotEqual((self.folder / "sidecar.key").read_text(), key)
        new = Pki(self.work / "new-clients")
        wait_for("the new authority's clients are let in", lambda: self.client_code(new) == "OK", 30)
        self.assertEqual(self.client_code(before), "OK")

    def test_goes_on_with_its_request(self) -> None:
        """Nobody signs; somebody denies it; it is signed. Each time it is told, and no second request is made."""
        before = set(self.requests())
        self.controller.end()
        text = self.enroll(75, enroll="wait_seconds = 2")
        self.assertIn("is not answered after 2 s (nobody has approved it)", text)
        (name,) = set(self.requests()) - before
        self.assertIn(f"kubectl get csr {name}", text)
        self.cluster.kubectl("certificate", "deny", name)
        text = self.enroll(1)
        self.assertIn("was denied", text)
        self.assertIn(f"kubectl delete csr {name}", text)
        self.cluster.kubectl("delete", "csr", name)
        self.enroll(75, enroll="wait_seconds = 1")
        self.assertEqual(set(self.requests()) - before, {name})
        self.controller.start()
        wait_for("the controller leads", self.controller.is_ready, 60)
        self.assertIn("has a certificate", self.enroll())
        self.assertEqual(set(self.requests()) - before, {name})

    def test_tells_what_is_missing(self) -> None:
        pki = self.cluster.pki
        nobody = Pki(self.work)
        for name in ("ca.crt", "kubelet.crt", "kubelet.key"):
            shutil.copy(pki / name, nobody / name)
        gone = nobody.kubeconfig("kubelet", API.replace("6443", "1"))
        for status, config, words in ((1, "/nowhere/kubelet.conf", "/nowhere/kubelet.conf is not there"),
                                      (75, str(gone), "ask the API server who we are"),
                                      (1, str(pki / "scheduler.conf"), "is of system:kube-scheduler and of no node")):
            self.assertIn(words, self.enroll(status, enroll=f'kubeconfig = "{config}"'))
        done = run(node_api.SIDECAR, "--config", self.config(), "--enroll", check=False, timeout=20)
        self.assertIn("--enroll comes first", done.stderr, "and no daemon is started")
        self.folder.chmod(0o2770)
        self.assertIn("others than root may write into it", self.enroll(1))


class Denied(Enrolled):
    """Whoever asks for what a node may not have."""

    def request(self, client: Client, names: str | None = f"DNS:{NODE}", usages: list[str] | None = None,
                subject: str = "/CN=lpm-sidecar") -> str:
        """Made; its name."""
        more = ["-addext", f"subjectAltName={names}"] if names else []
        openssl("req", "-new", *KEY, "-keyout", self.work / "key", "-out", self.work / "csr", "-subj", subject, *more)
        name = f"test-{os.urandom(4).hex()}"
        thing = {**CSR, "metadata": {"name": name}, "spec": {
            "signerName": SIGNER, "usages": usages or SERVER,
            "request": base64.b64encode((self.work / "csr").read_bytes()).decode()}}
        client.call("POST", CSRS, thing)
        return name

    def answer(self, name: str) -> tuple[str, str]:
        """(condition, reason), or ("Signed", "")."""
        def status() -> Json | None:
            found = self.admin.get(f"{CSRS}/{name}").get("status", {})
            ended = "certificate" in found or any(c["type"] in ("Denied", "Failed") for c in found.get("conditions", ()))
            return found if ended else None
        found = wait_for(f"{name} is answered", status, 20)
        if "certificate" in found:
            return "Signed", ""
        last = found["conditions"][-1]
        print(f"  {last['type']}: {last['reason']}: {last['message']}", flush=True)
        return last["type"], last["reason"]

    @property
    def node(self) -> Client:
        return Client(self.cluster.pki, "kubelet")

    def account(self) -> Client:
        """A pod's, which may make requests."""
        about = {"metadata": {"name": "enroll-test"}}
        role = {**about, "apiVersion": RBAC, "kind": "ClusterRole", "rules": [
            {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"], "verbs": ["create"]}]}
        binding = {**about, "apiVersion": RBAC, "kind": "ClusterRoleBinding",
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "enroll-test"},
                   "subjects": [{"kind": "ServiceAccount", "name": "enroll-test", "namespace": "default"}]}
        for thing in ({**about, "apiVersion": "v1", "kind": "ServiceAccount"}, role, binding):
            self.cluster.create(thing)
            self.addCleanup(self.cluster.delete, thing, "enroll-test")
        token = run("kubectl", "create", "token", "enroll-test").stdout.strip()
        client = Client(self.cluster.pki, None, token)
        asked = ("kubectl", "auth", "can-i", "create", "csr", "--as=system:serviceaccount:default:enroll-test")
        wait_for("it may", lambda: run(*asked, check=False).returncode == 0, 10)
        return client

    def test_names_of_others(self) -> None:
        self.assertEqual(self.answer(self.request(self.node)), ("Signed", ""))
        for names in ("DNS:node2", f"DNS:{NODE},DNS:node2", f"DNS:{NODE},IP:192.0.2.10", f"DNS:{NODE},email:a@b.c",
                      f"DNS:{NODE},URI:spiffe://a/b", f"DNS:*.{NODE}", None):
            self.assertEqual(self.answer(self.request(self.node, names)), ("Denied", "NamesNotAllowed"), names)
        self.assertEqual(self.answer(self.request(self.node, subject="/CN=lpm-controller")), ("Denied", "SubjectNotAllowed"))

    def test_usages_of_clients(self) -> None:
        for usages in (["digital signature", "client auth"], [*SERVER, "client auth"], [*SERVER, "key encipherment"]):
            self.assertEqual(self.answer(self.request(self.node, usages=usages)), ("Denied", "UsagesNotAllowed"), usages)

    def test_who_is_no_node(self) -> None:
        for client in (self.account(), self.admin):
            self.assertEqual(self.answer(self.request(client)), ("Denied", "NotANode"))

    def test_what_a_person_has_approved(self) -> None:
        """The judge has the last word."""
        names: list[str] = []

        def approve() -> None:
            names.append(self.request(self.node, "DNS:node2"))
            self.cluster.kubectl("certificate", "approve", names[0])
        self.restart_controller(approve)
        self.assertEqual(self.answer(names[0]), ("Failed", "NamesNotAllowed"))


class ByItself(Enrolled):
    """Nobody has made a certificate by hand: the node enrolls, and the controller asks it by one of its own."""

    toml = f"[signer]\nenabled = true\n[sidecar]\nenabled = true\nport = {PORT}\n"

    def config(self, enroll: str = "wait_seconds = 30") -> pathlib.Path:
        path = super().config(enroll)
        text = path.read_text().replace(f"127.0.0.1:{PORT}", f"{ADDRESS}:{PORT}")
        path.write_text(text.replace('["info"]', '["preflight", "prepare", "records", "archives", "delete"]'))
        return path

    def test_a_checkpoint_is_prepared(self) -> None:
        listening = node_api.listening_gate()
        listening.__enter__()
        self.addCleanup(listening.__exit__, None, None, None)
        self.enroll()
        sidecar = node_api.Sidecar(self.work / "sidecar.sock", "--config", str(self.config()))
        self.addCleanup(sidecar.end)
        pod = self.pod(container("ctr"), container("ghost", "/bin/holder", "ghost", "3072"))
        status = self.assert_completed(self.ask(pod, "ctr"))
        passed = self.condition(status, "PreflightPassed")
        self.assertEqual((passed["status"], passed["reason"]), ("True", "ChecksPassed"), passed)
        self.assertEqual(self.last_record("checkpoint", "completed")["attempt"], status["attempt"]["uid"])
        status = self.assert_failed(self.ask(pod, "ghost"), "GhostTooLarge", "ghost_limit")
        self.assertEqual(self.condition(status, "PreflightPassed")["status"], "False")
        self.assertEqual(len(self.records()), 1, "the node has said so, and nothing was frozen")
