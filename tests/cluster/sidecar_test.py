# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-sidecar beside real CRI-O: what it says of running containers is what the gate then finds, and what it has
prepared is in the archive."""
import pathlib
import threading

import node_api
import pytest
from checkpointctl import differences
from crio_archive import read_json
from e2e import freezer_of, wait_for
from gate_socket import verdicts
from pod_refusals import CASES, PodRefusalTest
from suite import container

SOCKET = pathlib.Path("/run/lpm/sidecar-test.sock")
# CRIU 4.2 has the numbers of pages in another field than the releases before, and so checkpointctl 1.3.0 finds none.
PAGES = ("process_tree.cmdline", "process_tree.environment_variables")
SCRIPT = """
holder tcp listening & holder tcp connected & holder family udp & holder netlink read & holder unix-own /tmp/socket &
exec counter 'two words'
"""


class Sidecar(PodRefusalTest):
    def setUp(self) -> None:
        super().setUp()
        listening = node_api.listening_gate()
        listening.__enter__()
        self.addCleanup(listening.__exit__, None, None, None)
        self.sidecar = node_api.Sidecar(SOCKET)
        self.addCleanup(self.sidecar.end)
        self.api = self.sidecar.client

    def target(self, pod: str, name: str) -> dict[str, str]:
        return {"namespace": "default", "pod": pod, "name": name}

    @pytest.mark.long
    def test_whatever_a_container_holds(self) -> None:
        """One pod with a container for each check: said beforehand, with nothing frozen for a moment; then found."""
        name = self.pod(*(container(case.name, case.program, *case.holds, **case.more) for case in CASES))
        states = [freezer_of(self.pid_of(name, case.name)) / "freezer.state" for case in CASES]
        seen: set[str] = set()
        ended = threading.Event()

        def sample() -> None:
            while not ended.is_set():
                seen.update(state.read_text().strip() for state in states)

        thread = threading.Thread(target=sample)
        thread.start()
        said = {case.name: self.api.Preflight(target=self.target(name, case.name)) for case in CASES}
        ended.set()
        thread.join()
        self.assertEqual(seen, {"THAWED"})
        for case in CASES:
            with self.subTest(case.name):
                answer = said[case.name]
                self.assertEqual(answer.code, case.check, answer.message)
                self.assertEqual(answer.container.id, self.id_of(name, case.name))
                self.refused(name, case.name, case.check, *case.words)
                self.assertEqual({c.id: c.verdict for c in answer.checks}, verdicts(self.last_record("checkpoint", "refused")))

    def test_prepared_and_taken(self) -> None:
        """The attempt is in the record and in the archive that the kubelet names, and a watch has told of it."""
        name = self.pod(container("ctr"))
        nonce = self.assert_goes_on(name, "ctr")
        watch = self.api.WatchRecords(position=self.api.ListRecords(page_size=1).position)
        answer = self.api.Prepare(target=self.target(name, "ctr"), attempt="attempt-7",
                                  object={"namespace": "default", "name": "save", "uid": "uid-7"})
        self.assertEqual(answer.preflight.code, "")
        archive = self.checkpoint(name, "ctr")
        self.assertEqual(self.assert_goes_on(name, "ctr"), nonce)
        record = self.last_record("checkpoint", "completed")
        self.assertEqual((record["attempt"], record["object"]["uid"]), ("attempt-7", "uid-7"))
        manifest = read_json(archive, "checkpoint/lpm.json")
        self.assertEqual((manifest["attempt"], manifest["object_name"]), ("attempt-7", "save"))
        told = next(entry for entry in watch if entry.change == "final")
        watch.cancel()
        self.assertEqual((told.id, told.record.attempt, told.record.object.name), (record["id"], "attempt-7", "save"))
        # Where the kubelet that runs has it: no setting says so.
        found = self.api.FindArchive(attempt="attempt-7")
        self.assertEqual((found.path, found.state, found.record), (str(archive), "whole", record["id"]), found)
        self.assertEqual((found.container.names["pod"], found.engine), (name, "CRI-O"))
        verified = self.api.VerifyArchive(path=found.path)
        self.assertEqual((list(verified.faults), verified.archive.state, verified.not_judged), ([], "whole", ""))
        self.assertEqual(self.assert_goes_on(self.pod(container("ctr", image=self.image_of(archive, "ctr"))), "ctr"), nonce)
        found_then = verdicts(self.last_record("restore", "completed"))
        self.assertEqual(verified.restore.code, "")
        for check in verified.restore.checks:
            self.assertEqual((check.id, check.verdict), (check.id, found_then[check.id]))
        self.assertIn("ToolingMissing", [check.id for check in verified.restore.checks if check.verdict == "pass"])
        self.assertEqual(self.api.DeleteArchive(path=found.path, file_id=found.file_id).freed_bytes, found.size)
        self.assertFalse(pathlib.Path(archive).exists())
        # Of that pod, and not of one that has its name by now.
        with self.assertRaises(node_api.grpc.RpcError) as caught:
            self.api.Preflight(target={**self.target(name, "ctr"), "pod_uid": "another"})
        self.assertEqual(caught.exception.code().name, "NOT_FOUND")

    def test_what_is_inside(self) -> None:
        """Every leaf of checkpointctl is found, in an archive of CRI-O's with sockets of the internet."""
        self.set_node('[options]\ntcp = "established"\n')
        name = self.pod(container("ctr", "/bin/sh", "-c", SCRIPT, env=[{"name": "SECRET", "value": "hush"}]))
        wait_for("six that count", lambda: len({line.split()[0] for line in self.lines_of(name, "ctr")}) == 6)
        archive = self.checkpoint(name, "ctr")
        inside = self.api.InspectArchive(path=str(archive), environment=True)
        self.assertEqual(differences(archive, inside, wrong=PAGES), [])
        self.assertEqual([(p.pid, list(p.unread)) for p in inside.processes if p.unread], [])
        self.assertEqual(sorted(" ".join(p.arguments) for p in inside.processes),
                         ["counter two words", "holder family udp", "holder netlink read", "holder tcp connected",
                          "holder tcp listening", "holder unix-own /tmp/socket"])
        self.assertEqual({"SECRET=hush" in p.environment for p in inside.processes}, {True})
        states = {(d.socket.protocol, d.socket.state) for p in inside.processes for d in p.descriptors if d.type == "INETSK"}
        self.assertEqual(states, {("TCP", "LISTEN"), ("TCP", "ESTABLISHED"), ("UDP", "CLOSE")})
        self.assertEqual(inside.address, self.status(name)["podIP"])
