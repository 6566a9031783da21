# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-sidecar on a node with containers: what it serves is what the gate has kept, and what it would say."""
import json
import os
import pathlib
import signal
import subprocess
import sys

from e2e import RECORDS
from gate_socket import preflight, verdicts
from sidecar_case import ANNOTATIONS, NAMES, NODE_API, SidecarTest

AS_NOBODY = """
import importlib, sys
sys.path.insert(0, "/opt/lpm/tests/support")
api = importlib.import_module("node_api")
try:
    api.Client(sys.argv[1]).GetNodeInfo(timeout=5)
except api.grpc.RpcError as error:
    print(error.code().name)
"""


class Records(SidecarTest):
    flavours = ("trixie",)

    def test_a_record_is_what_the_gate_has_kept(self) -> None:
        kept = self.taken(self.counter())
        record = self.api.GetRecord(id=kept["id"])
        self.assertEqual((record.id, record.state, record.operation, record.outcome),
                         (kept["id"], "final", "checkpoint", "completed"))
        self.assertEqual({c.id: c.verdict for c in record.checks}, verdicts(kept))
        self.assertEqual(dict(record.container.names), kept["container"]["names"])
        self.assertEqual(dict(record.stats), kept["stats"])
        self.assertEqual(list(record.argv), kept["invocation"]["argv"])
        self.assertEqual((record.image_bytes, record.exit_status), (kept["image_bytes"], 0))
        self.assertFalse(record.HasField("signal"))
        listed = self.listed()
        self.assertIn(record, list(listed.records))
        self.assertEqual(list(listed.faults), [])

    def test_pages_have_every_record_once(self) -> None:
        cid = self.counter()
        kept = [self.taken(cid)["id"] for _ in range(5)]
        found: list[str] = []
        page = self.api.ListRecords(page_size=2)
        while True:
            self.assertLessEqual(len(page.records), 2)
            found += [record.id for record in page.records]
            if not page.next_page_token:
                break
            page = self.api.ListRecords(page_size=2, page_token=page.next_page_token)
        self.assertEqual(list(self.api.ListRecords(page_size=1000, pod_uid="of no pod").records), [])
        self.assertEqual(found, sorted(set(found)))
        self.assertEqual([i for i in found if i in kept], kept)

    def test_a_record_that_cannot_be_read_is_named(self) -> None:
        kept = self.taken(self.counter())
        path = RECORDS / f"{kept['times']['started'][:7]}" / f"{kept['id']}.json"
        whole = path.read_text()
        self.addCleanup(path.write_text, whole)
        path.write_text("{")
        [fault] = self.listed().faults
        self.assertIn(kept["id"], fault)
        self.assertEqual(self.code(self.api.GetRecord, id=kept["id"])[0], "INTERNAL")

    def test_requests_that_are_none(self) -> None:
        for call, fields, code, words in (
                (self.api.GetRecord, {"id": "../../etc/passwd"}, "INVALID_ARGUMENT", "id"),
                (self.api.GetRecord, {"id": "01M86A8CP04PT3J4G0VS4YRB7K"}, "NOT_FOUND", "01M86A8CP04PT3J4G0VS4YRB7K"),
                (self.api.ListRecords, {"page_size": -1}, "INVALID_ARGUMENT", "page_size"),
                (self.api.ListRecords, {"page_size": 1001}, "INVALID_ARGUMENT", "1000"),
                (self.api.ListRecords, {"page_token": "x"}, "INVALID_ARGUMENT", "page_token"),
                (self.api.Preflight, {}, "INVALID_ARGUMENT", "which container"),
                (self.api.Preflight, {"target": {**NAMES, "pod": "x" * 300}}, "INVALID_ARGUMENT", "pod"),
                (self.api.GetRecord, {"id": "x" * 70000}, "RESOURCE_EXHAUSTED", "")):
            got, details = self.code(call, **fields)
            self.assertEqual(got, code, details)
            self.assertIn(words, details)


class Watch(SidecarTest):
    flavours = ("trixie",)

    def test_what_is_published_is_told(self) -> None:
        cid = self.counter()
        position = self.api.ListRecords().position
        stream = self.api.WatchRecords(position=position)
        kept = self.taken(cid)
        intent, final = next(stream), next(stream)
        self.assertEqual([(e.id, e.change) for e in (intent, final)], [(kept["id"], "intent"), (kept["id"], "final")])
        self.assertEqual((final.outcome, final.record.outcome, final.container), ("completed", "completed", cid))
        again = self.taken(cid)
        self.assertEqual([next(stream).id, next(stream).id], [again["id"]] * 2)
        stream.cancel()
        # From the position of an entry comes what follows it.
        stream = self.api.WatchRecords(position=final.position)
        self.assertEqual(next(stream).id, again["id"])
        stream.cancel()

    def test_a_watch_goes_on_after_a_restart(self) -> None:
        """Killed between two checkpoints: nothing is lost, nothing comes twice."""
        cid = self.counter()
        stream = self.api.WatchRecords(position=self.api.ListRecords().position)
        seen = []
        kept = [self.taken(cid)["id"]]
        for _ in range(2):
            entry = next(stream)
            seen.append((entry.id, entry.change))
        self.sidecar.process.kill()
        self.sidecar.process.wait()
        with self.assertRaises(NODE_API.grpc.RpcError):
            next(stream)
        kept.append(self.taken(cid)["id"])
        self.sidecar = NODE_API.Sidecar(self.socket)
        self.addCleanup(self.sidecar.process.kill)
        stream = self.sidecar.client.WatchRecords(position=entry.position)
        for _ in range(2):
            entry = next(stream)
            seen.append((entry.id, entry.change))
        self.assertEqual(seen, [(i, change) for i in kept for change in ("intent", "final")])
        stream.cancel()

    def test_positions_that_are_none(self) -> None:
        self.taken(self.counter())
        for position, code in (("here", "INVALID_ARGUMENT"), ("999999:0", "OUT_OF_RANGE"), ("1:3", "OUT_OF_RANGE")):
            with self.assertRaises(NODE_API.grpc.RpcError) as caught:
                next(self.api.WatchRecords(position=position, timeout=10))
            self.assertEqual(caught.exception.code().name, code, caught.exception.details())

    def test_told_to_end_it_ends(self) -> None:
        stream = self.api.WatchRecords()
        stream.initial_metadata()
        self.sidecar.process.send_signal(signal.SIGTERM)
        with self.assertRaises(NODE_API.grpc.RpcError) as caught:
            next(stream)
        self.assertEqual(caught.exception.code().name, "UNAVAILABLE")
        self.assertEqual(self.sidecar.process.wait(10), 0)


class Asked(SidecarTest):
    flavours = ("trixie",)

    def test_preflight_is_what_the_gate_says(self) -> None:
        cid = self.counter()
        with NODE_API.listening_gate():
            answer = self.api.Preflight(target=NAMES)
            self.assertEqual(self.code(self.api.Preflight, target={**NAMES, "pod": "web-2"}),
                             ("NOT_FOUND", "container counter of pod shop/web-2 is not on this node"))
        said = preflight(id=cid)
        self.assertEqual({c.id: c.verdict for c in answer.checks}, verdicts(said))
        self.assertEqual((answer.container.id, answer.code, answer.container.frozen), (cid, "", False))
        self.assertEqual(answer.criu.version, said["criu"]["version"])

    def test_a_container_that_would_be_refused(self) -> None:
        self.start("counter", "/bin/counter", annotations={**ANNOTATIONS, "lpm.my.domain/checkpoint": "never"})
        with NODE_API.listening_gate():
            answer = self.api.Preflight(target=NAMES)
        self.assertEqual(answer.code, "NeverCheckpoint")
        self.assertIn("lpm.my.domain/checkpoint", answer.message)

    def test_without_a_gate(self) -> None:
        code, details = self.code(self.api.Preflight, target=NAMES)
        self.assertEqual(code, "UNAVAILABLE")
        self.assertIn("lpm-gate.socket", details)

    def test_many_at_once(self) -> None:
        cid = self.counter()
        with NODE_API.listening_gate():
            method = NODE_API.METHODS["Preflight"]
            call = self.api.channel.unary_unary("/lpm.node.v1.Node/Preflight",
                                                request_serializer=lambda m: m.SerializeToString(),
                                                response_deserializer=method.output_type._concrete_class.FromString)
            futures = [call.future(method.input_type._concrete_class(target=NAMES), timeout=60) for _ in range(150)]
            self.assertEqual({f.result().container.id for f in futures}, {cid})

    def test_the_node(self) -> None:
        info = self.api.GetNodeInfo()
        self.assertEqual((info.node, info.kernel, info.arch), (os.uname().nodename, os.uname().release, os.uname().machine))
        self.assertEqual(info.boot_id, pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        cache = json.loads(pathlib.Path("/run/lpm/probe.json").read_text())
        self.assertEqual([r.path for r in info.runtimes], [r["path"] for r in cache["runtimes"]])
        self.assertTrue(info.crius[0].version)

    def test_numbers(self) -> None:
        self.api.GetNodeInfo()
        self.code(self.api.GetRecord, id="x")
        text = self.api.GetMetrics().text
        for method, code in (("GetNodeInfo", "OK"), ("GetRecord", "InvalidArgument")):
            self.assertIn(f'grpc_server_handled_total{{grpc_code="{code}",grpc_method="{method}",'
                          'grpc_service="lpm.node.v1.Node"} 1', text)


class Powers(SidecarTest):
    flavours = ("trixie",)

    def test_it_has_none(self) -> None:
        """No capability in any set, no new privileges, a filter of system calls: in every thread."""
        self.api.GetNodeInfo()
        for thread in pathlib.Path(f"/proc/{self.sidecar.process.pid}/task").iterdir():
            status = dict(line.split(":\t", 1) for line in (thread / "status").read_text().splitlines() if ":\t" in line)
            for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(status[key], 16), 0, (key, status["Name"]))
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), status["Name"])

    def test_other_users_are_refused(self) -> None:
        os.chmod(self.socket, 0o666)
        for folder in (self.work, *self.work.parents[:-1]):
            mode = folder.stat().st_mode
            self.addCleanup(os.chmod, folder, mode)
            os.chmod(folder, mode | 0o055)
        done = subprocess.run(["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", sys.executable, "-c", AS_NOBODY,
                               f"unix:{self.socket}"], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "UNAVAILABLE", done.stderr)
        self.assertIn("lpm_sidecar_refused_peers_total", self.api.GetMetrics().text)
        self.assertIn("uid=1000", self.sidecar.log.read_text())

    def test_two_on_one_socket(self) -> None:
        done = subprocess.run([NODE_API.SIDECAR, "--socket", self.socket], capture_output=True, text=True, check=False,
                              timeout=10)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another process listens there", done.stderr)
        self.assertEqual(self.api.GetNodeInfo().arch, os.uname().machine)
