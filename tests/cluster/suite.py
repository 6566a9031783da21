# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What the tests in tests/cluster share: one cluster for all of them, and pods that are gone when a test ends."""
import json
import os
import pathlib
import re
from collections.abc import Callable
from typing import Any

from api import ApiError
from cluster import CHECKPOINTS, Cluster, frozen, thaw
from e2e import SETTINGS, LpmTest, wait_for
from oci_image import push_checkpoint
from oci_spec import Json
from refusals import processes

POD = {"apiVersion": "v1", "kind": "Pod"}
WORKERS = {1: 4, 2: 6}  # processes for the tests of a turn: those of the second wait most of their time
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
RELEASE = "LPM_TEST_RELEASE"  # of the cluster: for workers
PODS: dict[str, str | None] = {}  # {id of a container: its pod}
CONTAINERS = pathlib.Path("/var/lib/containers/storage/overlay-containers")  # of CRI-O
CLUSTER: Cluster  # from open_suite() on, and in workers from the start
if IS_WORKER:
    CLUSTER = Cluster(os.environ[RELEASE]).connect()


def open_suite(flavour: str, results: pathlib.Path) -> None:
    global CLUSTER
    CLUSTER = Cluster(flavour)
    os.environ[RELEASE] = flavour
    try:
        CLUSTER.start()
    except BaseException:
        close_suite(results)
        raise


def close_suite(results: pathlib.Path) -> None:
    CLUSTER.keep_logs(results)
    CLUSTER.stop()


def container(name: str, *command: str, image: str = "lpm-programs", **more: Any) -> Json:
    return {"name": name, "image": image, "imagePullPolicy": "IfNotPresent",
            **({"command": list(command)} if command else {}), **more}


def pod_of(record: Json) -> str | None:
    """By what CRI-O keeps of the container while there is one, where the record does not say it (yet). None: nobody
    knows."""
    subject = record["container"]
    if "pod" in subject.get("names", {}):
        return str(subject["names"]["pod"])
    if subject["id"] not in PODS:
        try:
            config = json.loads((CONTAINERS / subject["id"] / "userdata/config.json").read_text())
        except OSError:
            return None
        PODS[subject["id"]] = config.get("annotations", {}).get("io.kubernetes.pod.name")
    return PODS[subject["id"]]


def read(path: pathlib.Path) -> str:
    """Of /proc: nothing when the process has ended."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


class ClusterTest(LpmTest):
    def setUp(self) -> None:
        super().setUp()
        self.cluster, self.admin = CLUSTER, CLUSTER.admin
        self.shown: set[tuple[str, str]] = set()  # (check, "told"): its text has reached the caller (tests/support/told)
        self.pods: list[str] = []
        self.uids: set[str] = set()
        self.addCleanup(self.remove_archives)
        self.addCleanup(self.nothing_is_frozen)
        self.addCleanup(self.remove_pods)

    def _callTestMethod(self, method: Callable[[], None]) -> None:  # unittest's; clean-ups cannot tell whether it failed
        try:
            method()
        except AssertionError:
            self.tell_of_failure()
            raise

    def tell_of_failure(self) -> None:
        """What there is of this test's pods: nobody could tell why it failed, once they are gone."""
        for program in ("lpm-gate", "runc", "criu"):
            for pid in processes(program):
                print(f"  {program} {pid}: {read(pathlib.Path(f'/proc/{pid}/cmdline')).split(chr(0))}")
        for record in self.records():
            told = {key: record.get(key) for key in ("operation", "state", "outcome", "result", "times", "notes")}
            print(f"  {record['container']['id']}: {json.dumps(told)}")
        for name in self.pods:
            for e in self.cluster.events_of(name):
                print(f"  {e['lastTimestamp']} {e['reason']}: {e['message']}")
            for s in self.status(name).get("containerStatuses", ()):
                print(f"  {s['name']}, {s['restartCount']} restarts: {s['state']} {self.lines_of(name, s['name'])[-5:]}")

    def remove_pods(self) -> None:
        """Their end is not awaited."""
        for name in self.pods:
            if pod := self.cluster.find(POD, name):
                self.uids.add(pod["metadata"]["uid"])
                self.cluster.delete(POD, name, 1, wait=False)

    def wait_for_other_pods(self) -> None:
        """Those of other tests are gone: for tests that note every call, or end a CRI-O that would end them meanwhile."""
        wait_for("pods of other tests are gone", lambda: not self.admin.get("/api/v1/namespaces/default/pods")["items"])

    def nothing_is_frozen(self) -> None:
        """Of the node, or of this test's pods when others are at work. Once what was under way has ended. Else it is
        thawed: the other tests have a right to their own result."""
        pods = self.uids if IS_WORKER else None
        try:
            wait_for("nothing is frozen", lambda: not frozen(pods), 10)
        except AssertionError:
            left = frozen(pods)
            thaw(left)
            self.fail(f"left frozen: {left}")

    def records(self) -> list[Json]:
        """Of this test's pods: calls for others may be under way."""
        return [r for r in super().records() if (pod := pod_of(r)) in self.pods or not (pod or IS_WORKER)]

    def archives(self) -> list[pathlib.Path]:
        """Of this test's pods, oldest first."""
        return self.cluster.archives(tuple(f"checkpoint-{pod}_" for pod in self.pods))

    def remove_archives(self) -> None:
        for path in self.archives() if IS_WORKER else CHECKPOINTS.glob("*.tar"):
            path.unlink()

    def set_node(self, text: str) -> None:
        """lpm.toml, until the test ends."""
        SETTINGS.write_text(text)
        self.addCleanup(SETTINGS.unlink, missing_ok=True)

    # Pods

    def pod(self, *containers: Json, name: str | None = None, annotations: dict[str, str] | None = None, wait: bool = True,
            **spec: Any) -> str:
        """Made, and Ready unless told not to wait; its name. Nobody says on which node."""
        words = re.sub("[^a-z0-9]+", "-", self.id().rpartition("test_")[2])[:40].strip("-")
        name = name or f"{words}-{os.urandom(2).hex()}"
        pod = {**POD, "metadata": {"name": name, "annotations": annotations or {}},
               "spec": {"terminationGracePeriodSeconds": 1, "containers": list(containers), **spec}}
        self.pods.append(name)
        self.uids.add(self.cluster.create(pod)["metadata"]["uid"])
        if wait:
            self.wait_ready(name)
        return name

    def status(self, name: str) -> Json:
        """Empty when there is no such pod."""
        status: Json = (self.cluster.find(POD, name) or {}).get("status", {})
        return status

    def is_ready(self, name: str) -> bool:
        return any(c["type"] == "Ready" and c["status"] == "True" for c in self.status(name).get("conditions", ()))

    def wait_ready(self, name: str, seconds: float = 90) -> None:
        wait_for(f"pod {name} is ready", lambda: self.is_ready(name), seconds)

    def state_of(self, name: str, ctr: str) -> Json:
        """containerStatuses of one container."""
        statuses = self.status(name).get("containerStatuses", ())
        return next((s for s in statuses if s["name"] == ctr), {})

    def id_of(self, name: str, ctr: str) -> str:
        return str(self.state_of(name, ctr)["containerID"]).removeprefix("cri-o://")

    def output(self, name: str, ctr: str, least: int = 1) -> list[str]:
        """The container's lines so far, once there are that many."""
        def lines() -> list[str] | None:
            found = self.lines_of(name, ctr)
            return found if len(found) >= least else None
        return wait_for(f"{least} lines of {name}/{ctr}", lines)

    def lines_of(self, name: str, ctr: str) -> list[str]:
        """Nothing while the kubelet does not know it, or not yet again."""
        try:
            text = self.admin.get(f"/api/v1/namespaces/default/pods/{name}/log", container=ctr)
        except ApiError:
            return []
        return text.splitlines() if isinstance(text, str) else []

    def assert_goes_on(self, name: str, ctr: str) -> str:
        """It counts on in the same memory; the nonce."""
        return self.assert_no_gap(self.output(name, ctr, len(self.output(name, ctr)) + 3))

    # Checkpoints

    def checkpoint(self, name: str, ctr: str, **how: Any) -> pathlib.Path:
        """One that has to work; the archive."""
        status, body = self.admin.checkpoint(name, ctr, **how)
        self.assertEqual(status, 200, body)
        items = json.loads(body)["items"]
        self.assertEqual(len(items), 1)
        return pathlib.Path(items[0])

    def image_of(self, archive: pathlib.Path, ctr: str) -> str:
        """The archive in the registry; what a pod calls it."""
        name = f"checkpoint-{os.urandom(4).hex()}"
        push_checkpoint(archive, f"library/{name}", ctr)
        return name
