# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a ContainerCheckpoint says when the way to a kubelet or to the API server goes wrong."""
import json
import threading

from answers import ANSWERS, DIRECTLY, PROXIED, text
from api import API_PORT, KUBELET_PORT
from controller import Controller, ControllerTest
from e2e import wait_for
from meddler import Deed, Detour, Meddler
from pki import Pki
from stand_in import StandInTest
from suite import container

DONE = text(200, '{"items":["/var/lib/kubelet/checkpoints/taken.tar"]}')
ROOMY = "[controller]\nper_node = 64\n"


class MeddledKubelet(ControllerTest):
    """The real one, behind a proxy."""

    def setUp(self):
        super().setUp()
        self.meddler = Meddler(self.cluster.pki, KUBELET_PORT)
        self.addCleanup(self.meddler.close)
        self.addCleanup(Detour(Controller.UID, KUBELET_PORT, self.meddler).close)

    def test_it_is_in_the_way(self):
        pod = self.pod(container("ctr"))
        self.assert_completed(self.ask(pod, "ctr"))
        self.assertEqual(len(self.meddler.posts()), 1)

    def test_an_answer_that_does_not_come(self):
        """Cut, hung and cut, cut half-way: the checkpoint was taken, and is asked for once. Lost: nobody was asked, which
        cannot be told from here."""
        pod = self.pod(container("ctr"))
        for number, deed in enumerate((Deed("cut"), Deed("hang", hold=3), Deed("half"), Deed("lose")), 1):
            with self.subTest(deed.kind):
                self.meddler.choose = lambda seen, deed=deed: deed
                status = self.assert_failed(self.ask(pod, "ctr"), "OutcomeUnknown", "look for the archive", "node1")
                self.assertEqual(status["attempt"]["number"], 1)
                self.assertEqual(len(self.meddler.posts()), number)
        self.assertEqual([record["outcome"] for record in self.records()], ["completed"] * 3)

    def test_the_kubelets_own_answer_to_a_request_that_came_otherwise(self):
        pod = self.pod(container("ctr"), container("done", "sh", "-c", "true"), restartPolicy="Never", wait=False)
        self.wait_ended(pod, "done")
        path, refused = f"/checkpoint/default/{pod}/ctr", "KubeletAnswerUnexpected"
        for ask, reason in (({"path": f"{path}?timeout=soon"}, "TimeoutInvalid"),
                            ({"path": f"{path}?timeout=-1"}, "TimeoutInvalid"),
                            ({"path": f"/checkpoint/default/{pod}/other"}, "ContainerNotFound"),
                            ({"path": f"/checkpoint/default/{pod}/done"}, "ContainerNotRunning"),
                            ({"path": "/checkpoint/default/none/ctr"}, "PodNotOnNode"),
                            ({"path": "/checkpoints/"}, "CheckpointApiDisabled"),
                            ({"Authorization": "Bearer none"}, "KubeletUnauthorized"), ({"method": "GET"}, refused)):
            with self.subTest(ask):
                self.meddler.choose = lambda seen, ask=ask: Deed(ask=ask)
                self.assert_failed(self.ask(pod, "ctr", timeoutSeconds=1), reason)
        self.assertEqual(self.records(), [])

    def wait_ended(self, pod, ctr):
        wait_for(f"{ctr} has ended and the others run", lambda: "terminated" in self.state_of(pod, ctr).get("state", ())
                 and "running" in self.state_of(pod, "ctr").get("state", ()))

    def held_while(self, change):
        """A checkpoint that comes to the kubelet only after `change(pod)`; the object."""
        pod, go = self.pod(container("ctr")), threading.Event()

        def choose(seen):
            if seen.method == "POST":
                go.wait(60)
        self.meddler.choose = choose
        name = self.ask(pod, "ctr")
        wait_for("it is asked for", self.meddler.posts)
        change(pod)
        go.set()
        return name

    def test_a_delay(self):
        name = self.held_while(lambda pod: None)
        self.assert_completed(name)

    def test_the_pod_is_deleted_under_way(self):
        name = self.held_while(lambda pod: self.cluster.delete({"apiVersion": "v1", "kind": "Pod"}, pod, 1))
        self.assert_failed(name, "PodNotFound", "pod not found")
        self.assertIn("PodNotOnNode", self.reasons(name))

    def test_the_pod_is_replaced_under_way(self):
        def replace(pod):
            self.cluster.delete({"apiVersion": "v1", "kind": "Pod"}, pod, 1)
            self.pod(container("ctr"), name=pod)
        status = self.assert_failed(self.held_while(replace), "PodReplaced", "whose memory", ".tar")
        self.assertIn(status["archivePath"], status["message"])
        self.last_record("checkpoint", "completed")


class KubeletAnswers(StandInTest):
    """All answers at once, each to a container of its own."""

    toml, more = ROOMY, DIRECTLY

    def test_every_answer(self):
        rows = [*ANSWERS, *self.more]
        deeds = {f"c{number}": deed for number, (deed, _) in enumerate(rows)}
        meddler = Meddler(self.cluster.pki, KUBELET_PORT, lambda seen: deeds[seen.path.partition("?")[0].rpartition("/")[2]],
                          names=("DNS:answers",))
        self.addCleanup(meddler.close)
        pod = self.pod_on(self.node("answers", meddler.port), *deeds)
        names = {ctr: self.ask(pod, ctr, timeoutSeconds=1) for ctr in deeds}
        for number, (deed, (reason, *words)) in enumerate(rows):
            with self.subTest(f"{deed.kind} {deed.status} {deed.body[:80]}"):
                self.assert_failed(names[f"c{number}"], reason, *words)
        self.assertEqual(len(meddler.posts()), len(rows))


class ProxiedAnswers(KubeletAnswers):
    """The API server hands them on, or says itself what it makes of them."""

    toml, more = f'{ROOMY}[kubelet]\nmode = "proxy"\n', PROXIED

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.use_proxy()

    def test_no_kubelet_and_no_node(self):
        """The connection is refused; the node has gone."""
        pod = self.pod_on(self.node("silent", 9), "ctr")
        self.assert_failed(self.ask(pod, "ctr", timeoutSeconds=1), "KubeletUnreachable", "silent", "dial tcp")
        pod = self.pod_on("gone", "ctr")
        self.assert_failed(self.ask(pod, "ctr"), "NodeNotFound", '"gone" not found')

    def test_a_certificate_that_the_api_server_does_not_trust(self):
        stranger = Meddler(Pki("/tmp/strange-pki"), KUBELET_PORT)
        self.addCleanup(stranger.close)
        pod = self.pod_on(self.node("strange", stranger.port), "ctr")
        self.assert_failed(self.ask(pod, "ctr"), "KubeletCertificateUntrusted", "strange", "serverTLSBootstrap",
                           "kubelet-certificate-authority")
        self.assertEqual(stranger.seen, [])


class MeddledApiServer(StandInTest):
    """The controller's own requests to the API server. The kubelet is none, and counts what it is asked."""

    toml = None

    def setUp(self):
        super().setUp()
        self.kubelet = Meddler(self.cluster.pki, KUBELET_PORT, lambda seen: DONE, names=("DNS:counting",))
        self.meddler = Meddler(self.cluster.pki, API_PORT)
        for one in (self.kubelet, self.meddler):
            self.addCleanup(one.close)
        self.running = self.start_controller(server=self.meddler.url, toml=ROOMY)
        self.addCleanup(self.running.end)
        self.pod_name = self.pod_on(self.node("counting", self.kubelet.port), *(f"c{number}" for number in range(16)))

    def assert_completes_once(self, number, **how):
        before = len(self.kubelet.posts())
        self.assert_completed(self.ask(self.pod_name, f"c{number}"), **how)
        self.assertEqual(len(self.kubelet.posts()), before + 1)

    def test_requests_that_fail(self):
        """Each kind of request, once in each way: the object completes, and its kubelet is asked once."""
        busy = (("Retry-After", "1"), ("Content-Type", "text/plain"))
        faults = {"429": Deed("answer", status=429, headers=busy, body=b"Too many requests"), "500": text(500, "no"),
                  "503": text(503, "{"), "lose": Deed("lose"), "cut": Deed("cut"), "half": Deed("half"),
                  "garbled": text(200, "garbled"), "raw": Deed("raw", body=b"garbled\r\n\r\n")}
        places = {("GET", "/pods/"), ("PATCH", "/containercheckpoints/"), ("POST", "/containercheckpointcontents"),
                  ("PATCH", "/containercheckpointcontents/"), ("POST", "/token")}
        for number, (kind, deed) in enumerate(faults.items()):
            with self.subTest(kind):
                left, lock = set(places), threading.Lock()

                def choose(seen, deed=deed, left=left, lock=lock):
                    with lock:
                        for method, part in left:
                            if seen.method == method and part in seen.path:
                                left.discard((method, part))
                                return deed
                    return None
                self.meddler.choose = choose
                self.assert_completes_once(number)
                self.assertLessEqual(left, {("POST", "/token")})

    def test_watches(self):
        """What is created while a watch is broken completes all the same."""
        gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}
        faults = {"lost": Deed("lose"), "410 in it": text(200, json.dumps(gone)), "410": text(410, "Expired"),
                  "garbled": text(200, '{"type":"ADDED","object":[}\n'), "half an event": Deed("half"),
                  "no object": text(200, '{"type":"ADDED","object":7}\n'), "hangs": Deed("hang", hold=3),
                  "429": text(429, "no")}
        for number, (kind, deed) in enumerate(faults.items()):
            with self.subTest(kind):
                left = [deed]

                def choose(seen, left=left):
                    ours = "/containercheckpoints?" in seen.path and "watch=1" in seen.path
                    return left.pop() if ours and left else None
                self.meddler.choose = choose
                self.meddler.cut_watches()
                wait_for("the fault", lambda left=left: not left, 20)
                self.assert_completes_once(number, seconds=30)
        self.assertIn("ContainerCheckpoints are not followed just now", self.running.last_words(400))
