# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-gate --answer: a running container is judged before anybody asks for its checkpoint."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import crio_archive
from crio_engine import Crio
from e2e import RECORDS, RUNTIME, SETTINGS, NodeTest, run, wait_for
from gate_socket import GATE, ask, preflight, verdicts

STORE = RECORDS.parent
NAMES = {"namespace": "shop", "pod": "web-1", "name": "counter"}


def named(uid: str = "uid-1") -> dict[str, str]:
    """Annotations as CRI-O has them of the container of NAMES."""
    return {"io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.name": "web-1", "io.kubernetes.pod.uid": uid,
            "io.kubernetes.container.name": "counter"}


class Preflight(NodeTest):
    def counter(self) -> str:
        cid = self.start("counter", "/bin/counter", annotations=named())
        self.lines(cid, 1)
        return cid

    def test_by_the_names_of_the_pod(self) -> None:
        for release in ("1.30", "1.36"):
            self.crio = Crio(release, RUNTIME, self.work / f"crio-{release}")
            cid = self.counter()
            record = preflight(**NAMES)
            self.assertEqual((record["container"]["id"], record["container"]["root"]), (cid, self.crio.runtime.root))
            self.assertEqual(record["container"]["names"]["pod_uid"], "uid-1")
            self.assertEqual(record["state"], "intent")
            self.assertNotIn("outcome", record)
            self.assertNotIn("block", verdicts(record).values(), record)
            self.assertEqual(verdicts(preflight(**NAMES, pod_uid="uid-1")), verdicts(record))
            self.assertEqual(self.records(), [], "nothing was asked for, and nothing is recorded")
            self.crio.kill(cid)
            self.crio.delete(cid)

    def test_one_that_is_not_there(self) -> None:
        cid = self.counter()
        for target in ({"id": cid, "namespace": "other"}, {**NAMES, "pod": "web-2"}, {**NAMES, "pod_uid": "uid-2"},
                       {"id": "0" * 64}, {**NAMES, "id": "0" * 64}):
            error = ask(verb="preflight", **target)["error"]
            self.assertEqual(error["code"], "absent", error)
            self.assertIn("is not on this node", error["text"])
        self.crio.kill(cid)
        error = ask(verb="preflight", **NAMES)["error"]
        self.assertEqual(error["text"], "container counter of pod shop/web-1 does not run")

    def test_nothing_stands_still(self) -> None:
        """The freezer is read all the time, and the counter goes on without a gap."""
        cid = self.counter()
        group = pathlib.Path(self.freezer(cid))
        seen: set[str] = set()
        done = threading.Event()

        def sample() -> None:
            while not done.is_set():
                seen.add((group / "freezer.state").read_text().strip())

        thread = threading.Thread(target=sample)
        thread.start()
        for _ in range(30):
            preflight(**NAMES)
        done.set()
        thread.join()
        self.assertEqual(seen, {"THAWED"})
        self.assert_no_gap(self.lines(cid, len(self.lines(cid)) + 2))

    def freezer(self, cid: str) -> str:
        state = json.loads(pathlib.Path(self.crio.runtime.root, cid, "state.json").read_text())
        return str(state["cgroup_paths"]["freezer"])

    def test_the_engine_of_which_it_is_judged(self) -> None:
        """CRIU is looked for on the PATH that CRI-O hands over, not on ours."""
        self.counter()
        done = subprocess.run([GATE, "--answer"], input=json.dumps({"verb": "preflight", **NAMES}), capture_output=True,
                              text=True, check=True, cwd="/", env={"PATH": "/nowhere"})
        record = json.loads(done.stdout)["record"]
        self.assertEqual(verdicts(record)["ToolingMissing"], "pass")
        self.assertTrue(os.access(record["criu"]["path"], os.X_OK))

    def test_requests_that_are_none(self) -> None:
        for text, words in (("", "json"), ("[]", "must be an object"), ('{"verb": "delete"}', "verb"),
                            ('{"verb": "preflight"}', "which container"), ('{"verb": "preflight", "id": "../x"}', "id"),
                            ('{"verb": "preflight", "pod": 1}', "pod"), (json.dumps({"verb": "x" * 70000}), "65536")):
            done = subprocess.run([GATE, "--answer"], input=text, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            error = json.loads(done.stdout)["error"]
            self.assertEqual(error["code"], "invalid", error)
            self.assertIn(words, error["text"])


class Peer(NodeTest):
    """Who may ask, on the socket."""

    def ask_as(self, uid: int, gid: int) -> dict[str, object]:
        path = f"/tmp/gate-{os.urandom(4).hex()}.sock"  # where others may come
        self.addCleanup(pathlib.Path(path).unlink)
        listener = subprocess.Popen(["/usr/bin/python3", "-c", LISTEN, path, GATE])
        self.addCleanup(listener.wait)
        self.addCleanup(listener.kill)
        done = subprocess.run(["/usr/bin/python3", "-c", CONNECT, path], capture_output=True, text=True, check=True,
                              user=uid, group=gid, extra_groups=[])
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def test_others_are_refused(self) -> None:
        error = self.ask_as(1000, 1000)["error"]
        assert isinstance(error, dict)
        self.assertEqual(error["code"], "denied")

    def test_the_group_of_the_store_may_ask(self) -> None:
        mode, owner = STORE.stat().st_mode, STORE.stat().st_gid
        self.addCleanup(os.chmod, STORE, mode)
        self.addCleanup(os.chown, STORE, 0, owner)
        os.chown(STORE, 0, 1000)
        error = self.ask_as(1000, 1000)["error"]
        assert isinstance(error, dict)
        self.assertEqual(error["code"], "denied", "the folder is not shared")
        os.chmod(STORE, 0o2750)
        error = self.ask_as(1000, 1000)["error"]
        assert isinstance(error, dict)
        self.assertEqual(error["code"], "absent", error)


LISTEN = """
import os, socket, subprocess, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
listener.listen()
while True:
    peer, _ = listener.accept()
    subprocess.run([sys.argv[2], "--answer"], stdin=peer, stdout=peer)
    peer.close()
"""
CONNECT = """
import socket, sys, time
asks = socket.socket(socket.AF_UNIX)
for _ in range(100):
    try:
        asks.connect(sys.argv[1])
        break
    except OSError:
        time.sleep(0.05)
asks.sendall(b'{"verb": "preflight", "id": "nobody"}')
asks.shutdown(socket.SHUT_WR)
text = b""
while chunk := asks.recv(65536):
    text += chunk
print(text.decode())
"""


class Prepare(NodeTest):
    """What is settled with the running container is in the record and the archive of the checkpoint that comes."""

    def setUp(self) -> None:
        super().setUp()
        self.hooks = pathlib.Path("/etc/lpm/checkpoint.d")
        self.addCleanup(shutil.rmtree, self.hooks, ignore_errors=True)
        self.said = self.work / "said"
        self.cid = self.start("counter", "/bin/counter", annotations=named())
        self.lines(self.cid, 1)

    def hook(self, point: str, name: str, when: str, script: str, on_failure: str = "abort") -> None:
        folder = self.hooks / point
        folder.mkdir(parents=True, exist_ok=True)
        program = self.hooks / f"{point}-{name}.sh"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        (folder / f"{name}.toml").write_text(f'path = "{program}"\nwhen = "{when}"\non_failure = "{on_failure}"\n')

    def prepare(self, **more: object) -> dict[str, Any]:
        return ask(**{"verb": "prepare", **NAMES, "attempt": "attempt-1",
                      "object": {"namespace": "shop", "name": "save", "uid": "o-1"}, **more})

    def taken(self, outcome: str = "completed") -> dict[str, Any]:
        archive = self.work / "archive.tar"
        archive.unlink(missing_ok=True)
        self.crio.checkpoint(self.cid, archive)
        return self.last_record("checkpoint", outcome)

    def test_attempt_and_object_are_in_the_archive(self) -> None:
        self.assertEqual(self.prepare()["record"]["attempt"], "attempt-1")
        self.assertEqual(self.status(self.cid), "running")
        self.assertEqual(self.records(), [])
        record = self.taken()
        self.assertEqual((record["attempt"], record["object"]),
                         ("attempt-1", {"namespace": "shop", "name": "save", "uid": "o-1"}))
        manifest = crio_archive.read_json(self.work / "archive.tar", "checkpoint/lpm.json")
        self.assertEqual((manifest["attempt"], manifest["object_namespace"], manifest["object_name"], manifest["object_uid"]),
                         ("attempt-1", "shop", "save", "o-1"))
        record = self.taken()
        self.assertNotIn("attempt", record, "it was taken once")

    def test_hooks_run_once_each_at_their_time(self) -> None:
        for name, when in (("save", "running"), ("note", "frozen")):
            self.hook("pre-checkpoint", name, when, f'echo "{name} $LPM_CONTAINER" >>{self.said}')
        self.hook("post-checkpoint", "tidy", "frozen", f'echo "tidy $LPM_OUTCOME" >>{self.said}')
        answer = self.prepare()["record"]
        self.assertEqual([(h["name"], h["outcome"]) for h in answer["hooks"]], [("save", "done")])
        self.assertEqual(self.said.read_text(), f"save {self.cid}\n")
        record = self.taken()
        self.assertEqual(self.said.read_text(), f"save {self.cid}\nnote {self.cid}\ntidy completed\n")
        self.assertEqual([(h["name"], h["outcome"]) for h in record["hooks"]],
                         [("save", "done"), ("note", "done"), ("tidy", "done")])
        self.assertEqual(verdicts(record)["HookSkipped"], "pass")
        # Without Prepare it is as before.
        record = self.taken()
        self.assertEqual(next(h["outcome"] for h in record["hooks"] if h["name"] == "save"), "skipped")
        self.assertEqual(verdicts(record)["HookSkipped"], "warn")

    def test_a_hook_that_fails_prepares_nothing(self) -> None:
        self.hook("pre-checkpoint", "save", "running", "echo the disk is full; exit 3")
        self.hook("post-checkpoint", "tidy", "running", f'echo "tidy $LPM_OUTCOME" >>{self.said}')
        result = self.prepare()["record"]["result"]
        self.assertEqual(result["code"], "HookFailed")
        self.assertIn("hook save: ended with status 3: the disk is full", result["message"])
        self.assertEqual(self.said.read_text(), "tidy refused\n")
        self.assertFalse(list(pathlib.Path("/run/lpm/prepared").glob(f"*/{self.cid}.json")))
        self.assertNotIn("attempt", self.taken())

    def test_what_would_be_refused_is_not_prepared(self) -> None:
        self.hook("pre-checkpoint", "save", "running", f"echo ran >>{self.said}")
        SETTINGS.write_text('[checks]\nHookSkipped = "block"\n')
        other = self.start("counter", "/bin/counter", annotations={**named("uid-2"), "lpm.my.domain/checkpoint": "never"})
        answer = ask(verb="prepare", id=other, attempt="attempt-1")["record"]
        self.assertEqual(answer["result"]["code"], "NeverCheckpoint")
        self.assertFalse(self.said.exists())
        self.assertFalse(list(pathlib.Path("/run/lpm/prepared").glob(f"*/{other}.json")))

    def test_it_is_good_for_a_time(self) -> None:
        self.hook("post-checkpoint", "tidy", "running", f'echo "tidy $LPM_OUTCOME" >>{self.said}')
        self.prepare(ttl_s=1)
        time.sleep(1.2)
        record = self.taken()
        self.assertNotIn("attempt", record)
        self.assertIn("what was prepared for a checkpoint is not used: it was good until an earlier time", record["notes"])
        self.assertFalse(self.said.exists())
        self.assertIn("attempt-1", run(GATE, "--rescue").stdout)
        self.assertEqual(self.said.read_text(), "tidy interrupted\n", "what was begun is undone")
        self.assertFalse(list(pathlib.Path("/run/lpm/prepared").glob(f"*/{self.cid}.json")))

    def test_a_refusal_undoes_what_was_prepared(self) -> None:
        self.hook("post-checkpoint", "tidy", "frozen", f'echo "tidy $LPM_OUTCOME" >>{self.said}')
        self.prepare()
        with self.refusing():
            self.crio.pause(self.cid)
            done = self.call("--root", self.crio.runtime.root, "checkpoint", "--image-path", self.work / "images", "--work-path",
                             self.work, "--leave-running", self.cid)
            self.crio.resume(self.cid)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.last_record("checkpoint", "refused")["attempt"], "attempt-1")
        self.assertEqual(self.said.read_text(), "tidy refused\n")

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """A debugger holds the container."""
        pid = self.crio.state(self.cid)["pid"]
        with subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", str(pid)]) as tracer:
            wait_for("it is traced", lambda: "TracerPid:\t0" not in pathlib.Path(f"/proc/{pid}/status").read_text())
            yield
            tracer.terminate()

    def test_another_attempt_has_to_wait(self) -> None:
        self.prepare()
        error = ask(verb="prepare", **NAMES, attempt="attempt-2")["error"]
        self.assertEqual(error["code"], "busy", error)
        self.assertEqual(self.taken()["attempt"], "attempt-1")
        self.assertEqual(ask(verb="prepare", **NAMES, attempt="attempt-2")["record"]["attempt"], "attempt-2")

    def test_the_same_attempt_again(self) -> None:
        """Who has not heard the answer asks again: hooks run once."""
        self.hook("pre-checkpoint", "save", "running", f"echo save >>{self.said}")
        first = self.prepare()["record"]
        self.assertEqual(self.prepare()["record"]["hooks"], first["hooks"])
        self.assertEqual(self.said.read_text(), "save\n")
        self.assertEqual(self.taken()["attempt"], "attempt-1")

    def test_the_next_attempt_of_the_object(self) -> None:
        """The checkpoint of the first never came: what it began is undone, and the next need not wait."""
        self.hook("pre-checkpoint", "save", "running", f"echo save >>{self.said}")
        self.hook("post-checkpoint", "tidy", "running", f'echo "tidy $LPM_OUTCOME" >>{self.said}')
        self.prepare()
        answer = ask(verb="prepare", **NAMES, attempt="attempt-2", object={"namespace": "shop", "name": "save", "uid": "o-1"})
        self.assertEqual(answer["record"]["attempt"], "attempt-2", answer)
        self.assertEqual(self.said.read_text(), "save\ntidy interrupted\nsave\n")
        self.assertEqual(self.taken()["attempt"], "attempt-2")

    def test_a_paused_container(self) -> None:
        self.hook("pre-checkpoint", "save", "running", f"echo ran >>{self.said}")
        self.crio.pause(self.cid)
        error = self.prepare()["error"]
        self.crio.resume(self.cid)
        self.assertEqual(error["code"], "busy", error)
        self.assertFalse(self.said.exists())

    def test_preflight_tells_of_hooks_that_will_be_skipped(self) -> None:
        self.hook("pre-checkpoint", "save", "running", "exit 0")
        self.assertEqual(verdicts(preflight(**NAMES))["HookSkipped"], "warn")
        self.assertEqual(verdicts(self.prepare()["record"])["HookSkipped"], "pass")

    def test_options_as_far_as_the_node_allows(self) -> None:
        answer = self.prepare(options={"tcp": "close"})["record"]
        self.assertIn("tcp=close", " ".join(answer["notes"]))
        SETTINGS.write_text('[annotations]\noptions = ["tcp"]\n')
        answer = self.prepare(attempt="attempt-2", options={"tcp": "close"})["record"]
        self.assertEqual(answer.get("notes", []), [])
        self.assertIn("tcp-close", " ".join(self.taken()["invocation"]["additions"]))
        self.assertNotIn("tcp-close", " ".join(self.taken()["invocation"]["additions"]))
