# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""podman with lpm-runc as its runtime, and the same with runc itself for comparison."""
import os
import pathlib
import re
import tarfile

from crio_archive import read_json
from e2e import REAL, RUNTIME, Done, NodeTest, log_lines, run, wait_for
from oci_spec import make_rootfs


class PodmanTest(NodeTest):
    """podman with a busybox image, cgroups by hand, and containers that go when the test does."""

    def podman(self, *args: object, runtime: str = RUNTIME, check: bool = True) -> Done:
        return run("podman", "--runtime", runtime, "--cgroup-manager", "cgroupfs", *args, check=check,
                   env=dict(os.environ, PODMAN_IGNORE_CGROUPSV1_WARNING="1"))

    def setUp(self) -> None:
        super().setUp()
        if self.podman("image", "exists", "localhost/test", check=False).returncode != 0:
            tar = self.work / "image.tar"
            with tarfile.open(tar, "w") as file:
                file.add(self.rootfs, arcname=".")
            self.podman("import", tar, "localhost/test")
            tar.unlink()

    def container(self, name: str) -> str:
        self.addCleanup(self.podman, "rm", "--force", "--time", "0", name, check=False)
        return name

    def run_detached(self, name: str, *command: str, image: str = "localhost/test") -> pathlib.Path:
        log = self.work / f"{name}.log"
        self.podman("run", "--detach", "--name", self.container(name), "--network", "none", "--log-driver",
                    "k8s-file", "--log-opt", f"path={log}", image, *command)
        return log

    def state(self, name: str) -> str:
        return self.podman("inspect", "--format", "{{.State.Status}}", name).stdout.strip()


class Podman(PodmanTest):
    def test_run_exec_pause_stop(self) -> None:
        done = self.podman("run", "--rm", "--network", "none", "localhost/test", "sh", "-c", "echo out; exit 4",
                           check=False)
        self.assertEqual((done.returncode, done.stdout), (4, "out\n"))
        self.run_detached("life", "/bin/counter")
        self.assertEqual(self.podman("exec", "life", "echo", "inside").stdout, "inside\n")
        self.assertEqual(self.podman("exec", "life", "sh", "-c", "exit 5", check=False).returncode, 5)
        self.podman("pause", "life")
        self.assertEqual(self.state("life"), "paused")
        self.podman("unpause", "life")
        self.assertEqual(self.state("life"), "running")
        self.podman("stop", "--time", "1", "life")
        self.assertEqual(self.state("life"), "exited")
        self.assertEqual(self.records(), [])

    def test_checkpoint_export_restore_import(self) -> None:
        log = self.run_detached("exported", "/bin/counter")
        wait_for("output", lambda: len(log_lines(log)) > 3)
        archive = self.work / "checkpoint.tar.gz"
        self.podman("container", "checkpoint", "--export", archive, "--compress", "gzip", "exported")
        record = self.last_record("checkpoint", "completed")
        before = log_lines(log)
        self.podman("rm", "exported")
        self.assertEqual(read_json(archive, "checkpoint/lpm.json")["record"], record["id"])
        self.podman("container", "restore", "--import", archive, "--name", self.container("imported"))
        self.assert_fits(self.last_record("restore", "completed"))
        new = self.podman("inspect", "--format", "{{.HostConfig.LogConfig.Path}}", "imported").stdout.strip()
        after = wait_for("output after the restore",
                         lambda: (x := log_lines(new))[(len(before) if new == str(log) else 0) + 3:] and x)
        self.assert_no_gap(after if new == str(log) else before + after)
        self.assertEqual(self.podman("exec", "imported", "echo", "again").stdout, "again\n")
        if os.path.exists("/usr/bin/checkpointctl"):
            self.assertIn("Podman", run("checkpointctl", "show", archive).stdout)

    def test_changed_file_of_the_image_is_lost(self) -> None:
        """Podman asks the node for a file that the image has as well, and leaves it out if there is none; CRI-O has
        the code from the same library. Of the three files that the container writes two come back."""
        tree = make_rootfs(self.work / "tree")
        for path in ("etc/passwd", "only-in-image"):
            (tree / path).write_text("old\n")
        tar = self.work / "tree.tar"
        with tarfile.open(tar, "w") as file:
            file.add(tree, arcname=".")
        self.podman("import", tar, "localhost/loss")
        self.addCleanup(self.podman, "rmi", "--force", "localhost/loss", check=False)
        self.assertFalse(os.path.lexists("/only-in-image"))
        log = self.run_detached("loser", "sh", "-c", "for f in etc/passwd only-in-image new; do echo new >/$f; done; "
                                "exec counter", image="localhost/loss")
        wait_for("output", lambda: len(log_lines(log)) > 3)
        archive = self.work / "checkpoint.tar"
        self.podman("container", "checkpoint", "--export", archive, "--compress", "none", "loser")
        checks = self.last_record("checkpoint", "completed")["checks"]
        found = [(c["verdict"], c["message"]) for c in checks if c["id"] == "RootfsDiffLost"]
        self.assertEqual([verdict for verdict, _ in found], ["warn"])
        self.assertTrue(found[0][1].endswith("without them: /only-in-image"), found)
        self.podman("rm", "loser")
        self.podman("container", "restore", "--import", archive, "--name", self.container("loss"))
        files = self.podman("exec", "loss", "cat", "/etc/passwd", "/only-in-image", "/new").stdout
        self.assertEqual(files.split(), ["new", "old", "new"], "podman has learned it: is the check still right?")

    def test_refusal_is_podmans_message(self) -> None:
        self.run_detached("refused", "/bin/counter")
        os.rename("/usr/sbin/iptables-restore", "/usr/sbin/iptables-restore.away")
        self.addCleanup(os.rename, "/usr/sbin/iptables-restore.away", "/usr/sbin/iptables-restore")
        done = self.podman("container", "checkpoint", "refused", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("iptables", done.stderr)
        self.assertEqual(self.state("refused"), "running")
        self.assertEqual(self.last_record("checkpoint", "refused")["result"]["code"], "NetworkLockTool")

    def test_errors_of_a_failing_create_read_the_same(self) -> None:
        def fail(runtime: str, *args: str) -> tuple[int, str]:
            done = self.podman("run", "--rm", "--network", "none", *args, runtime=runtime, check=False)
            self.assertNotEqual(done.returncode, 0)
            text = done.stderr.replace(runtime, "RUNTIME")
            return done.returncode, re.sub(r"[0-9a-f]{64}", "ID", re.sub(r'time="[^"]*"', "", text))

        link = self.work / "runc"  # podman's words contain the runtime's base name
        link.symlink_to(REAL)
        for args in (("localhost/test", "/no/such/program"), ("localhost/test", "/etc"),
                     ("--workdir", "/bin/busybox", "localhost/test", "true"),
                     ("--volume", "/usr:/bin/busybox", "localhost/test", "true")):
            self.assertEqual(fail(RUNTIME, *args), fail(str(link), *args), args)
