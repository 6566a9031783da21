# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a ContainerCheckpoint says when the way to a kubelet or to the API server goes wrong."""
import functools
import json
import threading
import time
from collections.abc import Callable

import pytest
from api import API_PORT, KUBELET_PORT
from controller import LABEL, UID
from deployed import CONTENT
from e2e import wait_for
from fake_nodes import FakeNodeTest
from faulty_proxy import Fault, FaultyProxy, Redirect, Seen, always, pass_all
from kubelet_answers import ANSWERS, DIRECTLY, PROXIED, Says, text
from pki import Pki
from suite import container

DONE = text(200, '{"items":["/var/lib/kubelet/checkpoints/taken.tar"]}')
ROOMY = "[controller]\nper_node = 64\n"


def container_of(seen: Seen) -> str:
    return seen.path.partition("?")[0].rpartition("/")[2]


@pytest.mark.parallel(turn=2)
@pytest.mark.xdist_group("FaultyKubelet")
class FaultyKubelet(FakeNodeTest):
    """The real one, behind a proxy."""

    toml, labelled = ROOMY, True

    def setUp(self) -> None:
        super().setUp()
        self.proxy = FaultyProxy(self.cluster.pki, KUBELET_PORT)
        self.addCleanup(Redirect(UID, KUBELET_PORT, self.proxy).close)
        self.addCleanup(self.proxy.close)  # first: what ends a connection takes the redirection, too

    def test_it_is_in_the_way(self) -> None:
        pod = self.pod(container("ctr"))
        self.assert_completed(self.ask(pod, "ctr"))
        self.assertEqual(len(self.proxy.posts()), 1)

    def test_an_answer_that_does_not_come(self) -> None:
        """Cut, hung and cut, cut half-way: the checkpoint was taken, and is asked for once. Lost: nobody was asked, which
        cannot be told from here."""
        pod = self.pod(container("ctr"))
        for number, fault in enumerate((Fault("cut"), Fault("hang", hold=3), Fault("half"), Fault("lose")), 1):
            with self.subTest(fault.kind):
                self.proxy.choose = always(fault)
                status = self.assert_failed(self.ask(pod, "ctr"), "OutcomeUnknown", "look for the archive", "node1")
                self.assertEqual(status["attempt"]["number"], 1)
                self.assertEqual(len(self.proxy.posts()), number)
        self.assertEqual([record["outcome"] for record in self.records()], ["completed"] * 3)

    def test_a_connection_for_each_request(self) -> None:
        """A kept one may have ended, and nobody could tell then whether the request has arrived."""
        pod = self.pod(container("ctr"))
        before = len(self.proxy.posts())
        self.proxy.choose = pass_all
        for _ in range(2):
            self.assert_completed(self.ask(pod, "ctr"))
        first, second = self.proxy.posts()[before:]
        self.assertNotEqual(first.client, second.client)

    def is_in(self, state: str, pod: str, ctr: str) -> bool:
        return state in self.state_of(pod, ctr).get("state", ())

    def test_its_own_answer_to_a_request_that_came_otherwise(self) -> None:
        """All at once: containers of a pod that there is not, whose requests come to the kubelet as others."""
        pod = self.pod(container("ctr"), container("done", "sh", "-c", "true"), restartPolicy="Never", wait=False)
        for ctr, state in (("ctr", "running"), ("done", "terminated")):
            wait_for(f"{ctr} is {state}", functools.partial(self.is_in, state, pod, ctr))
        path = f"/checkpoint/default/{pod}"
        rows = [({"path": f"{path}/ctr?timeout=soon"}, "TimeoutInvalid"), ({"path": f"{path}/ctr?timeout=-1"}, "TimeoutInvalid"),
                ({"path": f"{path}/other"}, "ContainerNotFound"), ({"path": f"{path}/done"}, "ContainerNotRunning"),
                ({"path": "/checkpoint/default/none/ctr"}, "PodNotOnNode"), ({"path": "/checkpoints/"}, "CheckpointApiDisabled"),
                ({"path": f"{path}/ctr", "Authorization": "Bearer none"}, "KubeletUnauthorized"),
                ({"path": f"{path}/ctr", "method": "GET"}, "KubeletForbidden")]  # a verb that it may not either
        faults = {f"c{number}": Fault(ask=ask) for number, (ask, _) in enumerate(rows)}
        other = FaultyProxy(self.cluster.pki, KUBELET_PORT, lambda seen: faults[container_of(seen)], names=("DNS:changed",))
        self.addCleanup(other.close)
        asking = self.pod_on(self.node("changed", other.port), *faults)
        names = [self.ask(asking, ctr, timeoutSeconds=1) for ctr in faults]
        for name, (ask, reason) in zip(names, rows):
            with self.subTest(ask):
                self.assert_failed(name, reason)
        self.assertEqual(self.records(), [])

    def held_while(self, change: Callable[[str], object]) -> str:
        """A checkpoint that comes to the kubelet only after `change(pod)`; the object."""
        pod, go = self.pod(container("ctr")), threading.Event()

        def choose(seen: Seen) -> None:
            if seen.method == "POST":
                go.wait(60)
        self.proxy.choose = choose
        name = self.ask(pod, "ctr")
        wait_for("it is asked for", self.proxy.posts)
        change(pod)
        go.set()
        return name

    def test_a_delay(self) -> None:
        name = self.held_while(lambda pod: None)
        self.assert_completed(name)

    def test_the_pod_is_deleted_under_way(self) -> None:
        name = self.held_while(lambda pod: self.cluster.delete({"apiVersion": "v1", "kind": "Pod"}, pod, 1))
        self.assert_failed(name, "PodNotFound", "pod not found")
        self.assertIn("PodNotOnNode", self.reasons(name))

    def test_the_pod_is_replaced_under_way(self) -> None:
        def replace(pod: str) -> None:
            self.cluster.delete({"apiVersion": "v1", "kind": "Pod"}, pod, 1)
            self.pod(container("ctr"), name=pod)
        status = self.assert_failed(self.held_while(replace), "PodReplaced", "whose memory", ".tar")
        self.assertIn(status["archivePath"], status["message"])
        self.last_record("checkpoint", "completed")


class AnswersTest(FakeNodeTest):
    labelled = True

    def assert_says(self, rows: list[Says]) -> None:
        """All at once, each to a container of its own."""
        name = type(self).__name__.lower()
        faults = {f"c{number}": fault for number, (fault, _) in enumerate(rows)}
        proxy = FaultyProxy(self.cluster.pki, KUBELET_PORT, lambda seen: faults[container_of(seen)],
                          names=(f"DNS:{name}",))
        self.addCleanup(proxy.close)
        pod = self.pod_on(self.node(name, proxy.port), *faults)
        names = {ctr: self.ask(pod, ctr, timeoutSeconds=1) for ctr in faults}
        for number, (fault, (reason, *words)) in enumerate(rows):
            with self.subTest(f"{fault.kind} {fault.status} {fault.body[:80]!r}"):
                self.assert_failed(names[f"c{number}"], reason, *words)
        self.assertEqual(len(proxy.posts()), len(rows))


@pytest.mark.parallel(turn=2)
@pytest.mark.xdist_group("KubeletAnswers")
class KubeletAnswers(AnswersTest):
    toml = ROOMY

    def test_every_answer(self) -> None:
        self.assert_says([*ANSWERS, *DIRECTLY])


@pytest.mark.parallel(turn=2)
@pytest.mark.xdist_group("proxy")
class ProxiedAnswers(AnswersTest):
    """The API server hands them on, or says itself what it makes of them."""

    toml = f'{ROOMY}[kubelet]\nmode = "proxy"\n'

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.use_proxy()

    def test_every_answer_through_the_api_server(self) -> None:
        self.assert_says([*ANSWERS, *PROXIED])

    def test_no_kubelet_and_no_node(self) -> None:
        """The connection is refused; the node has gone."""
        pod = self.pod_on(self.node("silent", 9), "ctr")
        self.assert_failed(self.ask(pod, "ctr", timeoutSeconds=1), "KubeletUnreachable", "silent", "dial tcp")
        pod = self.pod_on("gone", "ctr")
        self.assert_failed(self.ask(pod, "ctr"), "NodeNotFound", '"gone" not found')

    def test_a_certificate_that_the_api_server_does_not_trust(self) -> None:
        stranger = FaultyProxy(Pki("/tmp/strange-pki").create(), KUBELET_PORT)
        self.addCleanup(stranger.close)
        pod = self.pod_on(self.node("strange", stranger.port), "ctr")
        self.assert_failed(self.ask(pod, "ctr"), "KubeletCertificateUntrusted", "strange", "serverTLSBootstrap",
                           "kubelet-certificate-authority")
        self.assertEqual(stranger.seen, [])


@pytest.mark.parallel(turn=2)
class FaultyApiServer(FakeNodeTest):
    """The controller's own requests to the API server. The kubelet is none, and counts what it is asked."""

    toml, labelled = None, True

    def setUp(self) -> None:
        super().setUp()
        self.counting = f"counting-{self.label}"
        self.kubelet = FaultyProxy(self.cluster.pki, KUBELET_PORT, always(DONE), names=(f"DNS:{self.counting}",))
        self.proxy = FaultyProxy(self.cluster.pki, API_PORT, label=f"{LABEL}={self.label}")
        for one in (self.kubelet, self.proxy):
            self.addCleanup(one.close)
        self.running = self.start_controller(server=self.proxy.url, toml=ROOMY, label=self.label)
        self.addCleanup(self.running.end)
        self.node(self.counting, self.kubelet.port)

    def posts_for(self, pod: str) -> int:
        return sum(f"/{pod}/" in one.path for one in self.kubelet.posts())

    def test_requests_that_fail(self) -> None:
        """Each kind of request, once in each way: the object completes, and its kubelet is asked once."""
        busy = (("Retry-After", "1"), ("Content-Type", "text/plain"))
        faults = {"429": Fault("answer", status=429, headers=busy, body=b"Too many requests"), "500": text(500, "no"),
                  "503": text(503, "{"), "lose": Fault("lose"), "cut": Fault("cut"), "half": Fault("half"),
                  "garbled": text(200, "garbled"), "raw": Fault("raw", body=b"garbled\r\n\r\n")}
        places = {("GET", "/pods/"), ("PATCH", "/containercheckpoints/"), ("POST", "/containercheckpointcontents"),
                  ("PATCH", "/containercheckpointcontents/")}
        pods = {kind: self.pod_on(self.counting, "ctr") for kind in faults}
        left, lock = {kind: set(places) for kind in faults}, threading.Lock()

        def choose(seen: Seen) -> Fault | None:
            with lock:
                for kind, pod in pods.items():
                    for method, part in left[kind]:
                        if seen.method == method and part in seen.path and pod in seen.path + seen.body.decode():
                            left[kind].discard((method, part))
                            return faults[kind]
            return None
        self.proxy.choose = choose
        names = {kind: self.ask(pod, "ctr") for kind, pod in pods.items()}
        for kind, name in names.items():
            with self.subTest(kind):
                content = self.assert_completed(name)["boundContentName"]
                self.assertIs(self.cluster.get(CONTENT, content)["status"]["ready"], True)
                self.assertEqual((left[kind], self.posts_for(pods[kind])), (set(), 1))

    def assert_followed_after(self, fault: Fault) -> None:
        """A watch that ends so is begun again."""
        pod, left = self.pod_on(self.counting, "ctr"), [fault]

        def choose(seen: Seen) -> Fault | None:
            ours = "/containercheckpoints?" in seen.path and "watch=1" in seen.path
            return left.pop() if ours and left else None
        self.proxy.choose = choose
        time.sleep(1.1)  # one that ends sooner is taken for a fault by itself
        self.proxy.end_watches()
        wait_for("the fault", lambda: not left, 20)
        self.assert_completed(self.ask(pod, "ctr"), seconds=30)
        self.assertEqual(self.posts_for(pod), 1)

    @pytest.mark.long
    def test_watches(self) -> None:
        """What is created while a watch is broken completes all the same."""
        gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}
        faults = {"lost": Fault("lose"), "410 in it": text(200, json.dumps(gone)), "half an event": Fault("half"),
                  "garbled": text(200, '{"type":"ADDED","object":[}\n'), "hangs": Fault("hang", hold=2)}
        for kind, fault in faults.items():
            with self.subTest(kind):
                self.assert_followed_after(fault)
        self.assertIn("ContainerCheckpoints are not followed just now", self.running.last_words(400))
