# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The controller asks lpm-sidecar of the pod's node, by mutual TLS: what the node says beforehand and afterwards."""
import hashlib
import json
import os
import pathlib
import threading
import time
from typing import Any

import node_api
from api import KUBELET_PORT
from controller import UID, ControllerTest
from deployed import CHECKPOINT
from e2e import freezer_of, run, wait_for
from faulty_proxy import Fault, FaultyProxy, Redirect, Seen, always
from oci_spec import Json
from parts import ADDRESS, NODE
from pki import Pki
from suite import container

PLACE = pathlib.Path("/run/lpm-test-node")
BYPASS = pathlib.Path("/etc/lpm/bypass")
SIDECAR = f"""
[listen]
tls = "{ADDRESS}:9442"
[tls]
certificate_file = "{PLACE}/servers/node.crt"
key_file = "{PLACE}/servers/node.key"
client_ca_file = "{PLACE}/clients/ca.crt"
[clients]
lpm-controller = %s
"""
CONTROLLER = f"""
[sidecar]
enabled = true
ca_file = "{PLACE}/servers/ca.crt"
certificate_file = "{PLACE}/clients/controller.crt"
key_file = "{PLACE}/clients/controller.key"
"""
ALL = ["preflight", "prepare", "records", "archives", "delete"]


class NodeTest(ControllerTest):
    toml = None
    sidecar: node_api.Sidecar

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        Pki(PLACE / "servers").create().certificate("node", NODE, names=[f"DNS:{NODE}"])
        Pki(PLACE / "clients").create().certificate("controller", "lpm-controller")
        os.chown(PLACE / "clients/controller.key", UID, UID)
        listening = node_api.listening_gate()
        listening.__enter__()
        cls.addClassCleanup(listening.__exit__, None, None, None)
        cls.begin_sidecar(ALL)
        cls.addClassCleanup(cls.end_sidecar)
        cls.shared = cls.start_controller(toml=CONTROLLER)

    @classmethod
    def begin_sidecar(cls, rights: list[str]) -> None:
        config = PLACE / "sidecar.toml"
        config.write_text(SIDECAR % json.dumps(rights))
        (PLACE / "sidecar.sock").unlink(missing_ok=True)
        cls.sidecar = node_api.Sidecar(PLACE / "sidecar.sock", "--config", str(config))

    @classmethod
    def end_sidecar(cls) -> None:
        """The one that is there now."""
        if cls.sidecar.process.poll() is None:
            cls.sidecar.end()

    def setUp(self) -> None:
        super().setUp()
        self.kubelet = FaultyProxy(self.cluster.pki, KUBELET_PORT)
        self.addCleanup(Redirect(UID, KUBELET_PORT, self.kubelet).close)
        self.addCleanup(self.kubelet.close)

    def without_sidecar(self, rights: list[str] | None = None) -> None:
        """Until the test ends, or with other rights."""
        self.sidecar.end()
        self.addCleanup(self.with_sidecar)
        if rights is not None:
            self.begin_sidecar(rights)

    def with_sidecar(self) -> None:
        self.end_sidecar()
        self.begin_sidecar(ALL)

    def assert_says(self, status: Json, kind: str, state: str, reason: str, *words: str) -> None:
        condition: Any = self.condition(status, kind)
        self.assertIsNotNone(condition, json.dumps(status, indent=1))
        self.assertEqual((condition["status"], condition["reason"]), (state, reason), condition)
        for word in words:
            self.assertIn(word, condition["message"])


    def assert_verified(self, name: str, completed: Json) -> None:
        """Some time after it was completed, and nothing else has changed."""
        status = wait_for("the digest", lambda: (s := self.status_of(name)).get("archiveDigest") and s, 60)
        archive = pathlib.Path(status["archivePath"]).read_bytes()
        self.assertEqual((status["archiveDigest"], status["sizeBytes"]),
                         (f"sha256:{hashlib.sha256(archive).hexdigest()}", len(archive)))
        self.assert_says(status, "Verified", "True", "ArchiveVerified")
        rest = {key: value for key, value in status.items() if key not in ("archiveDigest", "conditions")}
        self.assertEqual(rest, {key: value for key, value in completed.items() if key in rest})

    def pod_with_a_late_ghost(self) -> str:
        """It holds a deleted file from the POST on, whose answer is lost: the checks before it find nothing."""
        pod = self.pod(container("ctr", "sh", "-c", "until [ -e /tmp/go ]; do sleep 0.05; done; exec /bin/holder ghost 3072"))

        def choose(seen: Seen) -> Fault | None:
            if seen.method != "POST":
                return None
            self.cluster.kubectl("exec", pod, "-c", "ctr", "--", "touch", "/tmp/go")
            time.sleep(1)
            return Fault("cut")
        self.kubelet.choose = choose
        return pod


class Beforehand(NodeTest):
    def test_the_attempt_is_prepared(self) -> None:
        pod = self.pod(container("ctr"))
        nonce = self.assert_goes_on(pod, "ctr")
        name = self.ask(pod, "ctr")
        status = self.assert_completed(name)
        self.assertEqual(self.assert_goes_on(pod, "ctr"), nonce)
        record = self.last_record("checkpoint", "completed")
        self.assertEqual((record["attempt"], record["object"]["name"]), (status["attempt"]["uid"], name))
        self.assertEqual(status["recordID"], record["id"])
        self.assert_says(status, "PreflightPassed", "True", "ChecksPassed")
        self.assertIsNone(self.condition(status, "Recorded"))
        self.assertGreater(status["timings"]["dumpMilliseconds"], 0)
        self.assertEqual(len(self.kubelet.posts()), 1)
        self.assert_verified(name, status)

    def test_what_is_refused_is_not_frozen(self) -> None:
        """And the kubelet is not asked."""
        pod = self.pod(container("ctr", "/bin/holder", "ghost", "3072"))
        state = run("/usr/sbin/runc", "--root", "/run/runc", "state", self.id_of(pod, "ctr")).stdout
        freezer = freezer_of(json.loads(state)["pid"]) / "freezer.state"
        seen: set[str] = set()
        ended = threading.Event()

        def sample() -> None:
            while not ended.is_set():
                seen.add(freezer.read_text().strip())
        thread = threading.Thread(target=sample)
        thread.start()
        try:
            name = self.ask(pod, "ctr")
            status = self.assert_failed(name, "GhostTooLarge", "ghost_limit")
        finally:
            ended.set()
            thread.join()
        self.assertEqual(seen, {"THAWED"})
        self.assert_says(status, "PreflightPassed", "False", "GhostTooLarge")
        self.assertIn(("GhostTooLarge", "block"), [(check["id"], check["verdict"]) for check in status["checks"]])
        self.assertEqual((self.kubelet.posts(), self.records()), ([], []))

    def test_what_passes_is_awaited_without_a_request(self) -> None:
        pod = self.pod(container("tcp", "/bin/holder", "tcp-until", "/tmp/go"))
        self.output(pod, "tcp", 5)
        name = self.ask(pod, "tcp")
        wait_for("it is refused for now", lambda: self.status_of(name).get("reason") == "TcpEstablished", 20)
        self.assertEqual(self.kubelet.posts(), [])
        self.cluster.kubectl("exec", pod, "-c", "tcp", "--", "touch", "/tmp/go")
        self.assertGreater(self.assert_completed(name)["attempt"]["number"], 1)
        self.assertEqual(len(self.kubelet.posts()), 1)

    def test_dry_run(self) -> None:
        pod = self.pod(container("fine"), container("ghost", "/bin/holder", "ghost", "3072"))
        status = self.ended(self.ask(pod, "fine", dryRun=True))
        self.assertEqual((status["phase"], status["reason"], status["ready"]), ("Completed", "DryRunCompleted", False), status)
        self.assert_says(status, "PreflightPassed", "True", "ChecksPassed")
        self.assertNotIn("archivePath", status)
        status = self.assert_failed(self.ask(pod, "ghost", dryRun=True), "GhostTooLarge")
        self.assert_says(status, "PreflightPassed", "False", "GhostTooLarge")
        self.assertEqual((self.kubelet.posts(), self.records(), self.archives()), ([], [], []))

    def test_options_of_the_object(self) -> None:
        """A connection that is kept, where the node allows the pod to say so; else it is told that they are ignored."""
        pod = self.pod(container("ctr", "/bin/holder", "tcp", "connected"), container("fine"))
        status = self.assert_completed(self.ask(pod, "fine", options={"tcp": "close"}))
        self.assert_says(status, "PreflightPassed", "True", "ChecksPassed", "tcp")
        self.set_node('[annotations]\noptions = ["tcp"]\n')
        status = self.assert_completed(self.ask(pod, "ctr", options={"tcp": "close"}))
        self.assertIn("TcpEstablished", [check["id"] for check in status["checks"]])


class Without(NodeTest):
    def test_no_sidecar(self) -> None:
        """The checkpoint is made all the same, and says who is missing; who needs the sidecar waits for it."""
        pod = self.pod(container("one"), container("two"))
        self.without_sidecar()
        status = self.assert_completed(self.ask(pod, "one"))
        self.assert_says(status, "PreflightPassed", "Unknown", "NoSidecar", NODE, "refused", "systemctl status lpm-sidecar")
        self.assert_says(status, "Ready", "True", "CheckpointCompleted", "cannot be asked")
        self.assertEqual(len(self.kubelet.posts()), 1)
        waiting = self.ask(pod, "two", dryRun=True)
        wait_for("it waits", lambda: self.status_of(waiting).get("reason") == "NoSidecar", 20)
        self.assertEqual(self.status_of(waiting)["phase"], "Pending")
        self.with_sidecar()
        self.assertEqual(self.ended(waiting)["reason"], "DryRunCompleted")

    def test_no_right(self) -> None:
        pod = self.pod(container("ctr"))
        self.without_sidecar(["info"])
        status = self.assert_completed(self.ask(pod, "ctr"))
        self.assert_says(status, "PreflightPassed", "Unknown", "NoSidecar", "may not", "[clients]")

    def test_lpm_is_bypassed(self) -> None:
        pod = self.pod(container("ctr"))
        BYPASS.touch()
        self.addCleanup(BYPASS.unlink)
        status = self.assert_completed(self.ask(pod, "ctr"))
        self.assert_says(status, "Recorded", "False", "RuntimeBypassed", "/etc/lpm/bin/runc")
        self.assertEqual(self.records(), [])
        self.assertTrue(pathlib.Path(status["archivePath"]).exists())


class Afterwards(NodeTest):
    def newest(self) -> pathlib.Path:
        return self.archives()[-1]

    def cut_off(self) -> None:
        """Of the newest archive, as when CRI-O is killed while it writes."""
        os.truncate(self.newest(), self.newest().stat().st_size * 9 // 10)

    def test_a_connection_that_is_cut(self) -> None:
        """The checkpoint was taken, and nobody heard: it is settled, with one request in all."""
        pod = self.pod(container("ctr"))
        nonce = self.assert_goes_on(pod, "ctr")
        self.kubelet.choose = always(Fault("cut"))
        status = self.assert_completed(self.ask(pod, "ctr"))
        archive = pathlib.Path(status["archivePath"])
        self.assertEqual((archive, status["sizeBytes"]), (self.newest(), archive.stat().st_size))
        record = self.last_record("checkpoint", "completed")
        self.assertEqual((record["attempt"], record["id"]), (status["attempt"]["uid"], status["recordID"]))
        self.assertEqual((len(self.kubelet.posts()), status["attempt"]["number"]), (1, 1))
        self.assertEqual(self.assert_goes_on(pod, "ctr"), nonce)

    def test_an_archive_that_was_cut_off(self) -> None:
        """Whatever the kubelet says of it: never Completed."""
        pod = self.pod(container("ctr"))
        for number, kind in enumerate(("cut", "pass"), 1):
            with self.subTest(kind):
                self.kubelet.choose = always(Fault(kind, after=self.cut_off))
                self.assert_failed(self.ask(pod, "ctr"), "ArchiveTruncated", str(self.newest().parent) if number > 1 else ".tar")
                self.assertEqual(len(self.kubelet.posts()), number)

    def test_what_the_runtime_refuses_is_told_by_its_record(self) -> None:
        """Between the checks beforehand and the checkpoint something has come: the answer is lost, and the record is there."""
        pod = self.pod_with_a_late_ghost()
        status = self.assert_failed(self.ask(pod, "ctr"), "GhostTooLarge", "ghost_limit")
        self.assertEqual(status["recordID"], self.last_record("checkpoint", "refused")["id"])
        self.assertIn("ghost_limit", status["logExcerpt"])
        self.assertEqual(len(self.kubelet.posts()), 1)

    def test_the_next_controller_settles(self) -> None:
        """Killed before the answer came."""
        pod, taken = self.pod(container("ctr")), threading.Event()
        self.kubelet.choose = always(Fault("hang", hold=20, after=taken.set))
        name = self.ask(pod, "ctr")
        self.assertTrue(taken.wait(30))
        self.controller.end(9)
        self.controller.start()
        status = self.assert_completed(name, seconds=60)
        self.assertEqual((len(self.kubelet.posts()), status["attempt"]["number"]), (1, 1))
        self.assertEqual(status["archivePath"], str(self.newest()))

    def test_deletion_takes_the_archive(self) -> None:
        pod = self.pod(container("ctr"))
        names = [self.ask(pod, "ctr", deletionPolicy=policy) for policy in ("Delete", "Delete", "Retain")]
        archives = [pathlib.Path(self.assert_completed(name)["archivePath"]) for name in names]
        self.cluster.delete(CHECKPOINT, names[0])
        self.cluster.delete(CHECKPOINT, names[2])
        self.assertEqual([path.exists() for path in archives], [False, True, True])
        self.without_sidecar()
        self.cluster.delete(CHECKPOINT, names[1], wait=False)
        self.wait_reason(names[1], "ArchiveNotRemoved")
        self.assertIsNotNone(self.cluster.find(CHECKPOINT, names[1]))
        self.with_sidecar()
        wait_for("it is gone", lambda: self.cluster.find(CHECKPOINT, names[1]) is None, 60)
        self.assertEqual([path.exists() for path in archives], [False, False, True])
