# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The controller killed at each of its requests, two controllers at once, and one that is told to end while it works."""
import itertools
import json
import os
import pathlib
import signal
import threading
import time
from collections.abc import Callable

import pytest
from api import API_PORT, KUBELET_PORT, ApiError
from cluster import frozen
from controller import LABEL, LEASES, TERMINAL, UID, Controller, ControllerTest, lease_of
from deployed import CHECKPOINT
from e2e import wait_for
from faulty_proxy import Fault, FaultyProxy, Redirect, Seen, always, pass_all
from oci_spec import Json
from suite import container

KINDS = ("checkpoint", "events", "token", "pods", "containercheckpoints", "containercheckpointcontents", "nodes",
         "customresourcedefinitions")
BETWEEN = 1.2  # archives of one container: the kubelet names them by the second


class Killer:
    """Ends a controller at one of its requests, of those to the API server and to kubelets together; Events are counted
    by themselves, as they are sent beside the work. The Lease is left out: two controllers at once are below."""

    victim: Controller  # once it has begun

    def __init__(self) -> None:
        self.lock, self.killed = threading.Lock(), threading.Event()
        self.at: int | None = None
        self.events: bool | None = None
        self.count, self.sent_on, self.has_posted = 0, False, False
        self.seen: list[str] = []
        self.where, self.follows = "nowhere", 0  # two kinds, and then it asks for nothing more by itself

    def arm(self, at: int, events: bool, sent_on: bool) -> None:
        with self.lock:
            self.killed.clear()
            self.events = events
            self.at, self.sent_on, self.count, self.seen, self.where = at, sent_on, 0, [], "nowhere"

    def choose(self, seen: Seen) -> Fault | None:
        if seen.path.startswith(LEASES):
            return None
        with self.lock:
            self.count += (counts := seen.path.endswith("/events") == self.events)
            self.follows += "watch=1" in seen.path
            place = seen.path.partition("?")[0].split("/")
            self.seen.append(f"{seen.method} " + next((part for part in KINDS if part in place), "other")
                             + "/status" * (place[-1] == "status"))
            if seen.path.startswith("/checkpoint/"):
                self.has_posted = True  # so it knows the node and has a token
            if not counts or self.count != self.at:
                return None
            self.where = self.seen[-1]
        if self.sent_on:
            return Fault("cut", after=self.kill)
        self.kill()
        return Fault("lose")

    def kill(self) -> None:
        self.killed.set()
        self.follows, self.has_posted = 0, False
        os.kill(self.victim.process.pid, signal.SIGKILL)
        self.victim.process.wait()


class Several(ControllerTest):
    """Each test has controllers of its own."""

    toml = None

    def setUp(self) -> None:
        super().setUp()
        self.lease = f"{LEASES}/{lease_of(self.label)}"
        self.addCleanup(self.forget_lease)

    def begin(self, name: str, server: str | None = None, leads: bool = True) -> Controller:
        """A controller, ended with the test if it has not ended before."""
        controller = Controller(name, server=server or (self.front.url if self.front else None), label=self.label)
        self.addCleanup(lambda: controller.ended() or controller.end(signal.SIGKILL))
        controller.start()
        if leads:
            wait_for(f"{name} leads", lambda: controller.is_ready() or controller.ended(), 60)
        self.assertFalse(controller.ended(), controller.last_words())
        return controller

    def holder(self) -> str:
        status, text = self.admin.request("GET", self.lease)
        return str(json.loads(text)["spec"].get("holderIdentity", "")) if status == 200 else ""

    def forget_lease(self) -> None:
        self.admin.request("DELETE", self.lease)

    def wait_exit(self, controller: Controller, seconds: float = 30) -> int:
        wait_for(f"{controller.name} ends", controller.ended, seconds)
        return controller.process.wait()


class FaultyConnections(Several):
    """With something in front of the API server and something in front of the kubelet."""

    labelled = True

    def setUp(self) -> None:
        super().setUp()
        self.api = FaultyProxy(self.cluster.pki, API_PORT, label=f"{LABEL}={self.label}")
        self.addCleanup(self.api.close)
        self.kubelet = FaultyProxy(self.cluster.pki, KUBELET_PORT)
        self.addCleanup(Redirect(UID, KUBELET_PORT, self.kubelet).close)
        self.addCleanup(self.kubelet.close)


@pytest.mark.parallel(turn=2)
@pytest.mark.long
class KilledAtEachRequest(FaultyConnections):
    CONTAINERS = ("one", "two", "three")  # taken by turns

    def setUp(self) -> None:
        super().setUp()
        self.killer = Killer()
        self.api.choose = self.kubelet.choose = self.killer.choose
        self.victim = self.killer.victim = self.begin("lpm-controller-killed", self.api.url)
        wait_for("it follows both kinds", lambda: self.killer.follows >= 2, 10)
        self.target = self.pod(*(container(name) for name in self.CONTAINERS))
        self.turns = itertools.cycle(self.CONTAINERS)
        self.taken = dict.fromkeys(self.CONTAINERS, 0.0)  # when it was asked for last

    def until(self, what: str, condition: Callable[[], object]) -> None:
        """And the next controller begins when this one is killed. It would wait for its predecessor's Lease to run out."""
        def holds() -> object:
            if self.victim.ended():
                self.assertTrue(self.killer.killed.is_set(), self.victim.last_words())
                self.forget_lease()
                self.victim.start()
            return condition()
        try:
            wait_for(what, holds, 40)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.killer.seen}\n{self.victim.last_words()}") from None

    def content_of(self, uid: str) -> list[Json]:
        found: list[Json] = self.admin.get("/apis/lpm.my.domain/v1/containercheckpointcontents")["items"]
        return [one for one in found if one["spec"]["containerCheckpointRef"]["uid"] == uid]

    def life(self, policy: str) -> Json:
        """Of one object, from its creation to its end: what it said."""
        ctr = next(self.turns)
        time.sleep(max(0.0, self.taken[ctr] + BETWEEN - time.monotonic()))
        name = self.ask(self.target, ctr, deletionPolicy=policy)
        self.until(f"{name} is terminal", lambda: self.status_of(name).get("phase") in TERMINAL)
        self.taken[ctr] = time.monotonic()
        thing = self.cluster.get(CHECKPOINT, name)
        status: Json = thing["status"]
        contents = self.content_of(thing["metadata"]["uid"])
        if status["phase"] == "Failed":
            self.assertEqual((status["reason"], contents), ("OutcomeUnknown", []), status)
        else:
            self.assertEqual((status["phase"], status["ready"], len(contents)), ("Completed", True, 1), status)
            content = contents[0]
            self.assertEqual(content["metadata"]["name"], status["boundContentName"])
            self.assertEqual(content["spec"]["artifactURI"], f"file://{status['archivePath']}")
            self.assertIs(content.get("status", {}).get("ready"), True, content)
            self.assertTrue(pathlib.Path(status["archivePath"]).exists())
        self.assertEqual(frozen(self.uids), [])
        self.cluster.delete(CHECKPOINT, name, wait=False)
        self.until(f"{name} is gone", lambda: self.cluster.find(CHECKPOINT, name) is None)
        time.sleep(0.3)  # the last Event is sent beside the work
        self.assertEqual(len(self.content_of(thing["metadata"]["uid"])), len(contents) if policy == "Retain" else 0)
        self.assertEqual(status["attempt"]["number"], 1)
        self.assertIn(self.killer.seen.count("POST checkpoint"), (1,) if status["phase"] == "Completed" else (0, 1))
        return status

    def sweep(self, policy: str, sent_on: bool) -> None:
        """At the first request, the second, and so on, until it has nothing more to ask; then at its Events."""
        ends = []
        for events, at in itertools.product((False, True), range(1, 30)):
            if at > 1 and not self.killer.killed.is_set():
                continue
            if self.killer.has_posted:  # each begins with a controller that knows nothing, and asks for the same
                self.killer.kill()
                self.until("the next follows", lambda: self.killer.follows >= 2)
            self.killer.arm(at, events, sent_on)
            with self.subTest(at=at):
                status = self.life(policy)
                ends.append((self.killer.where, status["phase"]))
            if self.killer.killed.is_set():
                self.until("the next follows", lambda: self.killer.follows >= 2)
        self.assertFalse(self.killer.killed.is_set(), self.killer.seen)
        print(f"  {policy}, killed {'after' if sent_on else 'before'} it is sent on: {', '.join(map(' '.join, ends))}",
              flush=True)
        self.assertEqual({phase for _, phase in ends}, {"Completed", "Failed"})
        self.assertLessEqual({"GET pods", "GET nodes", "POST token", "POST checkpoint", "POST containercheckpointcontents",
                              "PATCH containercheckpoints/status", "PATCH containercheckpointcontents/status"},
                             {where for where, _ in ends})

    def test_before_it_is_sent_on(self) -> None:
        self.sweep("Retain", False)

    def test_after_it_is_sent_on(self) -> None:
        self.sweep("Retain", True)

    def test_before_it_is_sent_on_with_a_finalizer(self) -> None:
        self.sweep("Delete", False)

    def test_after_it_is_sent_on_with_a_finalizer(self) -> None:
        self.sweep("Delete", True)


@pytest.mark.parallel(turn=2)
class TwoAtOnce(FaultyConnections):
    def wait_waits(self, controller: Controller) -> None:
        wait_for("it waits", lambda: controller.page("/readyz") == (200, "waits for the Lease\n"), 20)

    @pytest.mark.long
    def test_who_holds_the_lease_acts(self) -> None:
        """Killed, its time has to run out; told to end, the other follows at once."""
        first = self.begin("lpm-controller-a")
        held = self.holder()
        second = self.begin("lpm-controller-b", leads=False)
        self.wait_waits(second)
        pod = self.pod(container("ctr"))
        self.assertEqual(self.assert_completed(self.ask(pod, "ctr"))["attempt"]["holder"], held)
        first.end(signal.SIGKILL)
        began, waiting = time.monotonic(), self.ask(pod, "ctr")
        status = self.assert_completed(waiting)
        after = time.monotonic() - began
        self.assertEqual(status["attempt"]["holder"], self.holder())
        self.assertNotEqual(self.holder(), held)
        self.assertTrue(11 < after < 30, after)
        first.start()
        self.wait_waits(first)
        self.assertEqual(second.end(), 0)
        began = time.monotonic()
        wait_for("the first leads again", first.is_ready, 8)
        print(f"  killed: done by the other after {after:.1f} s; ended: after {time.monotonic() - began:.1f} s", flush=True)
        self.assert_completed(self.ask(pod, "ctr"))
        self.assertEqual(len(self.kubelet.posts()), 3)

    def test_another_has_taken_it(self) -> None:
        controller = self.begin("lpm-controller-a")
        while True:
            lease = self.admin.get(self.lease)
            lease["spec"]["holderIdentity"] = "another"
            try:
                self.admin.call("PUT", self.lease, lease)
                break
            except ApiError as error:
                self.assertEqual(error.status, 409)
        self.assertEqual(self.wait_exit(controller, 8), 1)
        self.assertIn("the Lease is lost", controller.last_words())
        self.assertEqual(self.holder(), "another")

    def unreachable(self, fault: Fault) -> None:
        """The first ends before the second can act, and that does not take longer than it must."""
        first = self.begin("lpm-controller-a", self.api.url)
        second = self.begin("lpm-controller-b", leads=False)
        held, renewed = self.holder(), [time.monotonic()]
        self.wait_waits(second)

        def choose(seen: Seen) -> None:
            if seen.path.startswith(LEASES):
                renewed.append(time.monotonic())
        self.api.choose = choose
        wait_for("it is renewed", lambda: len(renewed) > 2, 10)
        self.api.choose = always(fault)
        self.assertEqual(self.wait_exit(first, 20), 1)
        after = time.monotonic() - renewed[-1]
        self.assertEqual(self.holder(), held)
        self.assertLess(after, 12)
        wait_for("the other leads", second.is_ready, 25)
        print(f"  ended {after:.1f} s after its last renewal; the other leads after "
              f"{time.monotonic() - renewed[-1]:.1f} s", flush=True)

    @pytest.mark.long
    def test_the_api_server_cannot_be_reached(self) -> None:
        self.unreachable(Fault("lose"))

    @pytest.mark.long
    def test_the_api_server_hangs(self) -> None:
        self.unreachable(Fault("lose", delay=60))

    def test_the_api_server_is_slow(self) -> None:
        """Each request that it answers at all comes late, and renewals are refused."""
        def choose(seen: Seen) -> Fault | None:
            if seen.path.startswith(LEASES):
                return Fault(delay=3.5) if seen.method == "GET" else Fault("lose", delay=3.5)
            return None
        first = self.begin("lpm-controller-a", self.api.url)
        last = time.monotonic()
        self.api.choose = choose
        self.assertEqual(self.wait_exit(first, 20), 1)
        after = time.monotonic() - last
        print(f"  ended {after:.1f} s after its last renewal at the latest", flush=True)
        self.assertLess(after, 12)


@pytest.mark.parallel(turn=2)
class ToldToEnd(FaultyConnections):
    def test_while_a_request_is_under_way(self) -> None:
        """Its answer is awaited and written; nothing begins meanwhile, and the next controller does the rest."""
        pod = self.pod(container("one"), container("two"))
        answer = threading.Event()

        def choose(seen: Seen) -> None:
            answer.wait(60)
        self.kubelet.choose = choose
        first = self.begin("lpm-controller-a")
        held, under_way = self.holder(), self.ask(pod, "one")
        wait_for("it is under way", self.kubelet.posts, 20)
        first.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        later = self.ask(pod, "two")
        time.sleep(3)
        self.assertIn(self.status_of(later).get("phase", "Pending"), ("Pending",))
        self.assertFalse(first.ended())
        answer.set()
        self.assertEqual(self.wait_exit(first), 0)
        status = self.status_of(under_way)
        self.assertEqual((status["phase"], status["attempt"]["holder"]), ("Completed", held), status)
        self.assertNotIn("attempt", self.status_of(later))
        self.assertEqual((self.holder(), len(self.kubelet.posts())), ("", 1))
        self.kubelet.choose = pass_all
        self.begin("lpm-controller-b")
        self.assertNotEqual(self.assert_completed(later)["attempt"]["holder"], held)
        self.assertEqual(len(self.kubelet.posts()), 2)
