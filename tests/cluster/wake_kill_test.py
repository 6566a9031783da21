# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Each part killed in each phase of a restore at create: the pod goes on with the memory all the same, once the kubelet has
tried again, and nothing is left frozen, marked or unpacked. Only where CRI-O was killed the pod must be made anew: CRI-O does
not make /run/.containerenv in a pod that is older than itself, and the images have it."""
import os
import pathlib

from at_create import FROM
from e2e import GATE, run, wait_for
from kill_points import DAEMONS, KillTest, at_work
from suite import POD, container
from wake_test import WakeTest, left

KEPT = pathlib.Path("/var/lib/kept")
ACTION = "post-restore"  # all is made, and stands still
ROWS = (
    ("hooks", "lpm-gate"), ("hooks", "conmon"), ("hooks", "crio"), ("hooks", "kubelet"),
    ("restore", "runc"), ("restore", "criu"), ("restore", "lpm-gate"), ("restore", "conmon"), ("restore", "crio"),
    ("restore", "kubelet"),
)


class Killed(WakeTest, KillTest):
    nonce: str | None = None
    archive = ""
    more = f'[archives]\nfolders = ["{KEPT}"]\n'

    def take(self) -> None:
        Killed.nonce, archive = self.taken()
        KEPT.mkdir()  # where no test's end removes it
        archive.rename(KEPT / archive.name)
        Killed.archive = archive.name

    def outcomes(self) -> list[str]:
        return [str(r["result"].get("code", r["outcome"])) for r in self.ended_calls("restore")]

    def settled_and_ready(self, name: str) -> bool:
        """Settling is the node's timer's."""
        run(GATE, "--settle")
        return self.is_ready(name)

    def go(self, phase: str, victim: str) -> None:
        self.wait_for_other_pods()
        if self.nonce is None:
            self.take()
        name = f"{phase}-{victim}-{os.urandom(2).hex()}"
        has_come = self.halt(name, hooks="pre-restore") if phase == "hooks" else self.halt(name, action=ACTION)
        self.pod(container("ctr"), name=name, wait=False, annotations={FROM: self.archive})
        cid = wait_for(f"the phase {phase}", has_come, 30)
        self.kill(victim, cid, "restore")
        self.go_on()
        try:
            if victim in DAEMONS:
                wait_for("the end of the restore", lambda: not at_work("lpm-gate", cid), 10)
        finally:
            self.start_again(victim)
        if victim == "crio":
            wait_for("CRI-O tries again", lambda: "MountMissing" in self.outcomes())
            self.cluster.delete(POD, name, 1, wait=False)
        else:
            if (phase, victim) == ("restore", "lpm-gate"):
                # conmon reads what the container says until that ends, and only then tells CRI-O of a failed create.
                wait_for("the container", lambda: self.runtimes_status(cid) == "running")
            wait_for("it is ready", lambda: self.settled_and_ready(name))
            self.assertEqual(self.assert_goes_on(name, "ctr"), self.nonce)
        if victim == "kubelet":  # the first one is CRI-O's to remove, with the pod: it is created, and nobody starts it
            self.cluster.delete(POD, name, 1)
        print(f"  {phase:8}{victim:10}{' '.join(self.outcomes())}", flush=True)

        def settled() -> bool:
            run(GATE, "--settle")
            return not left()
        wait_for("nothing is left", settled, 40)


def add(phase: str, victim: str) -> None:
    def test(self: Killed) -> None:
        self.go(phase, victim)
    setattr(Killed, f"test_{victim.replace('-', '_')}_in_{phase}", test)


for row in ROWS:
    add(*row)
