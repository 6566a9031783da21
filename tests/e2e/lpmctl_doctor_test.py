# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpmctl doctor on a node: a good one, and each fault by its name and its remedy."""
import json
import os
import pathlib
import platform
import shutil

from crio_runtime import DAEMON_PATH
from e2e import LINK, REAL, RUNTIME, NodeTest, run
from oci_spec import Json

LPMCTL = "/usr/bin/lpmctl"
FOLDER = pathlib.Path("/etc/crio/crio.conf.d")
HANDLER = """[crio.runtime]
default_runtime = "runc"
enable_criu_support = {support}
[crio.runtime.runtimes.runc]
runtime_path = "{runtime}"
runtime_root = "/run/runc"
monitor_env = [{path}]
allowed_annotations = ["io.kubernetes.cri-o.Devices"]
"""
# Neither CRI-O nor kubelet nor systemd runs on this node.
UNKNOWN = {"CrioRestart", "CrioAnswer", "KubeletGate", "KubeletEndpoint", "Timers"}
NO_CRIU = b"this runc binary has not been compiled with checkpoint/restore support enabled (runc_nocriu)"


def kernel() -> tuple[int, int]:
    major, minor = platform.release().split(".")[:2]
    return int(major), int(minor)


class Doctor(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.addCleanup(shutil.rmtree, FOLDER.parent)
        self.configure()
        # CRIU before 4.2 is a fault of its own on these kernels.
        version = run("criu", "--version").stdout.split()[1]
        self.faults = {"KnownPairs"} if kernel() >= (6, 16) and version < "4.2" else set()

    def configure(self, runtime: object = RUNTIME, path: str | None = DAEMON_PATH, support: str = "true") -> None:
        text = HANDLER.format(runtime=runtime, path="" if path is None else f'"PATH={path}"', support=support)
        (FOLDER / "10-runc.conf").write_text(text)

    def lead_to(self, target: object) -> None:
        """/etc/lpm/runtime, until the test ends."""
        self.assertEqual(os.readlink(LINK), REAL)
        LINK.unlink()
        LINK.symlink_to(str(target))
        self.addCleanup(LINK.symlink_to, REAL)
        self.addCleanup(LINK.unlink)

    def program(self, name: str, text: str) -> pathlib.Path:
        path = self.work / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    def ask(self) -> dict[str, Json]:
        """Its lines by their ids; the exit status is right."""
        done = run(LPMCTL, "doctor", "-o", "json", check=False, timeout=60)
        self.assertEqual(done.stderr, "")
        lines: dict[str, Json] = {line["id"]: line for line in json.loads(done.stdout)["lines"]}
        for line in lines.values():
            self.assertEqual(set(line), {"id", "state", "found", "remedy"})
            self.assertEqual(line["remedy"] == "", line["state"] == "ok", line)
        self.assertEqual(done.returncode, 1 if any(line["state"] == "fail" for line in lines.values()) else 0)
        return lines

    def finds(self, fault: str, state: str, found: str, remedy: str) -> dict[str, Json]:
        lines = self.ask()
        line = lines[fault]
        print(f"  {fault}: {line['found']} -> {line['remedy']}", flush=True)
        self.assertEqual(line["state"], state, line)
        self.assertIn(found, line["found"])
        self.assertIn(remedy, line["remedy"])
        return lines

    def of_state(self, lines: dict[str, Json], state: str) -> set[str]:
        return {name for name, line in lines.items() if line["state"] == state}

    def test_a_good_node(self) -> None:
        lines = self.ask()
        self.assertEqual(self.of_state(lines, "fail"), self.faults)
        self.assertEqual(self.of_state(lines, "unknown"), UNKNOWN)
        self.assertEqual(self.of_state(lines, "warn") - {"KnownPairs"}, {"GateSocket", "SidecarSocket"})
        done = run(LPMCTL, "doctor", check=False)
        self.assertEqual(done.returncode, 1 if self.faults else 0)
        self.assertRegex(done.stdout, r"(?m)^ok +Runtime +/usr/sbin/runc, runc 1\.")
        self.assertRegex(done.stdout, r"(?m)^warn +SidecarSocket +nobody listens at /run/lpm/sidecar.sock .*\n"
                                      r" +-> systemctl enable --now lpm-sidecar.socket")
        self.assertNotIn("\033", done.stdout)
        told = run(LPMCTL, "doctor", "-o", "yaml", check=False).stdout
        self.assertIn('id: "Runtime"\n', told)

    def test_root_only(self) -> None:
        done = run("setpriv", "--reuid=65534", "--clear-groups", LPMCTL, "doctor", check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("run it as root", done.stderr)

    def test_criu(self) -> None:
        self.configure(path="/nowhere")
        lines = self.finds("Criu", "fail", "not on the PATH of handler runc (/nowhere)", "apt install")
        self.assertEqual([lines[line]["state"] for line in ("CriuVersion", "CriuCheck", "KnownPairs")], ["unknown"] * 3)
        self.program("criu", 'case $1 in --version) echo "Version: 3.11";; *) exit 1;; esac\n')
        self.configure(path=f"{self.work}/bin:{DAEMON_PATH}")
        self.finds("CriuVersion", "fail", "is CRIU 3.11, and the runtime needs at least 3.16", "apt install")

    def test_a_runtime_without_checkpoint(self) -> None:
        self.lead_to(self.program("crun", 'case $1 in --version) echo "crun version 1.14.1"; exit 0;; esac\n'
                                          'echo "unknown command $1" >&2\nexit 1\n'))
        self.finds("RuntimeCheckpoint", "fail", "its --help fails (unknown command checkpoint)", "built with CRIU")
        LINK.unlink()
        without = self.work / "bin/runc"
        without.write_bytes(pathlib.Path(REAL).read_bytes() + NO_CRIU)
        without.chmod(0o755)
        LINK.symlink_to(without)
        self.finds("RuntimeCheckpoint", "fail", NO_CRIU.decode(), "without the build tag runc_nocriu")

    def test_where_the_runtime_is(self) -> None:
        self.lead_to("/opt/gone/runc")
        self.finds("Runtime", "fail", f"leads to /opt/gone/runc, which is not there: calls go to {REAL} instead", "ln -sfn")
        LINK.unlink()
        LINK.symlink_to("/opt/gone/crun")
        lines = self.finds("Runtime", "fail", "leads to /opt/gone/crun, which is not there", "ln -sfn")
        self.assertEqual(lines["RuntimeCheckpoint"]["state"], "unknown")
        LINK.unlink()
        LINK.symlink_to("/usr/bin/lpm-runc")
        self.finds("Runtime", "fail", f"/etc/lpm/runtime leads back to lpm-runc: calls go to {REAL}", "ln -sfn")
        LINK.unlink()
        LINK.symlink_to(self.program("wrapper", 'exec /usr/bin/lpm-runc "$@"\n'))
        self.finds("Runtime", "fail", f"leads to the script {self.work}/bin/wrapper, which leads back to lpm-runc", "ln -sfn")

    def test_handlers(self) -> None:
        self.configure(runtime=REAL)
        self.finds("CrioHandlers", "fail", f"not through lpm: runc, the default one ({REAL})", "systemctl restart crio")
        self.configure(path=None)
        self.finds("CrioMonitorPath", "warn", "no PATH in handler runc", "monitor_env = [")
        self.configure(support="false")
        self.finds("CrioCriuSupport", "fail", "enable_criu_support is false", "enable_criu_support = true")
        self.configure()
        later = FOLDER / "zz.conf"
        later.write_text(f'[crio.runtime.runtimes.runc]\nruntime_path = "{RUNTIME}"\n')
        self.finds("CrioHandlerKeys", "fail",
                   f"{later} takes runtime_root, monitor_env, allowed_annotations of handler runc away",
                   "systemctl restart crio")
        later.write_text("[crio.runtime\n")
        self.finds("CrioConfiguration", "fail", f"would not start again: {later}:1", "mend that file")

    def test_disk_full(self) -> None:
        archives = pathlib.Path("/var/lib/kubelet/checkpoints")
        archives.mkdir(parents=True, exist_ok=True)
        self.addCleanup(shutil.rmtree, archives.parent)
        run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", archives)
        try:
            self.finds("DiskSpace", "fail", f"free for the kubelet's archives (file system of {archives})",
                       f"du -xsh {archives}")
        finally:
            run("umount", archives)

    def test_bypass(self) -> None:
        bypass = pathlib.Path("/etc/lpm/bypass")
        bypass.touch()
        self.addCleanup(bypass.unlink)
        self.finds("Bypass", "warn", f"{bypass} is there", f"rm {bypass}")

    def test_containers_without_lpm(self) -> None:
        cid = self.start("counter", "/bin/counter")
        self.assertEqual(self.ask()["CrioContainers"]["state"], "ok")
        self.crio.runtime.path = REAL
        other = self.start("other", "/bin/counter")
        lines = self.finds("CrioContainers", "warn", f"made without lpm: {other[:12]}", "systemctl restart crio")
        self.assertNotIn(cid[:12], lines["CrioContainers"]["found"])
