# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpmctl doctor beside real CRI-O and a real kubelet: what runs is not what files say."""
import json
import os
import pathlib
import signal

from e2e import RUNTIME, run, wait_for
from oci_spec import Json
from suite import ClusterTest, container

LPMCTL = "/usr/bin/lpmctl"
CONFIG = pathlib.Path("/etc/crio/crio.conf.d/10-cluster.conf")
OTHER = "/usr/sbin/runc"


class Doctor(ClusterTest):
    def ask(self) -> dict[str, Json]:
        done = run(LPMCTL, "doctor", "-o", "json", check=False, timeout=60)
        lines: dict[str, Json] = {line["id"]: line for line in json.loads(done.stdout)["lines"]}
        failed = [line for line in lines.values() if line["state"] == "fail"]
        self.assertEqual(done.returncode, 1 if failed else 0, failed)
        return lines

    def reload(self) -> None:
        pid = int(json.loads(run("lpm-sidecar", "--ask-cri").stdout)["endpoint"]["pid"])
        self.assertEqual(pathlib.Path(f"/proc/{pid}/comm").read_text(), "crio\n")
        os.kill(pid, signal.SIGHUP)

    def test_a_good_node(self) -> None:
        self.pod(container("ctr"))
        lines = self.ask()
        self.assertEqual([line for line in lines.values() if line["state"] == "fail"], [])
        for name in ("Runtime", "RuntimeCheckpoint", "Criu", "CriuVersion", "CrioConfiguration", "CrioHandlers",
                     "CrioHandlerKeys", "CrioMonitorPath", "CrioCriuSupport", "CrioAnswer", "CrioContainers", "KubeletGate",
                     "KubeletEndpoint"):
            self.assertEqual(lines[name]["state"], "ok", lines[name])
        self.assertRegex(lines["CrioAnswer"]["found"], r"^cri-o 1\.\S+ takes checkpoints$")
        self.assertRegex(lines["KubeletGate"]["found"], rf"^kubelet {self.cluster.release}, ")
        self.assertRegex(lines["CrioContainers"]["found"], r"^[1-9]\d* containers run, all through lpm$")

    def test_changed_and_reloaded_but_not_restarted(self) -> None:
        before = CONFIG.read_text()
        self.assertIn(RUNTIME, before)

        def mend() -> None:
            CONFIG.write_text(before)
            self.reload()
            wait_for("CRI-O has read it", lambda: self.told() == RUNTIME)
        self.addCleanup(mend)
        CONFIG.write_text(before.replace(RUNTIME, OTHER))
        lines = self.ask()
        self.assertEqual(lines["CrioHandlers"]["state"], "fail", lines["CrioHandlers"])
        self.assertEqual((lines["CrioRestart"]["state"], lines["CrioRestart"]["remedy"]), ("fail", "systemctl restart crio"))
        self.assertIn(f"files say {OTHER} for handler runc, and CRI-O has {RUNTIME}", lines["CrioRestart"]["found"])
        self.reload()
        wait_for("CRI-O has read it", lambda: self.told() == OTHER)
        line = self.ask()["CrioRestart"]
        self.assertEqual((line["state"], line["remedy"]), ("warn", "systemctl restart crio"))
        self.assertRegex(line["found"], rf"{CONFIG} was changed at \S+: a reload is not enough$")

    def told(self) -> str:
        """The runtime that CRI-O says it has."""
        status = json.loads(run("lpm-sidecar", "--ask-cri").stdout)["status"]
        return str(status["crio"]["handlers"]["runc"]["runtime_path"])
