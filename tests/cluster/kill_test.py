# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Each part killed in each phase of a checkpoint: what the caller hears, whether the container runs, what the record
says. What a row expects is what happens today; where that is `frozen`, nobody thaws the container yet."""
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import signal
import threading
import time

from e2e import CRIU_CONFIG, GATE, run, wait_for
from refusing import processes
from suite import ClusterTest, container

HOOKS = pathlib.Path("/etc/lpm/checkpoint.d/pre-checkpoint")
PLACE = pathlib.Path("/run/kill-test")
WAITS = """#!/bin/sh
[ "${{CRTOOLS_SCRIPT_ACTION:-{action}}}" = {action} ] || exit 0
touch {reached}
i=0
while [ $i -lt 50 ] && [ ! -e {go_on} ]; do sleep 0.1; i=$((i + 1)); done
exit 0
"""
DAEMONS = ("crio", "kubelet", "kube-apiserver")


@dataclasses.dataclass(frozen=True)
class Row:
    phase: str  # hooks: lpm-gate has checked; dump: CRIU has seized the processes; tar: the archive grows
    victim: str
    told: str  # the status that the caller gets, or "nothing": the connection ends
    then: str  # runs, frozen or mute: nobody reads its output any more
    outcome: str  # of the record, once it is settled


ROWS = (
    Row("hooks", "lpm-gate", "500", "runs", "interrupted"),
    Row("hooks", "crio", "500", "frozen", "completed"),
    Row("hooks", "kubelet", "503", "runs", "completed"),
    Row("hooks", "kube-apiserver", "nothing", "runs", "completed"),
    Row("hooks", "conmon", "200", "mute", "completed"),
    Row("dump", "lpm-gate", "500", "runs", "interrupted"),
    Row("dump", "runc", "500", "runs", "failed"),
    Row("dump", "criu", "500", "runs", "failed"),
    Row("dump", "crio", "500", "frozen", "completed"),
    Row("dump", "kubelet", "503", "runs", "completed"),
    Row("dump", "kube-apiserver", "nothing", "runs", "completed"),
    Row("tar", "crio", "500", "frozen", "completed"),
    Row("tar", "kubelet", "503", "runs", "completed"),
    Row("tar", "kube-apiserver", "nothing", "runs", "completed"),
)


class Killed(ClusterTest):
    def setUp(self):
        super().setUp()
        run("rm", "-rf", PLACE)
        for folder in (PLACE, HOOKS, CRIU_CONFIG.parent):
            folder.mkdir(parents=True, exist_ok=True)

    def wait_in(self, phase):
        """Lets the phase begin and not go on; returns whether it has come."""
        reached, go_on = PLACE / "reached", PLACE / "go-on"
        script = PLACE / "script"
        script.write_text(WAITS.format(action="network-lock", reached=reached, go_on=go_on))
        script.chmod(0o755)
        if phase == "hooks":
            (HOOKS / "wait.toml").write_text(f'path = "{script}"\nwhen = "frozen"\ntimeout_ms = 6000\n')
            self.addCleanup((HOOKS / "wait.toml").unlink)
        elif phase == "dump":
            CRIU_CONFIG.write_text(f"action-script {script}\n")
            self.addCleanup(CRIU_CONFIG.unlink)
        else:
            return lambda: set(self.cluster.archives()) - self.archives_before
        return reached.exists

    def kill(self, victim, cid):
        if victim in DAEMONS:
            self.cluster.parts[victim].end(signal.SIGKILL)
            return
        word = cid if victim in ("lpm-gate", "conmon") else "checkpoint" if victim == "runc" else ""
        pids = wait_for(victim, lambda: processes(victim, word))
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def ask(self, name, answers):
        try:
            status, self.body = self.admin.checkpoint(name, "ctr")
            answers.append(str(status))
        except TimeoutError:
            answers.append("no answer in time")
        except (OSError, http.client.HTTPException):
            answers.append("nothing")

    def go(self, row):
        """One round; the row as it really is."""
        self.victim = row.victim
        name = self.pod(container("ctr", "/bin/workers", "memory", "192" if row.phase == "tar" else "8"),
                        name=f"{row.phase}-{row.victim}-{os.urandom(2).hex()}")
        cid = self.id_of(name, "ctr")
        self.output(name, "ctr", 2)
        has_come, answers = self.wait_in(row.phase), []
        caller = threading.Thread(target=self.ask, args=(name, answers))
        caller.start()
        wait_for(f"the phase {row.phase}", lambda: has_come() or answers, 30)
        self.assertEqual(answers, [], f"it has ended before: {self.body}" if answers else None)
        self.kill(row.victim, cid)
        if row.phase == "tar":
            self.assertEqual(self.runtimes_status(cid), "paused", "the archive was done before anything was killed")
        (PLACE / "go-on").touch()
        if row.victim in DAEMONS:
            self.cluster.parts[row.victim].start()
        caller.join()
        wait_for("the end of what was at work", lambda: not processes("criu") and not processes("lpm-gate"))
        self.cluster.wait_ready()
        run(GATE, "--settle")
        outcome = self.records()[-1].get("outcome") or self.records()[-1]["state"]
        return dataclasses.replace(row, told=answers[0], then=self.how_it_is(name, cid), outcome=outcome)

    def how_it_is(self, name, cid):
        """runs, frozen (and then thawed, by what an operator would type) or mute."""
        for _ in range(200):  # CRI-O may be at its archive still, though nobody waits for it any more
            if self.victim == "crio" or self.runtimes_status(cid) != "paused":
                break
            time.sleep(0.1)
        frozen = self.runtimes_status(cid) == "paused"
        if frozen:
            run("/etc/lpm/bin/runc", "--root", "/run/runc", "resume", cid)
        before = len(self.output(name, "ctr"))

        def fate():
            if not processes("conmon", cid):
                return "mute" if self.runtimes_status(cid) == "running" else "ended"
            lines = self.lines_of(name, "ctr")
            return len({line.split()[0] for line in lines}) == 1 and len(lines) >= before + 2 and "runs"
        seen = wait_for("it goes on", fate)
        self.assertEqual(self.state_of(name, "ctr")["restartCount"], 0)
        return "frozen" if frozen else seen

    def runtimes_status(self, cid):
        return json.loads(run("/usr/sbin/runc", "--root", "/run/runc", "state", cid).stdout)["status"]


def add(row):
    def test(self):
        seen = self.go(row)
        print(f"  {seen.phase:8}{seen.victim:16}{seen.told:9}{seen.then:8}{seen.outcome}", flush=True)
        self.assertEqual(seen, row)
    setattr(Killed, f"test_{row.victim.replace('-', '_')}_in_{row.phase}", test)


for one in ROWS:
    add(one)
