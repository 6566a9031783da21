# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Halts a checkpoint or restore at a place of its own and kills a part meanwhile."""
import contextlib
import json
import os
import pathlib
import signal

from e2e import CRIU_CONFIG, run, wait_for
from refusing import processes
from suite import ClusterTest

HOOKS = pathlib.Path("/etc/lpm/checkpoint.d")
PLACE = pathlib.Path("/run/kill-test")
WAITS = """#!/bin/sh
[ "${{CRTOOLS_SCRIPT_ACTION:-{action}}}" = {action} ] || exit 0
touch {reached}
i=0
while [ $i -lt 50 ] && [ ! -e {go_on} ]; do sleep 0.1; i=$((i + 1)); done
exit 0
"""
DAEMONS = ("crio", "kubelet", "kube-apiserver", "etcd")


class Killing(ClusterTest):
    def setUp(self):
        super().setUp()
        self.wait_alone()
        run("rm", "-rf", PLACE)
        PLACE.mkdir()

    def halt(self, hooks=None, action="none"):
        """At lpm's hooks of that point, or at that action of CRIU's, for five seconds or until `go_on`; returns what
        says whether it has come there."""
        reached, script = PLACE / "reached", PLACE / "script"
        script.write_text(WAITS.format(action=action, reached=reached, go_on=PLACE / "go-on"))
        script.chmod(0o755)
        path = HOOKS / hooks / "wait.toml" if hooks else CRIU_CONFIG
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'path = "{script}"\nwhen = "frozen"\ntimeout_ms = 6000\n' if hooks
                        else f"action-script {script}\n")
        self.addCleanup(path.unlink)
        return reached.exists

    def go_on(self):
        (PLACE / "go-on").touch()

    def kill(self, victim, cid, verb):
        if victim in DAEMONS:
            self.cluster.parts[victim].end(signal.SIGKILL)
            return
        word = cid if victim in ("lpm-gate", "conmon") else verb if victim == "runc" else ""
        for pid in wait_for(victim, lambda: processes(victim, word)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def start_again(self, victim):
        if victim in DAEMONS:
            self.cluster.parts[victim].start()

    def runtimes_status(self, cid):
        return json.loads(run("/usr/sbin/runc", "--root", "/run/runc", "state", cid).stdout)["status"]
