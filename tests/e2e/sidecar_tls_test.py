# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Clients of other machines: mutual TLS, and what each may do by the name in its certificate."""
import importlib.util
import pathlib
import subprocess
import time
from typing import Any

from e2e import NodeTest, wait_for
from pki import Pki

# What lpm-sidecar is linked with, and its client, are in the roots of Debian 13 only.
NODE_API: Any = importlib.import_module("node_api") if importlib.util.find_spec("grpc") else None
PORT = 19442
NODE = "node-1"
CONFIG = f"""
[listen]
tls = "127.0.0.1:{PORT}"
[tls]
certificate_file = "%(server)s.crt"
key_file = "%(server)s.key"
client_ca_file = "%(clients)s/ca.crt"
[clients]
lpm-controller = ["info", "records", "preflight", "prepare"]
scraper = ["metrics"]
auditor = ["archives"]
mover = ["archives", "fetch"]
"""


class Tls(NodeTest):
    flavours = ("trixie",)

    def setUp(self) -> None:
        super().setUp()
        self.servers = Pki(self.work / "servers").create()
        self.clients = Pki(self.work / "clients").create()
        self.server()
        self.sidecar = NODE_API.Sidecar(self.work / "sidecar.sock", "--config", str(self.config()))
        self.addCleanup(self.sidecar.end)

    def server(self) -> None:
        """A certificate for the node, in the place of the one before."""
        self.servers.certificate("new", NODE, names=[f"DNS:{NODE}"])
        for kind in ("key", "crt"):
            (self.servers / f"new.{kind}").rename(self.servers / f"node.{kind}")

    def config(self, **places: str) -> pathlib.Path:
        path = self.work / "sidecar.toml"
        path.write_text(CONFIG % {"server": self.servers / "node", "clients": self.clients.folder, **places})
        return path

    def client(self, name: str | None, pki: Pki | None = None, **how: Any) -> Any:
        """Of that common name; None: it shows no certificate."""
        pki = pki or self.clients
        shown = {}
        if name:
            pki.certificate("client", name, **how)
            shown = {"private_key": (pki / "client.key").read_bytes(), "certificate_chain": (pki / "client.crt").read_bytes()}
        credentials = NODE_API.grpc.ssl_channel_credentials((self.servers / "ca.crt").read_bytes(), **shown)
        client = NODE_API.Client(f"127.0.0.1:{PORT}", credentials, [("grpc.ssl_target_name_override", NODE)])
        self.addCleanup(client.close)
        return client

    def code(self, client: Any, method: str, **fields: Any) -> tuple[str, str]:
        try:
            answer = getattr(client, method)(timeout=10, **fields)
            if NODE_API.METHODS[method].server_streaming:
                answer.initial_metadata()
                answer.cancel()
        except NODE_API.grpc.RpcError as error:
            return error.code().name, error.details()
        return "OK", ""

    def test_each_may_do_what_the_node_says(self) -> None:
        controller, scraper, stranger = (self.client(name) for name in ("lpm-controller", "scraper", "stranger"))
        for method in ("GetNodeInfo", "ListRecords"):
            self.assertEqual(self.code(controller, method), ("OK", ""))
        self.assertEqual(self.code(scraper, "GetMetrics"), ("OK", ""))
        every = set(NODE_API.METHODS)
        for client, name, methods in ((controller, "lpm-controller", {"GetMetrics"}),
                                      (scraper, "scraper", every - {"GetMetrics"}), (stranger, "stranger", every)):
            for method in sorted(methods):
                code, details = self.code(client, method)
                if NODE_API.METHODS[method].server_streaming and code == "OK":
                    code, details = self.stream_ends(client, method)
                self.assertEqual(code, "PERMISSION_DENIED", (name, method))
                self.assertIn(f"the client {name} may not", details)
        self.assertEqual(self.code(self.sidecar.client, "GetMetrics"), ("OK", ""), "on the node's own socket")

    def test_environments_are_for_who_may_fetch(self) -> None:
        """The others are refused before anything is opened."""
        auditor, mover = (self.client(name) for name in ("auditor", "mover"))
        code, details = self.code(auditor, "InspectArchive", path="/x.tar", environment=True)
        self.assertEqual(code, "PERMISSION_DENIED")
        self.assertIn("fetch", details)
        for client, environment in ((auditor, False), (mover, True)):
            self.assertEqual(self.code(client, "InspectArchive", path="/x.tar", environment=environment)[0], "UNAVAILABLE")

    def stream_ends(self, client: Any, method: str) -> tuple[str, str]:
        with self.assertRaises(NODE_API.grpc.RpcError) as caught:
            next(getattr(client, method)(timeout=10))
        return caught.exception.code().name, caught.exception.details()

    def test_certificates_that_are_none(self) -> None:
        others = Pki(self.work / "others").create()
        for name, client in (("no certificate", self.client(None)), ("of another CA", self.client("lpm-controller", others)),
                             ("expired", self.client("lpm-controller", days=0)),
                             ("the sidecar's own", self.client("lpm-controller", self.servers)),
                             ("a server's", self.client("lpm-controller", names=["DNS:lpm-controller"])),
                             ("no TLS", NODE_API.Client(f"127.0.0.1:{PORT}"))):
            time.sleep(1 if name == "expired" else 0)
            self.assertEqual(self.code(client, "GetNodeInfo")[0], "UNAVAILABLE", name)
        self.assertEqual(self.code(self.client("lpm-controller"), "GetNodeInfo"), ("OK", ""))

    def handshake(self, *options: str) -> "subprocess.CompletedProcess[str]":
        self.clients.certificate("client", "lpm-controller")
        return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", "-alpn", "h2",
                               "-cert", self.clients / "client.crt", "-key", self.clients / "client.key",
                               "-CAfile", self.servers / "ca.crt", *options],
                              input="", capture_output=True, text=True, errors="replace", check=False, timeout=30)

    def test_old_tls_and_weak_suites_are_refused(self) -> None:
        self.assertIn("TLSv1.3", self.handshake().stdout)
        for options in (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"),
                        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384")):
            self.assertIn("Cipher is (NONE)", self.handshake(*options).stdout, options)

    def serial(self) -> str:
        shown = self.handshake("-showcerts").stdout
        done = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=shown, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def test_a_new_certificate_is_shown_without_a_restart(self) -> None:
        before = self.serial()
        watch = self.client("lpm-controller").WatchRecords()
        watch.initial_metadata()
        self.server()
        wait_for("the new certificate", lambda: self.serial() != before, seconds=30)
        self.assertTrue(watch.is_active(), "who is connected stays so")
        watch.cancel()
        self.assertEqual(self.code(self.client("lpm-controller"), "GetNodeInfo"), ("OK", ""))

    def started(self, text: str) -> str:
        path = self.work / "bad.toml"
        path.write_text(text)
        done = subprocess.run([NODE_API.SIDECAR, "--socket", self.work / "other.sock", "--config", path], capture_output=True,
                              text=True, check=False, timeout=20)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def test_settings_that_are_wrong(self) -> None:
        for text, words in (('[listen]\ntls = ":9442"\n', "bad.toml:2: listen.tls: needs tls.certificate_file"),
                            ('[listen]\ntls = "here"\n', "bad.toml:2: listen.tls: must be like"),
                            ('[clients]\na = ["root"]\n', 'bad.toml:2: clients.a: must be for a name'),
                            ('[tls]\nca = "/x"\n', "bad.toml:2: tls.ca: unknown key"),
                            (self.config().read_text(), f"nobody can be served on 127.0.0.1:{PORT}")):
            self.assertIn(words, self.started(text))
        absent = subprocess.run([NODE_API.SIDECAR, "--config", "/nowhere"], capture_output=True, text=True, check=False)
        self.assertIn("/nowhere", absent.stderr)
        self.assertEqual(absent.returncode, 1)

    def test_numbers_tell_who_was_denied(self) -> None:
        self.code(self.client("stranger"), "GetNodeInfo")
        text = self.sidecar.client.GetMetrics().text
        self.assertIn('grpc_code="PermissionDenied",grpc_method="GetNodeInfo"', text)
