# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What systemd starts of lpm (packaging/systemd), as it is installed."""
import concurrent.futures
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
from typing import Any

import crio_archive
from e2e import run, wait_for
from units_case import UnitsTest

UNITS = pathlib.Path("/usr/lib/systemd/system")
GATE_SOCKET = "/run/lpm/gate.sock"


class Units(UnitsTest):
    def started(self, unit: str) -> None:
        run("systemctl", "start", unit)
        self.addCleanup(run, "systemctl", "stop", unit, check=False)

    def counter(self) -> str:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 1)
        return cid

    def ask(self, **request: Any) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(60)
            peer.connect(GATE_SOCKET)
            peer.sendall(json.dumps(request).encode())
            peer.shutdown(socket.SHUT_WR)
            text = b""
            while chunk := peer.recv(65536):
                text += chunk
        answer: dict[str, Any] = json.loads(text)
        return answer

    def test_are_what_systemd_reads(self) -> None:
        names = sorted(str(p) for p in UNITS.glob("lpm-*") if not p.name.startswith("lpm-suite"))
        self.assertGreaterEqual(len(names), 7)
        done = run("systemd-analyze", "verify", "--man=no", *names)
        self.assertEqual(done.stdout + done.stderr, "")

    def test_a_container_runs_again_within_a_minute(self) -> None:
        """Its engine is killed in the tar; with the settings that there are without lpm.toml."""
        self.started("lpm-rescue.timer")
        cid = self.counter()
        pid = os.fork()
        if pid == 0:
            try:
                crio_archive.pack = lambda *_: time.sleep(300)
                self.crio.checkpoint(cid, self.work / "archive.tar")
            finally:
                os._exit(1)
        wait_for("the checkpoint is taken", lambda: any(
            r["operation"] == "checkpoint" and r.get("outcome") == "completed" for r in self.records()))
        self.assertEqual(self.status(cid), "paused")
        time.sleep(15)  # rounds of the timer: as long as the engine lives nothing is touched
        self.assertEqual(self.status(cid), "paused")
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        died = time.monotonic()
        wait_for("the container runs again", lambda: self.status(cid) == "running", seconds=60)
        print(f"thawed {time.monotonic() - died:.0f} s after its engine's death", flush=True)
        self.assert_no_gap(self.lines(cid, len(self.lines(cid)) + 2))
        said = run("journalctl", "--unit=lpm-rescue.service", "--output=cat", "--no-pager").stdout
        self.assertIn(f"{cid}: thawed", said)
        self.assertLess(said.count("\n"), 5, "a round that finds nothing to do says nothing: " + said)

    def test_the_gate_is_asked_on_its_socket(self) -> None:
        self.started("lpm-gate.socket")
        cid = self.counter()
        record = self.ask(verb="preflight", id=cid)["record"]
        self.assertNotIn("block", [c["verdict"] for c in record["checks"]])
        self.assertTrue(record["criu"]["version"])
        self.assertEqual(self.ask(verb="preflight", id="nobody")["error"]["code"], "absent")
        info = os.stat(GATE_SOCKET)
        self.assertEqual(info.st_mode & 0o777, 0o660)
        done = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "python3", "-c",
                   f"import socket; socket.socket(socket.AF_UNIX).connect({GATE_SOCKET!r})", check=False)
        self.assertIn("PermissionError", done.stderr)

    def test_many_requests_are_all_answered(self) -> None:
        """As many at once as lpm-sidecar asks (most_gates), more in a moment than systemd takes for a loop."""
        self.started("lpm-gate.socket")
        cid = self.counter()
        with concurrent.futures.ThreadPoolExecutor(48) as pool:
            answers = list(pool.map(lambda _: self.ask(verb="preflight", id=cid), range(300)))
        self.assertEqual({answer["record"]["container"]["id"] for answer in answers}, {cid})
        self.assertEqual(subprocess.run(["systemctl", "is-failed", "lpm-gate.socket"], capture_output=True, text=True,
                                        check=False).stdout.strip(), "active")
