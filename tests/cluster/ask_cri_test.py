# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-sidecar --ask-cri on real CRI-O: what runs is not what files say."""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
from typing import Any

import node_api
import pytest
from crio_runtime import DAEMON_ENV
from e2e import RUNTIME, run, wait_for
from oci_spec import Json
from parts import CRIO
from suite import ClusterTest

ON, OFF = "enable_criu_support = true", "enable_criu_support = false"
OTHER = "/usr/sbin/runc"  # a runtime in the place of lpm's


def ask(*options: object) -> Json:
    found: Json = json.loads(run(node_api.SIDECAR, "--ask-cri", *options).stdout)
    return found


@pytest.mark.parallel
class AskCri(ClusterTest):
    def test_as_it_is(self) -> None:
        """By the socket of its configuration; the same as crictl is told."""
        found = ask()
        version = dict(re.findall(r"^(\w+): +(\S+)$", self.cluster.crictl("version").stdout, re.MULTILINE))
        self.assertEqual(found["version"], {"runtime": version["RuntimeName"], "version": version["RuntimeVersion"],
                                            "api": version["RuntimeApiVersion"]})
        told = json.loads(self.cluster.crictl("info").stdout)
        self.assertEqual(found["status"]["conditions"], told["status"]["conditions"])
        features = {one.get("name", ""): one["features"] for one in told["runtimeHandlers"]}
        self.assertEqual(found["status"]["handlers"], features)
        self.assertEqual(found["status"]["config"], {"sandboxImage": told["config"]["sandboxImage"]})
        self.assertEqual(found["status"]["crio"]["handlers"]["runc"]["runtime_path"], RUNTIME)
        self.assertEqual((found["checkpoint"]["answer"], found["endpoint"]["problems"]), ("enabled", []))
        self.assertEqual(pathlib.Path(f"/proc/{found['endpoint']['pid']}/comm").read_text(), "crio\n")


@pytest.mark.parallel
class Another(ClusterTest):
    """A CRI-O beside that of the node, which this test may start and stop. It has no network: at its start, CRI-O takes its
    network from each pod that it does not know (CNI's GC), and all of the node's CRI-O are such."""

    def setUp(self) -> None:
        super().setUp()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="ask", dir="/var/lib/containers"))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        self.socket = self.work / "crio.sock"
        self.file = self.work / "crio.conf"
        self.file.write_text(CRIO.format(socket=self.socket, runtime=RUNTIME))
        self.tools = self.work / "bin"
        self.tools.mkdir()
        self.find_criu()

    def find_criu(self) -> None:
        (self.tools / "criu").symlink_to("/usr/sbin/criu")

    def change(self, before: str, after: str) -> None:
        self.file.write_text(self.file.read_text().replace(before, after))

    def start(self) -> None:
        places = {"root": "root", "runroot": "runroot", "log-dir": "logs", "version-file": "version",
                  "clean-shutdown-file": "clean", "container-exits-dir": "exits", "container-attach-socket-dir": "attach",
                  "namespaces-dir": "namespaces", "cni-config-dir": "net.d"}
        options = [f"--{option}={self.work / place}" for option, place in places.items()]
        log = open(self.work / "log", "ab")
        self.addCleanup(log.close)
        # CRIU is in /usr/sbin, and on its PATH by the link only.
        self.crio: subprocess.Popen[bytes] = subprocess.Popen(
            ["/usr/local/bin/crio", "--config", self.file, "--config-dir", "", "--enable-nri=false",
             "--disable-hostport-mapping", *options],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env={**DAEMON_ENV, "PATH": f"{self.tools}:/usr/bin"})
        self.addCleanup(self.crio.wait)
        self.addCleanup(self.crio.kill)

        def answers() -> bool:
            self.assertIsNone(self.crio.poll(), (self.work / "log").read_text()[-3000:])
            return run(node_api.SIDECAR, "--ask-cri", "--endpoint", self.socket, check=False).returncode == 0
        wait_for("the other CRI-O answers", answers, 30)

    def restart(self) -> None:
        self.crio.terminate()
        self.crio.wait(20)
        self.start()

    def told(self) -> tuple[Any, ...]:
        """Whether it takes checkpoints, by its answer and by what it holds of its configuration; and the runtime that it
        holds."""
        found = ask("--endpoint", self.socket)
        crio = found["status"]["crio"]
        return found["checkpoint"]["answer"], crio["enable_criu_support"], crio["handlers"]["runc"]["runtime_path"]

    def test_what_runs(self) -> None:
        self.start()
        self.assertEqual(self.told(), ("enabled", True, RUNTIME))
        self.change(ON, OFF)
        self.change(RUNTIME, OTHER)
        self.assertEqual(self.told(), ("enabled", True, RUNTIME), "it has not read the file")
        self.crio.send_signal(signal.SIGHUP)
        wait_for("it has read the file", lambda: self.told()[2] == OTHER)
        self.assertEqual(self.told(), ("enabled", True, OTHER), "and takes checkpoints as before")
        self.restart()
        self.assertEqual(self.told(), ("disabled", False, OTHER))

    def test_a_criu_that_comes_later(self) -> None:
        (self.tools / "criu").unlink()
        self.start()
        self.assertEqual(self.told()[:2], ("disabled", False))
        self.find_criu()
        self.assertEqual(self.told()[0], "disabled")
        self.restart()
        self.assertEqual(self.told()[:2], ("enabled", True))
        (self.tools / "criu").unlink()
        self.assertEqual(self.told()[0], "enabled", "it looks at its start only")
