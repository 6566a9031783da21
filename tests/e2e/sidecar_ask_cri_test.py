# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-sidecar --ask-cri: containerd as it is, and what else may listen where a runtime would (fake_cri.py)."""
import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from e2e import Done, NodeTest, run, wait_for
from oci_spec import Json

SIDECAR = pathlib.Path("/usr/bin/lpm-sidecar")
ASKER = pathlib.Path("/usr/libexec/lpm/lpm-ask-cri")
FAKE = "/opt/lpm/tests/support/fake_cri.py"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
# What is no runtime, or none that answers: the message that names it.
NONE = {"deaf": "nobody was let in in time", "mute": "has not answered in time", "garbage": "no answer of the CRI",
        "hanging-up": "Unavailable", "datagram": "of another kind", "hang": "has not answered in time",
        "old": "no such call of the CRI v1", "strange": "no answer of the CRI"}
# A process that begins as a copy of a large one would count as large.
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
LARGE = {"huge": "more than is read", "bomb": "no answer of the CRI"}


class AskCri(NodeTest):
    flavours = ("trixie",)

    def setUp(self) -> None:
        super().setUp()
        self.socket = self.work / "cri.sock"

    @contextlib.contextmanager
    def fake(self, kind: str, *as_whom: str) -> Iterator[int]:
        """Its process id."""
        self.socket.unlink(missing_ok=True)
        with subprocess.Popen([*as_whom, FAKE, self.socket, kind], stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                self.assertEqual(process.stdout.readline(), b"listens\n", kind)
                yield process.pid
            finally:
                process.kill()

    def ask(self, *options: object, status: int = 0, program: tuple[object, ...] = (SIDECAR, "--ask-cri")) -> tuple[Json, str]:
        """What it prints, and its message."""
        done: Done = run(*program, *options, check=False, timeout=60)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(done.stderr.count("\n"), 0 if status == 0 else 1, done.stderr)
        return json.loads(done.stdout), done.stderr.strip()

    def ask_fake(self, status: int = 0) -> tuple[Json, str]:
        return self.ask("--endpoint", f"unix://{self.socket}", "--timeout", 1, status=status)

    def test_a_runtime(self) -> None:
        with self.fake("good") as pid:
            found, _ = self.ask_fake()
        self.assertEqual(found, {
            "schema": 1, "endpoint": {"socket": str(self.socket), "pid": pid, "problems": []},
            "version": {"runtime": "fake", "version": "1.2.3  [31m", "api": "v1"},
            "status": {"conditions": [{"type": "RuntimeReady", "status": True, "reason": "", "message": ""}],
                       "handlers": {"": {"recursive_read_only_mounts": False, "user_namespaces": True}},
                       "config": {"sandboxImage": "pause"},
                       "crio": {"unknown": "it tells nothing of it: it is no CRI-O, or an older one"}},
            "checkpoint": {"answer": "enabled", "said": f'could not find container "{"0" * 64}"'}})

    def test_a_part_that_is_not_answered_is_unknown(self) -> None:
        for kind, part, word in (("slow-status", "status", "has not answered in time"),
                                 ("many", "status/handlers", "more than 1000")):
            with self.fake(kind):
                found, _ = self.ask_fake()
            self.assertEqual(found["checkpoint"]["answer"], "enabled", kind)
            for key in part.split("/"):
                found = found[key]
            self.assertIn(word, found["unknown"])

    def test_a_runtime_without_checkpoints(self) -> None:
        for kind, answer in (("disabled", "disabled"), ("no-checkpoint", "not-implemented")):
            with self.fake(kind):
                self.assertEqual(self.ask_fake()[0]["checkpoint"]["answer"], answer)

    def test_what_is_no_runtime(self) -> None:
        for kind, word in NONE.items():
            with self.subTest(kind), self.fake(kind):
                began = time.monotonic()
                found, message = self.ask_fake(status=1)
                self.assertLess(time.monotonic() - began, 10)
                print(f"  {kind}: {message}", flush=True)
                self.assert_not_asked(found, message, word)

    def assert_not_asked(self, found: Json, message: str, word: str) -> None:
        self.assertIn(word, found["version"]["unknown"])
        self.assertEqual(message, f"lpm-sidecar: {found['endpoint']['socket']}: {found['version']['unknown']}")
        for part in ("status", "checkpoint"):
            self.assertIn("not asked", found[part]["unknown"])

    def test_a_large_answer_takes_no_memory(self) -> None:
        for kind, word in LARGE.items():
            with self.fake(kind):
                done = run(sys.executable, "-c", MEASURED, ASKER, "--endpoint", self.socket, "--timeout", 30)
            mib = int(done.stdout.split()[-1]) >> 10
            print(f"  {kind}: {mib} MiB", flush=True)
            self.assertIn(word, done.stderr)
            self.assertLess(mib, 40)

    def test_places_where_nobody_listens(self) -> None:
        with self.fake("mute"):
            pass  # and it leaves its socket
        left, file = self.socket, self.work / "file"
        file.touch()
        for place, word in ((self.work / "none", "there is no socket"), (file / "below", "there is no socket"),
                            (file, "it is no socket"), (self.work, "it is no socket"), (left, "nobody listens there")):
            found, message = self.ask("--endpoint", place, status=1)
            print(f"  {message}", flush=True)
            self.assert_not_asked(found, message, word)
            self.assertIn("unknown", found["endpoint"]["pid"])

    def test_who_may_ask_and_who_is_asked(self) -> None:
        with self.fake("good"):
            self.socket.chmod(0o600)
            found, message = self.ask("--endpoint", self.socket, status=1, program=(*NOBODY, SIDECAR, "--ask-cri"))
        self.assert_not_asked(found, message, "run this as root")
        self.work.chmod(0o777)
        with self.fake("good", *NOBODY) as pid:
            found, message = self.ask("--endpoint", self.socket, status=1)
        self.assert_not_asked(found, message, f"process {pid} of user 65534 listens there, and not root")

    def test_arguments(self) -> None:
        for options in (("--endpoint", "tcp://127.0.0.1:1"), ("--endpoint", ""), ("--endpoint", "crio.sock"), ("--timeout", "0"),
                        ("--timeout", "61"), ("--endpoint", "/" + "x" * 200), ("more",)):
            done = run(SIDECAR, "--ask-cri", *options, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), options)
            self.assertTrue(done.stderr, options)
        done = run(SIDECAR, "--socket", self.work / "s", "--ask-cri", check=False, timeout=20)
        self.assertIn("--ask-cri comes first", done.stderr, "and no daemon is started")

    def test_the_socket_of_crios_configuration(self) -> None:
        folder = pathlib.Path("/etc/crio/crio.conf.d")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("10-a.conf", '[crio.api]\nlisten = "/nowhere"\n'),
                           ("20-b.conf", f'[crio.api]\nlisten = "{self.socket}"\n'), ("30-c.conf", "[crio.api\n")):
            (folder / name).write_text(text)
            self.addCleanup((folder / name).unlink)
        with self.fake("good"):
            found, _ = self.ask()
        self.assertEqual(found["endpoint"]["socket"], str(self.socket))
        self.assertEqual(len(found["endpoint"]["problems"]), 1)
        self.assertIn("30-c.conf", found["endpoint"]["problems"][0])

    def test_containerd(self) -> None:
        """It has no checkpoints, and its configuration has a password."""
        place, log = self.work / "containerd.sock", self.work / "containerd.log"
        config = self.work / "config.toml"
        config.write_text(f'version = 2\nroot = "{self.work}/root"\nstate = "{self.work}/state"\n[grpc]\naddress = "{place}"\n'
                          '[plugins."io.containerd.grpc.v1.cri".registry.configs."example.org".auth]\npassword = "geheim"\n')
        with open(log, "w") as output, subprocess.Popen(["containerd", "--config", config], stdin=subprocess.DEVNULL,
                                                        stdout=output, stderr=output) as daemon:
            self.addCleanup(run, "umount", "--lazy", f"{self.work}/state", check=False)
            try:
                wait_for("containerd", lambda: "successfully booted" in log.read_text(), 30)
                found, _ = self.ask("--endpoint", place)
            finally:
                daemon.send_signal(signal.SIGTERM)
                daemon.wait(30)
        self.assertEqual((found["version"]["runtime"], found["version"]["api"]), ("containerd", "v1"))
        self.assertIn(found["version"]["version"], run("containerd", "--version").stdout)
        self.assertEqual(found["endpoint"]["pid"], daemon.pid)
        conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
        self.assertTrue(conditions["RuntimeReady"])
        self.assertIn("tells of none", found["status"]["handlers"]["unknown"])
        self.assertIn("pause", found["status"]["config"]["sandboxImage"])
        self.assertNotIn("geheim", json.dumps(found))
        self.assertEqual(found["checkpoint"]["answer"], "not-implemented")

    def test_the_daemon_does_not_speak_it(self) -> None:
        """What it would have to know is in the other program only."""
        service = b"runtime.v1.RuntimeService"
        self.assertIn(service, ASKER.read_bytes())
        self.assertNotIn(service, SIDECAR.read_bytes())
