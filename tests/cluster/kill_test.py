# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Each part killed in each phase of a checkpoint: what the caller hears, whether the container runs, what the record
says. Where a row expects `thawed`, the container stays frozen until lpm-gate's next rounds."""
import dataclasses
import http.client
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import suite
from e2e import GATE, SETTINGS, run, wait_for
from kill_points import DAEMONS, KillTest, at_work
from suite import POD, container


@dataclasses.dataclass(frozen=True)
class Row:
    phase: str  # hooks: lpm-gate has checked; dump: CRIU has seized the processes; tar: the archive grows
    victim: str
    told: str  # the status that the caller gets, or "nothing": the connection ends
    then: str  # runs, thawed (by lpm-gate) or mute: nobody reads its output any more
    outcome: str  # of the record, once it is settled


ROWS = (
    Row("hooks", "lpm-gate", "500", "runs", "interrupted"),
    Row("hooks", "crio", "500", "thawed", "completed"),
    Row("hooks", "kubelet", "503", "runs", "completed"),
    Row("hooks", "kube-apiserver", "nothing", "runs", "completed"),
    Row("hooks", "etcd", "200", "runs", "completed"),
    Row("hooks", "conmon", "200", "mute", "completed"),
    Row("dump", "lpm-gate", "500", "runs", "interrupted"),
    Row("dump", "runc", "500", "runs", "failed"),
    Row("dump", "criu", "500", "runs", "failed"),
    Row("dump", "crio", "500", "thawed", "completed"),
    Row("dump", "kubelet", "503", "runs", "completed"),
    Row("dump", "kube-apiserver", "nothing", "runs", "completed"),
    Row("dump", "etcd", "200", "runs", "completed"),
    Row("dump", "conmon", "200", "mute", "completed"),
    Row("tar", "crio", "500", "thawed", "completed"),
    Row("tar", "kubelet", "503", "runs", "completed"),
    Row("tar", "kube-apiserver", "nothing", "runs", "completed"),
    Row("tar", "etcd", "200", "runs", "completed"),
    Row("tar", "conmon", "200", "mute", "completed"),
)


class Rounds(KillTest):
    def wait_in(self, phase: str, name: str) -> Callable[[], object]:
        """Lets the phase begin and not go on; returns what says whether it has come."""
        if phase == "hooks":
            return self.halt(name, hooks="pre-checkpoint")
        if phase == "dump":
            return self.halt(name, action="network-lock")
        before = set(self.archives())
        return lambda: set(self.archives()) - before

    def ask(self, name: str, answers: list[str]) -> None:
        try:
            status, self.body = self.admin.checkpoint(name, "ctr")
            answers.append(str(status))
        except TimeoutError:
            answers.append("no answer in time")
        except (OSError, http.client.HTTPException):
            answers.append("nothing")

    def pod_for(self, row: Row, **how: Any) -> str:
        return self.pod(container("ctr", "/bin/workers", "memory", "192" if row.phase == "tar" else "8"),
                        name=f"{row.phase}-{row.victim}-{os.urandom(2).hex()}", **how)

    def interrupted(self, row: Row) -> tuple[str, str, str] | None:
        """One checkpoint, in which the part is killed: (pod, container, answer), or None when the archive was done before,
        as on a busy machine."""
        name = self.pod_for(row)
        cid = self.id_of(name, "ctr")
        self.output(name, "ctr", 2)
        has_come = self.wait_in(row.phase, name)
        answers: list[str] = []
        caller = threading.Thread(target=self.ask, args=(name, answers))
        caller.start()
        wait_for(f"the phase {row.phase}", lambda: has_come() or answers, 30)
        self.assertEqual(answers, [], f"it has ended before: {self.body}" if answers else None)
        self.kill(row.victim, cid, "checkpoint")
        in_time = row.phase != "tar" or self.runtimes_status(cid) == "paused"
        self.go_on()
        self.start_again(row.victim)
        caller.join()
        wait_for("the end of what was at work", lambda: not at_work("criu", cid) and not at_work("lpm-gate", cid))
        self.cluster.wait_ready()
        return (name, cid, answers[0]) if in_time else None

    def go(self, row: Row) -> Row:
        """The row as it really is."""
        self.victim = row.victim
        if row.victim == "crio":
            self.wait_for_other_pods()
        seen = next((seen for seen in (self.interrupted(row) for _ in range(4)) if seen), None)
        assert seen is not None, "four times the archive was done before anything was killed"
        name, cid, told = seen
        run(GATE, "--settle")
        outcome = self.records()[-1].get("outcome") or self.records()[-1]["state"]
        return dataclasses.replace(row, told=told, then=self.how_it_is(name, cid), outcome=outcome)

    def how_it_is(self, name: str, cid: str) -> str:
        """runs, thawed or mute."""
        for _ in range(200):  # CRI-O may be at its archive still, though nobody waits for it any more
            if self.victim == "crio" or self.runtimes_status(cid) != "paused":
                break
            time.sleep(0.1)
        frozen = self.runtimes_status(cid) == "paused"
        if frozen:
            self.thaw(cid)
        before = len(self.output(name, "ctr"))

        def fate() -> str | None:
            if not at_work("conmon", cid):
                return "mute" if self.runtimes_status(cid) == "running" else "ended"
            lines = self.lines_of(name, "ctr")
            return "runs" if len({line.split()[0] for line in lines}) == 1 and len(lines) >= before + 2 else None
        seen = wait_for("it goes on", fate)
        self.assertEqual(self.state_of(name, "ctr")["restartCount"], 0)
        return "thawed" if frozen else seen

    def thaw(self, cid: str) -> None:
        """Two rounds of lpm-gate, as its timer makes them. The grace time has begun with the one of --settle."""
        self.set_node("[rescue]\nafter_seconds = 3600\n")
        run(GATE, "--rescue")
        self.assertEqual(self.runtimes_status(cid), "paused", "within the grace time")
        SETTINGS.write_text("[rescue]\nafter_seconds = 1\n")
        time.sleep(1.1)
        run(GATE, "--rescue")
        self.assertEqual(self.runtimes_status(cid), "running")
        self.assertIn("stood_still_us", self.records()[-1])


@pytest.mark.parallel(turn=2)
@pytest.mark.xdist_group("kill")
class ProcessKilled(Rounds):
    """One of the container's own."""


class DaemonKilled(Rounds):
    """One of the node's or the cluster's."""

    made: dict[Row, str] | None = None  # {row: its pod}, of rows that have not come yet

    def pod_for(self, row: Row, **how: Any) -> str:
        """Made beforehand: after each end of the API server or of etcd it takes longer until a new pod is scheduled and
        run, as each client waits longer before it asks again. CRI-O has no other pods when it ends."""
        if row.victim == "crio":
            return super().pod_for(row, **how)
        made = self.made
        if made is None:
            made = DaemonKilled.made = {one: super(DaemonKilled, self).pod_for(one, wait=False)
                                        for one in ROWS if one.victim in DAEMONS and one.victim != "crio"}
            for name in made.values():
                self.wait_ready(name)
            self.pods.clear()
        name = made.pop(row, "") or super().pod_for(row)
        self.pods.append(name)
        return name

    @classmethod
    def tearDownClass(cls) -> None:
        for name in (cls.made or {}).values():
            suite.CLUSTER.delete(POD, name, 1, wait=False)


def add(row: Row) -> None:
    def test(self: Rounds) -> None:
        seen = self.go(row)
        print(f"  {seen.phase:8}{seen.victim:16}{seen.told:9}{seen.then:8}{seen.outcome}", flush=True)
        self.assertEqual(seen, row)
    setattr(DaemonKilled if row.victim in DAEMONS else ProcessKilled, f"test_{row.victim.replace('-', '_')}_in_{row.phase}", test)


for one in ROWS:
    add(one)
