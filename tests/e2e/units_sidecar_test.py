# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-sidecar as systemd starts it: it serves, and whoever takes it over has the records and little more."""
import json
import os
import pathlib
import re
import subprocess
from typing import Any

from e2e import piped, run, wait_for
from sidecar_case import NODE_API
from units_case import UnitsTest

UNIT = pathlib.Path("/usr/lib/systemd/system/lpm-sidecar.service")
ATTACK = pathlib.Path("/run/systemd/system/lpm-sidecar-attack.service")
SECRETS = ("/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/pki/kubelet-client-current.pem",
           "/var/lib/kubelet/checkpoints/checkpoint-x.tar", "/root/.kube/config")

# What somebody would try who runs code in it. Its own filter of system calls is not there: the unit's alone is.
PROGRAM = r"""
import ctypes, json, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
found = {}

def attempt(what, act):
    try:
        act()
        found[what] = "done"
    except OSError as error:
        found[what] = error.strerror

def call(function, *arguments):
    if function(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def ask_cri():
    done = subprocess.run(["/usr/bin/lpm-sidecar", "--ask-cri", "--endpoint", "/run/crio/crio.sock"], capture_output=True)
    if done.returncode != 0:
        raise OSError(0, done.stderr.decode().strip())

for path in sys.argv[1:]:
    attempt("read " + path, lambda: open(path, "rb").read(1))
attempt("list /var/lib/kubelet", lambda: os.listdir("/var/lib/kubelet"))
attempt("list /home", lambda: os.listdir("/home"))
for folder in ("/var/lib/lpm", "/run/lpm", "/etc/lpm", "/usr/bin", "/"):
    attempt("write " + folder, lambda: open(folder + "/attack", "w").write("x"))
attempt("read records", lambda: os.listdir("/var/lib/lpm"))
attempt("ask the gate", lambda: socket.socket(socket.AF_UNIX).connect("/run/lpm/gate.sock"))
for path in ("/var/run/crio/crio.sock", "/run/crio/crio.sock"):
    attempt("connect to " + path, lambda: socket.socket(socket.AF_UNIX).connect(path))
attempt("become lpm-ask-cri", lambda: ask_cri())
attempt("raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("packet socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("environment of process 1", lambda: open("/proc/1/environ", "rb").read())
attempt("kill process 1", lambda: os.kill(1, 0))
handle = (ctypes.c_ubyte * 16)(8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0)
place = os.open("/var/lib/lpm", os.O_RDONLY)
attempt("open_by_handle_at", lambda: call(libc.open_by_handle_at, place, ctypes.byref(handle), os.O_RDONLY))
attempt("mount", lambda: call(libc.mount, b"none", b"/tmp", b"tmpfs", 0, None))
attempt("unshare", lambda: call(libc.unshare, 0x10000000))
attempt("ptrace", lambda: call(libc.ptrace, 16, 1, 0, 0))
attempt("setuid", lambda: os.setuid(0))
print(json.dumps(found), flush=True)
"""
ALLOWED = {"read records", "ask the gate"}


class Sidecar(UnitsTest):
    def setUp(self) -> None:
        super().setUp()
        run("systemctl", "start", "lpm-sidecar.service")
        self.addCleanup(run, "systemctl", "stop", "lpm-sidecar.service", "lpm-sidecar.socket", "lpm-gate.socket", check=False)
        self.api = NODE_API.Client("unix:/run/lpm/sidecar.sock")
        self.addCleanup(self.api.close)

    def pid(self) -> int:
        return int(run("systemctl", "show", "--property=MainPID", "--value", "lpm-sidecar.service").stdout)

    def test_it_serves(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 1)
        self.assertEqual(self.api.GetNodeInfo().kernel, os.uname().release)
        self.assertEqual(self.api.Preflight(target={"id": cid}).code, "")
        status = pathlib.Path(f"/proc/{self.pid()}/status").read_text()
        for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb"):
            self.assertIn(f"Cap{kind}:\t{0:016x}\n", status)
        self.assertIn("Seccomp:\t2\n", status)
        self.assertIn("NoNewPrivs:\t1\n", status)

    def test_it_is_started_again(self) -> None:
        first = self.pid()
        os.kill(first, 9)
        wait_for("another one serves", lambda: self.pid() not in (0, first), seconds=30)
        self.assertEqual(self.api.GetNodeInfo(timeout=60).kernel, os.uname().release)

    def test_its_exposure(self) -> None:
        said = run("systemd-analyze", "security", "--no-pager", "lpm-sidecar.service", check=False).stdout
        exposure = re.search(r"Overall exposure level for lpm-sidecar.service: ([0-9.]+)", said)
        assert exposure is not None, said
        print(f"exposure {exposure[1]}", flush=True)
        self.assertLessEqual(float(exposure[1]), 2.5)

    def listening_crio(self) -> None:
        """A CRI runtime at the place of CRI-O's, whom everybody may ask."""
        place = pathlib.Path("/run/crio/crio.sock")
        place.parent.mkdir(exist_ok=True)
        self.addCleanup(place.unlink)
        fake = subprocess.Popen(["/opt/lpm/tests/support/fake_cri.py", place, "good"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(fake.wait)
        self.addCleanup(fake.kill)
        self.assertEqual(piped(fake.stdout).readline(), "listens\n")
        place.chmod(0o666)
        run("/usr/bin/lpm-sidecar", "--ask-cri")

    def test_who_takes_it_over(self) -> None:
        self.listening_crio()
        for path in SECRETS:
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            pathlib.Path(path).write_text("secret")
            self.addCleanup(pathlib.Path(path).unlink)
        program = pathlib.Path("/usr/local/lib/lpm-attack.py")
        program.write_text(PROGRAM)
        self.addCleanup(program.unlink)
        text = UNIT.read_text().replace("Type=notify", "Type=oneshot").replace("Restart=on-failure\n", "")
        words = " ".join(("/etc/shadow", "/etc/passwd", *SECRETS))
        text = re.sub("^ExecStart=.*$", f"ExecStart=/usr/bin/python3 {program} {words}", text, flags=re.MULTILINE)
        ATTACK.parent.mkdir(parents=True, exist_ok=True)
        ATTACK.write_text(text)
        self.addCleanup(run, "systemctl", "daemon-reload")
        self.addCleanup(ATTACK.unlink)
        run("systemctl", "daemon-reload")
        run("systemctl", "start", ATTACK.name)
        said = run("journalctl", f"--unit={ATTACK.name}", "--output=cat", "--no-pager").stdout
        line = next(line for line in said.splitlines() if line.startswith("{"))
        found: dict[str, Any] = json.loads(line)
        print("\n".join(f"  {what}: {result}" for what, result in found.items()), flush=True)
        self.assertGreater(len(found), 20)
        self.assertEqual({what for what, result in found.items() if result == "done"}, ALLOWED)
