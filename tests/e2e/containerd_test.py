# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""containerd with lpm-runc as the runc binary of its shim."""
import json
import os
import pathlib
import re
import subprocess
import tarfile
from collections.abc import Callable
from typing import IO

from e2e import REAL, RUNTIME, NodeTest, run, wait_for
from oci_spec import Json, make_spec

STATE = pathlib.Path("/var/lib/containerd/test")
IMAGE = "docker.io/library/test:latest"


class Containerd(NodeTest):
    daemon: subprocess.Popen[bytes]
    log: IO[str]

    @classmethod
    def setUpClass(cls) -> None:
        STATE.mkdir(parents=True, exist_ok=True)
        config = STATE / "config.toml"
        config.write_text(f'version = 2\nroot = "{STATE}/root"\nstate = "/run/containerd"\n'
                          'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
        cls.log = open(STATE / "containerd.log", "w")
        cls.daemon = subprocess.Popen(["containerd", "--config", config], stdin=subprocess.DEVNULL,
                                      stdout=cls.log, stderr=cls.log)
        wait_for("containerd", lambda: run("ctr", "version", check=False).returncode == 0, 30)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.daemon.terminate()
        cls.daemon.wait(30)
        cls.log.close()

    def setUp(self) -> None:
        super().setUp()
        if IMAGE not in run("ctr", "images", "ls", "-q").stdout:
            self.import_image()

    def import_image(self) -> None:
        """An OCI layout of one layer, made by hand."""
        import hashlib
        layout = self.work / "layout"
        (layout / "blobs/sha256").mkdir(parents=True)

        def put(data: bytes) -> Json:
            digest = hashlib.sha256(data).hexdigest()
            (layout / "blobs/sha256" / digest).write_bytes(data)
            return {"digest": f"sha256:{digest}", "size": len(data)}

        layer = self.work / "layer.tar"
        with tarfile.open(layer, "w") as tar:
            tar.add(self.rootfs, arcname=".")
        blob = put(layer.read_bytes())
        config = put(json.dumps({"architecture": os.uname().machine.replace("x86_64", "amd64"), "os": "linux",
                                 "config": {"Cmd": ["/bin/counter"]},
                                 "rootfs": {"type": "layers", "diff_ids": [blob["digest"]]}}).encode())
        kind = "application/vnd.oci.image."
        manifest = put(json.dumps({
            "schemaVersion": 2, "mediaType": kind + "manifest.v1+json",
            "config": dict(config, mediaType=kind + "config.v1+json"),
            "layers": [dict(blob, mediaType=kind + "layer.v1.tar")]}).encode())
        (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [dict(
            manifest, mediaType=kind + "manifest.v1+json",
            annotations={"io.containerd.image.name": IMAGE, "org.opencontainers.image.ref.name": "latest"})]}))
        archive = self.work / "image.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(layout, arcname=".")
        run("ctr", "images", "import", archive)

    def config(self, *args: str) -> pathlib.Path:
        """A config.json of our own, to make mistakes in."""
        path = self.work / "config.json"
        spec = make_spec(args, self.rootfs, f"/containerd-{os.urandom(3).hex()}")
        path.write_text(json.dumps(spec))
        return path

    def container(self, name: str) -> str:
        def remove() -> None:
            run("ctr", "task", "kill", "--signal", "KILL", name, check=False)
            run("ctr", "task", "rm", "--force", name, check=False)
            run("ctr", "container", "rm", name, check=False)
        self.addCleanup(remove)
        return name

    def ctr_run(self, name: str, *args: str, runtime: str = RUNTIME) -> pathlib.Path:
        log = self.work / f"{name}.log"
        run("ctr", "run", "--detach", "--runc-binary", runtime, "--log-uri", f"file://{log}", IMAGE,
            self.container(name), *args)
        return log

    def test_run_exec_kill(self) -> None:
        self.ctr_run("life", "/bin/counter")
        done = run("ctr", "task", "exec", "--exec-id", "e1", "life", "echo", "inside")
        self.assertEqual(done.stdout, "inside\n")
        run("ctr", "task", "pause", "life")
        run("ctr", "task", "resume", "life")
        self.assertRegex(run("ctr", "task", "ls").stdout, r"life +\d+ +RUNNING")
        run("ctr", "task", "kill", "--signal", "KILL", "life")
        wait_for("the end", lambda: "STOPPED" in run("ctr", "task", "ls").stdout)
        run("ctr", "task", "rm", "life")
        self.assertEqual(self.records(), [])

    def test_checkpoint_and_restore(self) -> None:
        log = self.ctr_run("counter", "/bin/counter")
        wait_for("output", lambda: log.exists() and log.read_text().count("\n") > 3)
        reference = "localhost/checkpoint:latest"
        self.addCleanup(run, "ctr", "images", "rm", reference, check=False)
        run("ctr", "container", "checkpoint", "--image", "--task", "counter", reference)
        record = self.last_record("checkpoint", "completed")
        self.assertEqual(record["container"]["root"], "/run/containerd/runc/default")
        at_checkpoint = log.read_text().splitlines()
        run("ctr", "task", "kill", "--signal", "KILL", "counter")
        wait_for("the end", lambda: "RUNNING" not in run("ctr", "task", "ls").stdout)
        run("ctr", "task", "rm", "counter")
        run("ctr", "container", "rm", "counter")

        output = self.work / "restored.out"
        with open(output, "w") as file:
            # restore may pass on a line or two before it ends; attach goes on from there
            subprocess.run(["ctr", "container", "restore", "--live", self.container("restored"), reference],
                           stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=True)
            child = subprocess.Popen(["ctr", "task", "attach", "restored"], stdin=subprocess.DEVNULL,
                                     stdout=file, stderr=file)
        self.addCleanup(child.wait, 10)
        self.addCleanup(child.kill)
        lines = wait_for("output", lambda: (x := output.read_text().splitlines())[3:] and x)
        restored = self.last_record("restore", "completed")
        self.assertEqual(restored["container"]["id"], "restored")
        self.assert_fits(restored)
        self.assertEqual(lines[0].split()[0], at_checkpoint[0].split()[0])
        first = int(lines[0].split()[1])
        self.assertIn(first, range(1, len(at_checkpoint) + 2), "the count goes on")
        self.assert_no_gap(at_checkpoint[:first] + lines)

    def test_errors_of_a_failing_create_read_the_same(self) -> None:
        def fail(runtime: str, number: int, change: Callable[[Json], object]) -> tuple[int, str]:
            name = f"bad-{number}"
            config = self.config("/bin/true")
            spec = json.loads(config.read_text())
            change(spec)
            spec["linux"]["cgroupsPath"] = f"/{name}"
            config.write_text(json.dumps(spec))
            done = run("ctr", "run", "--detach", "--runc-binary", runtime, "--config", config,
                       self.container(name), check=False)
            run("ctr", "container", "rm", name, check=False)
            self.assertNotEqual(done.returncode, 0)
            return done.returncode, re.sub(r"time=\S+", "", done.stderr)

        for number, change in enumerate((
                lambda s: s["process"].update(args=["/no/such/program"]),
                lambda s: s["process"].update(cwd="/bin/busybox"),
                lambda s: s["mounts"].append({"destination": "/data", "type": "bind", "source": "/no/such/folder",
                                              "options": ["bind"]}))):
            self.assertEqual(fail(RUNTIME, number, change), fail(REAL, number, change))
