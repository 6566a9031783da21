# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-runc put into a node and taken out of it under running pods: CRI-O takes another runtime_path at a restart."""
import parts
import pytest
from e2e import RUNTIME, run
from suite import POD, ClusterTest, container


class Swap(ClusterTest):

    def use(self, runtime: str) -> None:
        self.cluster.use_runtime(runtime)
        self.cluster.wait_ready()

    def assert_alive(self, *names: str) -> None:
        for name in names:
            self.assert_goes_on(name, "ctr")
            self.assertEqual(self.cluster.kubectl("exec", name, "--", "echo", "alive").stdout, "alive\n")
            self.assertEqual(self.state_of(name, "ctr")["restartCount"], 0)

    def test_in_and_out(self) -> None:
        """Pods that were made without lpm live on with it, can be checkpointed and stopped through it; and those that
        were made through it live on without."""
        self.wait_for_other_pods()
        self.addCleanup(self.use, RUNTIME)
        bare = parts.real_runtime()
        self.use(bare)
        before = self.pod(container("ctr"), name="before")
        self.assert_alive(before)
        self.use(RUNTIME)
        through = self.pod(container("ctr"), name="through")
        self.assert_alive(before, through)
        for name in (before, through):
            self.checkpoint(name, "ctr")
        self.assertEqual([r["outcome"] for r in self.records()], ["completed", "completed"])
        self.assert_alive(before, through)
        self.use(bare)
        self.assert_alive(before, through)
        self.cluster.delete(POD, through, 1)
        self.use(RUNTIME)
        self.assert_alive(before)
        self.cluster.delete(POD, before, 1)

    @pytest.mark.parallel
    def test_the_program_is_replaced(self) -> None:
        """An upgrade puts another file in lpm-runc's place while CRI-O runs: the next call is its."""
        name = self.pod(container("ctr"))
        for program in ("/usr/bin/lpm-runc", "/usr/libexec/lpm/lpm-gate"):
            run("cp", "-p", program, f"{program}.new")
            run("mv", f"{program}.new", program)
        self.assert_alive(name)
        self.checkpoint(name, "ctr")
        self.last_record("checkpoint", "completed")

    def test_the_gate_is_gone(self) -> None:
        """Half an installation: what it would do passes through to the runtime, and nobody is hurt."""
        name = self.pod(container("ctr"))
        run("mv", "/usr/libexec/lpm/lpm-gate", "/usr/libexec/lpm/lpm-gate.away")
        try:
            self.checkpoint(name, "ctr")
        finally:
            run("mv", "/usr/libexec/lpm/lpm-gate.away", "/usr/libexec/lpm/lpm-gate")
        self.assertEqual(self.records(), [])
        self.assert_alive(name)
