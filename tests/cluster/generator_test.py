# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The drop-in of `lpmctl node enable` as real CRI-O reads it."""
import pathlib
import re
import shlex
import shutil
import tempfile
import tomllib
from typing import Any

import parts
import pytest
from e2e import REAL, RUNTIME, run, wait_for
from parts import CRIO, SOCKET
from suite import ClusterTest, container

LPMCTL = "/usr/bin/lpmctl"
UNIT = pathlib.Path("/etc/systemd/system/crio.service.d/lpm.conf")
MORE = """allowed_annotations = ["io.kubernetes.cri-o.Devices"]
container_min_memory = "20MiB"
container_create_timeout = 300
[crio.runtime.runtimes.runc.default_annotations]
"lpm.my.domain/one" = "1"
"""


@pytest.mark.parallel
class Generator(ClusterTest):
    def setUp(self) -> None:
        super().setUp()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="generator"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.folder = self.dir / "crio.conf.d"
        self.folder.mkdir()
        handler = CRIO.format(socket=SOCKET, runtime=REAL).split("[crio.network]", maxsplit=1)[0]
        (self.folder / "10-cluster.conf").write_text(handler + MORE)

    def handlers(self) -> Any:
        """As CRI-O would have them: {name: {key: value}}."""
        done = run("/usr/local/bin/crio", "--config", "/dev/null", "--config-dir", self.folder, "config")
        return tomllib.loads(done.stdout)["crio"]["runtime"]["runtimes"]

    def node(self, *words: object) -> str:
        return run(LPMCTL, "node", *words, "--crio", self.dir).stdout

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.dir.rglob("*") if path.is_file()}

    def test_all_keys_are_kept(self) -> None:
        before, files = self.handlers(), self.files()
        self.assertEqual((before["runc"]["runtime_path"], before["runc"]["container_min_memory"]), (REAL, "20MiB"))
        self.node("enable")
        after = self.handlers()
        self.assertEqual(after["runc"].pop("runtime_path"), RUNTIME)
        before["runc"].pop("runtime_path")
        self.assertEqual(after, before)
        drop_in = self.folder / "zz-lpm.conf"
        text = drop_in.read_text()
        drop_in.write_text(f'[crio.runtime.runtimes.runc]\nruntime_path = "{RUNTIME}"\n')
        self.assertNotEqual(self.handlers()["runc"].get("container_min_memory"), "20MiB", "such a drop-in wipes the others")
        drop_in.write_text(text)
        self.node("disable")
        self.assertEqual(self.files(), files)

    def test_a_second_handler(self) -> None:
        before = self.handlers()
        self.assertIn("kind: RuntimeClass\n", self.node("enable", "--runtime-class", "lpm"))
        after = self.handlers()
        lpm, runc = after.pop("lpm"), dict(before["runc"])
        self.assertEqual(after, before)
        self.assertEqual((lpm.pop("runtime_path"), lpm.pop("runtime_root")), (RUNTIME, "/run/runc-lpm"))
        for key in ("runtime_path", "runtime_root"):
            runc.pop(key)
        self.assertEqual(lpm, runc)

    def test_the_built_in_handler(self) -> None:
        """Which one that is, CRI-O's own version says; it keeps what it allows."""
        (self.folder / "10-cluster.conf").write_text("")
        plan = self.node("enable", "--plan")
        self.assertIn("\n+[crio.runtime.runtimes.crun]\n", plan)
        (self.folder / "zz-lpm.conf").write_text("".join(line[1:] + "\n" for line in plan.splitlines()[2:]))
        crun = self.handlers()["crun"]
        self.assertEqual((crun["runtime_path"], crun["container_min_memory"]), (RUNTIME, "500KiB"))
        self.assertIn("io.kubernetes.cri-o.Devices", crun["allowed_annotations"])


class Applied(ClusterTest):
    """On the node itself, with a CRI-O that is started again after each step. The pod goes on."""

    def setUp(self) -> None:
        super().setUp()
        self.below = parts.real_runtime()

    def restart_crio(self, runtime: str) -> None:
        self.cluster.parts["crio"].end()
        self.cluster.parts["crio"] = parts.crio(self.below)
        self.cluster.parts["crio"].start()
        wait_for("CRI-O has read its files",
                 lambda: f'runtime_path = "{runtime}"' in run("crio", "status", "config", check=False).stdout)
        self.cluster.wait_ready()
        self.cluster.wait_connected()

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in pathlib.Path("/etc/crio").rglob("*") if path.is_file()}

    def test_an_update_of_crio_that_moves_its_monitor(self) -> None:
        """Its package starts it at once. systemd, which is not here, runs what crio.service.d says before."""
        old = pathlib.Path("/usr/local/libexec/old-conmon")
        lower = pathlib.Path("/etc/crio/crio.conf.d/10-cluster.conf")
        self.cluster.use_runtime(self.below)
        self.addCleanup(self.cluster.wait_ready)
        self.addCleanup(self.cluster.use_runtime, RUNTIME)
        self.cluster.wait_ready()
        old.parent.mkdir(exist_ok=True)
        shutil.copy("/usr/bin/conmon", old)
        now = lower.read_text()
        lower.write_text(now.replace("/usr/bin/conmon", str(old)))
        run(LPMCTL, "node", "enable")
        self.addCleanup(run, LPMCTL, "node", "disable", "--force")
        pod = self.pod(container("ctr"))
        cid, nonce = self.id_of(pod, "ctr"), self.assert_goes_on(pod, "ctr")
        lower.write_text(now)
        old.unlink()
        self.cluster.parts["crio"].end()
        failed = run("timeout", "10", "crio", check=False)
        self.assertNotIn(failed.returncode, (0, 124))
        self.assertIn(str(old), failed.stdout + failed.stderr)
        before_start = re.search(r"(?m)^ExecStartPre=-(.*)$", UNIT.read_text())
        assert before_start
        self.assertIn("is made anew", run(*shlex.split(before_start[1])).stdout)
        self.restart_crio(RUNTIME)
        self.checkpoint(pod, "ctr")
        self.assertEqual(self.last_record("checkpoint", "completed")["container"]["id"], cid)
        self.assertEqual((self.id_of(pod, "ctr"), self.assert_goes_on(pod, "ctr")), (cid, nonce))

    def test_there_and_back(self) -> None:
        self.cluster.use_runtime(self.below)
        self.addCleanup(self.cluster.wait_ready)
        self.addCleanup(self.cluster.use_runtime, RUNTIME)
        self.cluster.wait_ready()
        pod, before = self.pod(container("ctr")), self.files()
        cid, nonce = self.id_of(pod, "ctr"), self.assert_goes_on(pod, "ctr")
        self.checkpoint(pod, "ctr")
        self.assertEqual(self.records(), [], "runc itself")
        run(LPMCTL, "node", "enable")
        self.addCleanup(pathlib.Path("/etc/crio/crio.conf.d/zz-lpm.conf").unlink, missing_ok=True)
        self.restart_crio(RUNTIME)
        self.checkpoint(pod, "ctr")
        self.assertEqual(self.last_record("checkpoint", "completed")["container"]["id"], cid)
        run(LPMCTL, "node", "disable")
        self.assertEqual(self.files(), before)
        self.assertFalse(UNIT.parent.exists())
        self.restart_crio(self.below)
        self.checkpoint(pod, "ctr")
        self.assertEqual(len(self.records()), 1, "runc itself again")
        self.assertEqual((self.id_of(pod, "ctr"), self.assert_goes_on(pod, "ctr")), (cid, nonce))
