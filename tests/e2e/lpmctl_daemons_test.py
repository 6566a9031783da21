# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpmctl node beside a CRI-O and a kubelet that run: what counts is what their command lines say. Both are programs of those
names that do nothing else (tests/support/stand_in.cpp); real ones are in tests/cluster."""
import pathlib
import re
import shlex
import shutil
import subprocess

from e2e import run
from lpmctl_node_test import DROP_IN, NodeCommands

ETC = pathlib.Path("/etc/crio")
UNIT = pathlib.Path("/etc/systemd/system/crio.service.d/lpm.conf")


class Daemons(NodeCommands):
    flavours = ("trixie",)

    def start_daemon(self, name: str, *words: object, version: str = "") -> subprocess.Popen[bytes]:
        program = self.dir / "programs" / name
        program.parent.mkdir(exist_ok=True)
        shutil.copy("/opt/lpm/bin/stand_in", program)
        (program.parent / f"{name}.version").write_text(version)
        daemon = subprocess.Popen([program, *map(str, words)])
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        return daemon


class Crio(Daemons):
    def test_its_own_files(self) -> None:
        own = self.dir / "own"
        own.mkdir()
        (own / "conf").write_text('[crio.runtime]\ndefault_runtime = "runc"\n'
                                  '[crio.runtime.runtimes.runc]\nruntime_root = "/run/own"\n')
        self.start_daemon("crio", "--config", own / "conf", f"--config-dir={own}/parts")
        self.ctl("node", "enable")
        self.assertIn('runtime_root = "/run/own"\n', (own / "parts/zz-lpm.conf").read_text())
        self.assertFalse(UNIT.exists(), "it makes those of /etc/crio anew")
        self.assertRegex(self.ctl("node", "status"), r"runc \(default\) +lpm ")
        self.assertRegex(self.ctl("doctor", status=1), r"(?m)^ok +CrioHandlers ")
        self.ctl("node", "disable")
        self.assertEqual(list((own / "parts").iterdir()), [])

    def test_files_that_cannot_be_known(self) -> None:
        self.start_daemon("crio", "--config-dir=parts")
        for verb in ("status", "enable", "disable"):
            self.assertEqual(self.ctl("node", verb, status=2), "")
            self.assertIn("--config-dir=parts, of a directory that is not known: give --crio DIR", self.said)
        self.node("enable")


class Start(Daemons):
    """Before each start of CRI-O systemd has the drop-in made again."""

    def setUp(self) -> None:
        super().setUp()
        self.assertFalse(ETC.exists() or UNIT.parent.exists())
        self.dir.joinpath("crio.conf.d").rename(self.dir / "kept")
        (ETC / "crio.conf.d").mkdir(parents=True)
        self.addCleanup(shutil.rmtree, UNIT.parent, ignore_errors=True)
        self.addCleanup(shutil.rmtree, ETC)
        self.dir = ETC
        self.install("1.33")

    def start_pre(self, status: int = 0) -> str:
        """As crio.service does."""
        found = re.search(r"(?m)^ExecStartPre=-(.*)$", UNIT.read_text())
        assert found
        done = run(*shlex.split(found[1]), check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return str(done.stdout + done.stderr)

    def test_an_update_of_crio(self) -> None:
        self.assertIn("+++ " + str(UNIT), self.ctl("node", "enable", "--handler", "runc", "--plan"))
        self.assertIn("systemctl daemon-reload && systemctl restart crio", self.ctl("node", "enable", "--handler", "runc"))
        self.ctl("node", "enable", "--check")
        self.assertEqual(self.start_pre(), "")
        self.install("1.36")  # has moved monitor_path
        self.assertIn("is made anew", self.start_pre())
        self.assertIn('monitor_path = "/usr/libexec/crio/conmonrs"\n', (ETC / DROP_IN).read_text())
        self.ctl("node", "enable", "--check")
        self.ctl("node", "disable")
        self.assertEqual(sorted(self.files()), ["crio.conf.d/10-crio.conf"])
        self.assertFalse(UNIT.parent.exists())

    def test_what_is_not_to_be_made_anew(self) -> None:
        self.ctl("node", "enable", "--handler", "runc")
        mine = ETC / DROP_IN
        mine.write_text(mine.read_text() + "# mine\n")
        edited = mine.read_bytes()
        self.install("1.36")
        self.assertIn("was changed after lpmctl", self.start_pre(status=2))
        self.assertEqual(mine.read_bytes(), edited)
        mine.unlink()
        self.assertEqual(self.start_pre(), "")
        self.assertFalse(mine.exists())

    def test_it_is_not_to_be_planned(self) -> None:
        self.ctl("node", "enable", "--handler", "runc")
        self.install("1.36")
        before = self.files()
        self.ctl("node", "enable", "--renew", "--plan", status=2)
        self.assertEqual(self.files(), before)

    def test_crio_went_before(self) -> None:
        """Its folder is gone, and what would make the drop-in anew goes all the same."""
        self.ctl("node", "enable", "--handler", "runc")
        shutil.rmtree(ETC / "crio.conf.d")
        self.assertIn(f"{UNIT} is removed", self.ctl("node", "disable"))
        self.assertFalse(UNIT.parent.exists())

    def test_a_unit_that_cannot_be_written(self) -> None:
        """The handler goes through lpm, and it is told."""
        UNIT.parent.write_text("a file where the folder should be")
        self.addCleanup(UNIT.parent.unlink)
        self.assertIn("systemctl restart crio\n", self.ctl("node", "enable", "--handler", "runc"))
        self.assertTrue((ETC / DROP_IN).exists())

    def test_a_file_of_somebody_else(self) -> None:
        UNIT.parent.mkdir(parents=True)
        UNIT.write_text("[Service]\nNice=1\n")
        self.assertIn("is not lpmctl's", self.ctl("node", "enable", "--handler", "runc"))
        self.assertIn("is not lpmctl's", self.ctl("node", "disable"))
        self.assertEqual(UNIT.read_text(), "[Service]\nNice=1\n")

    def test_a_file_that_went(self) -> None:
        self.ctl("node", "enable", "--handler", "runc")
        UNIT.write_text(UNIT.read_text().replace("20", "1"))
        self.ctl("node", "enable", "--check", status=1)
        self.assertIn(f"{UNIT} is not as it should be", self.said)
        self.assertIn("systemctl daemon-reload", self.ctl("node", "enable"))
        self.ctl("node", "enable", "--check")


class Kubelet(Daemons):
    """The gate of 1.25 to 1.29, of which no real one is at hand."""

    def kubelet(self, minor: int, *words: object) -> None:
        self.config = self.dir / "config.yaml"
        self.config.write_text("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n# mine\nport: 10250\n")
        self.start_daemon("kubelet", f"--config={self.config}", *words, version=f"Kubernetes v1.{minor}.15\n")

    def test_set_in_its_file(self) -> None:
        self.kubelet(28)
        before = self.config.read_text()
        self.ctl("node", "enable", "--kubelet", "--check", status=1)
        self.assertIn("+  ContainerCheckpoint: true", self.ctl("node", "enable", "--kubelet", "--plan"))
        self.assertEqual(self.config.read_text(), before)
        self.assertIn("systemctl restart kubelet", self.ctl("node", "enable", "--kubelet"))
        self.assertEqual(self.config.read_text(), before + "featureGates:\n  ContainerCheckpoint: true\n")
        self.ctl("node", "enable", "--kubelet", "--check")
        self.assertIn("nothing to do", self.ctl("node", "enable", "--kubelet"))

    def test_a_drop_in_where_it_reads_some(self) -> None:
        folder = self.dir / "kubelet.conf.d"
        folder.mkdir()
        self.kubelet(29, "--config-dir", folder)
        before = self.config.read_text()
        self.ctl("node", "enable", "--kubelet")
        self.assertIn("ContainerCheckpoint: true", (folder / "zz-lpm.conf").read_text())
        self.assertEqual(self.config.read_text(), before)

    def test_nothing_for_others(self) -> None:
        self.kubelet(30)
        self.assertIn("nothing to do", self.ctl("node", "enable", "--kubelet"))

    def test_one_that_is_too_old(self) -> None:
        self.kubelet(24)
        self.ctl("node", "enable", "--kubelet", status=2)
        self.assertIn("has no checkpoints", self.said)

    def test_none_runs(self) -> None:
        self.ctl("node", "enable", "--kubelet", status=2)
        self.assertIn("no kubelet runs", self.said)
