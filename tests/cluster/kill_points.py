# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Halts a checkpoint or restore of a pod at one place and kills a part meanwhile."""
import contextlib
import json
import os
import pathlib
import signal
from collections.abc import Callable

from e2e import CRIU_CONFIG, run, wait_for
from refusals import processes
from suite import CONTAINERS, PODS, ClusterTest, read

HOOKS = pathlib.Path("/etc/lpm/checkpoint.d")
PLACE = pathlib.Path("/run/kill-test")
# Runs for every container of the node, and stays when the test has ended: CRIU fails without it. It halts what `plan` says.
# A hook of lpm's has the container's id in its environment, a script of CRIU's the folder of its images.
SCRIPT = pathlib.Path("/run/kill-test-script")
HALT = f"""#!/bin/sh
read -r action pod 2>/dev/null <{PLACE}/plan || exit 0
[ "${{CRTOOLS_SCRIPT_ACTION:-$action}}" = "$action" ] || exit 0
id=${{LPM_CONTAINER:-$(readlink "$CRTOOLS_IMAGE_DIR"|
    sed -n -E 's,.*/(overlay-containers|waking/[0-9a-f]*)/([0-9a-f]*)/.*,\\2,p')}}
grep -q "\\"io.kubernetes.pod.name\\": *\\"$pod\\"" {CONTAINERS}/$id/userdata/config.json || exit 0
echo "$id" >{PLACE}/reached
i=0
while [ $i -lt 200 ] && [ ! -e {PLACE}/go-on ]; do sleep 0.1; i=$((i + 1)); done
exit 0
"""
DAEMONS = ("crio", "kubelet", "kube-apiserver", "etcd")


def holds(pid: int, word: str) -> bool:
    """A file with that word in its path."""
    for link in pathlib.Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):
            if word in os.readlink(link):
                return True
    return False


def at_work(program: str, cid: str, verb: str = "") -> list[int]:
    """Processes of that program for that container. CRIU has nothing on its command line, but its images open."""
    if program == "criu":
        return [pid for pid in processes(program) if holds(pid, cid)]
    return [pid for pid in processes(program, cid)
            if not verb or verb in read(pathlib.Path(f"/proc/{pid}/cmdline")).split("\0")]


class KillTest(ClusterTest):
    def setUp(self) -> None:
        super().setUp()
        run("rm", "-rf", PLACE)
        PLACE.mkdir()
        if not SCRIPT.exists():
            SCRIPT.write_text(HALT)
            SCRIPT.chmod(0o755)

    def halt(self, pod: str, hooks: str | None = None, action: str = "none") -> Callable[[], str]:
        """At lpm's hooks of that point, or at that action of CRIU's, until `go_on`, twenty seconds at most: who kills
        may be late on a busy machine. Returns what says which container has come there."""
        (PLACE / "plan").write_text(f"{action} {pod}\n")
        path = HOOKS / hooks / "wait.toml" if hooks else CRIU_CONFIG
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'path = "{SCRIPT}"\nwhen = "frozen"\ntimeout_ms = 30000\n' if hooks
                        else f"action-script {SCRIPT}\n")
        self.addCleanup(path.unlink)

        def reached() -> str:
            cid = read(PLACE / "reached").strip()
            if cid:
                PODS[cid] = pod  # the record may not say it yet, and CRI-O's folder of it goes
            return cid
        return reached

    def go_on(self) -> None:
        (PLACE / "go-on").touch()

    def kill(self, victim: str, cid: str, verb: str) -> None:
        if victim in DAEMONS:
            self.cluster.parts[victim].end(signal.SIGKILL)
            return
        for pid in wait_for(victim, lambda: at_work(victim, cid, verb if victim == "runc" else "")):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def start_again(self, victim: str) -> None:
        if victim in DAEMONS:
            self.cluster.parts[victim].start()

    def runtimes_status(self, cid: str) -> str:
        return str(json.loads(run("/usr/sbin/runc", "--root", "/run/runc", "state", cid).stdout)["status"])
