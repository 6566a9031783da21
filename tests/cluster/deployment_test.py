# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The controller as a Deployment, `kubectl apply -k deploy`: in a pod, with the identity and the addresses of one."""
import pathlib

import images
import pytest
from controller import ControllerTest
from deployed import CHECKPOINT, DEPLOY
from e2e import run, wait_for
from parts import ADDRESS
from suite import container

SERVICE = ["-d", "10.96.0.1/32", "-p", "tcp", "--dport", "443", "-j", "DNAT", "--to-destination", f"{ADDRESS}:6443"]


@pytest.mark.parallel
@pytest.mark.xdist_group("controller")
class Deployment(ControllerTest):
    toml = None

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for chain in ("PREROUTING", "OUTPUT"):  # kube-proxy's work
            run("iptables", "-t", "nat", "-A", chain, *SERVICE)
        [image] = pathlib.Path("/opt/lpm/packages").glob("lpm-controller_*.oci.tar")
        run("podman", "pull", "--quiet", f"oci-archive:{image}")
        run("podman", "push", "--quiet", "--tls-verify=false", "localhost/lpm-controller:0.1.0",
            f"docker://{images.ADDRESS}/library/lpm-controller:0.1.0")
        run("kubectl", "apply", "-k", DEPLOY)

    @classmethod
    def tearDownClass(cls) -> None:
        run("kubectl", "delete", "--wait=true", "deployment/lpm-controller", "configmap/lpm-controller", "-n", "lpm-system")
        wait_for("its pod is gone", lambda: not run("kubectl", "get", "pods", "-n", "lpm-system", "-o", "name").stdout, 60)
        for chain in ("PREROUTING", "OUTPUT"):
            run("iptables", "-t", "nat", "-D", chain, *SERVICE)

    def test_it_works_in_a_pod(self) -> None:
        run("kubectl", "rollout", "status", "deployment/lpm-controller", "-n", "lpm-system", "--timeout=90s")
        pod = self.pod(container("ctr"))
        name = self.ask(pod, "ctr")
        try:
            self.assert_completed(name)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + run("kubectl", "logs", "-n", "lpm-system",
                                                    "deployment/lpm-controller").stdout) from None
        holder = self.cluster.get(CHECKPOINT, name)["status"]["attempt"]["holder"]
        self.assertTrue(holder.startswith("lpm-controller-"), holder)
