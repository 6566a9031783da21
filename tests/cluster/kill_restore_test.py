# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Each part killed in each phase of a restore: what the pod's Event says, what becomes of the pod when the kubelet
tries again, what the records say. What a row expects is what happens today."""
import dataclasses
import os
import time

import pytest
from e2e import GATE, run, wait_for
from kill_points import DAEMONS, KillTest, at_work
from oci_spec import Json
from suite import POD, container

ACTION = "post-restore"  # all is made, and stands still
EOF = "json message: EOF"  # CRI-O's words for a conmon that says nothing


@dataclasses.dataclass(frozen=True)
class Row:
    phase: str  # hooks: lpm-gate has checked; restore: CRIU has made the processes and has not let them go
    victim: str
    told: str  # words of the Event, or nothing
    then: str  # runs, with the memory; never: each try fails; hangs: there is no other try
    records: tuple[str, ...]  # of the first two tries: why not, or "completed"


ROWS = (
    Row("hooks", "lpm-gate", EOF, "runs", ("Interrupted", "completed")),
    Row("hooks", "crio", "error reading from server", "never", ("completed", "MountMissing")),
    Row("hooks", "kubelet", "", "runs", ("completed",)),
    Row("hooks", "conmon", EOF, "runs", ("Interrupted", "completed")),
    Row("restore", "lpm-gate", "", "hangs", ("Interrupted",)),
    Row("restore", "runc", "[RuntimeKilled]", "runs", ("RuntimeKilled", "completed")),
    Row("restore", "criu", "container restore failed", "runs", ("CriuCutShort", "completed")),
    Row("restore", "crio", "error reading from server", "never", ("completed", "MountMissing")),
    Row("restore", "kubelet", "", "runs", ("completed",)),
    Row("restore", "conmon", EOF, "runs", ("Interrupted", "completed")),
)


class Rounds(KillTest):
    # Of the one checkpoint that they are all made from.
    nonce: str | None = None
    image = ""
    earlier: list[str] = []  # pods

    def take(self) -> None:
        name = self.pod(container("ctr", "/bin/workers", "memory", "8"), name=f"source-{os.urandom(2).hex()}")
        Rounds.nonce = self.output(name, "ctr", 2)[0].split()[0]
        Rounds.image = self.image_of(self.checkpoint(name, "ctr"), "ctr")

    def restores(self) -> list[Json]:
        return [r for r in self.records() if r["operation"] == "restore"]

    def go(self, row: Row) -> Row:
        """One round; the row as it really is."""
        if row.victim == "crio":
            self.wait_for_other_pods()
        if self.nonce is None:
            self.take()
        # CRI-O takes a checkpoint's image away from all its restores when one of them ends (internal/lib/restore.go,
        # UnmountImage with force), and says nothing of what it has not copied.
        wait_for("pods of earlier rounds are gone", lambda: not any(self.cluster.find(POD, pod) for pod in self.earlier))
        name = f"{row.phase}-{row.victim}-{os.urandom(2).hex()}"
        self.earlier.append(name)
        has_come = self.halt(name, hooks="pre-restore") if row.phase == "hooks" else self.halt(name, action=ACTION)
        self.pod(container("ctr", image=self.image), name=name, wait=False)
        cid = wait_for(f"the phase {row.phase}", has_come, 30)
        self.kill(row.victim, cid, "restore")
        self.go_on()
        try:
            if row.victim in DAEMONS:  # else it is chance whether it still finds a restore under way
                wait_for("the end of the restore", lambda: not at_work("lpm-gate", cid), 10)
        finally:
            self.start_again(row.victim)
        then = self.fate(name, cid, 25 if row.victim in DAEMONS else 8)  # a kubelet that begins has more to do
        said = [e["message"] for e in self.cluster.events_of(name) if e["reason"] == "Failed"]
        run(GATE, "--settle")
        outcomes = tuple(r["result"].get("code", r["outcome"]) for r in self.ended_calls("restore")[:2])
        told = "" if not said else row.told if row.told and any(row.told in one for one in said) else said[0]
        return dataclasses.replace(row, told=told, then=then, records=outcomes)

    def fate(self, name: str, cid: str, patience: float) -> str:
        end = time.monotonic() + patience

        def seen() -> str | None:
            if self.is_ready(name):
                self.assertEqual(self.output(name, "ctr")[0].split()[0], self.nonce, "another memory")
                return "runs"
            if any(r.get("result", {}).get("code") == "MountMissing" for r in self.restores()):
                return "never"  # CRI-O does not make /run/.containerenv in a pod that is older than itself
            # conmon waits for an error message that the container does not write, and CRI-O for conmon
            hangs = time.monotonic() > end and not at_work("lpm-gate", cid) and self.is_running(cid)
            return "hangs" if hangs else None
        then = wait_for("what becomes of it", seen, 60)
        if then == "hangs":
            self.kill("conmon", cid, "")
        return then

    def is_running(self, cid: str) -> bool:
        return bool(at_work("conmon", cid)) and self.runtimes_status(cid) == "running"


@pytest.mark.parallel(turn=2)
@pytest.mark.xdist_group("kill")
class ProcessKilled(Rounds):
    """One of the container's own."""


class DaemonKilled(Rounds):
    """One of the node's."""


def add(row: Row) -> None:
    def test(self: Rounds) -> None:
        seen = self.go(row)
        print(f"  {seen.phase:8}{seen.victim:10}{seen.told[:40]:41}{seen.then:7}{' '.join(seen.records)}", flush=True)
        self.assertEqual(seen, row)
    setattr(DaemonKilled if row.victim in DAEMONS else ProcessKilled, f"test_{row.victim.replace('-', '_')}_in_{row.phase}", test)


for one in ROWS:
    add(one)
