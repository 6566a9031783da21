# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpmctl node and lpmctl runtime: CRI-O's configuration on disk, and the link to the real runtime."""
import json
import os
import pathlib
import shutil
import tempfile
from typing import Any

import injection
from e2e import CRUN, LINK, REAL, RUNTIME, NodeTest, run

LPMCTL = "/usr/bin/lpmctl"
FIXTURES = pathlib.Path("/opt/lpm/tests/data/crio")
BYPASS = pathlib.Path("/etc/lpm/bypass")
DROP_IN = "crio.conf.d/zz-lpm.conf"


class NodeCommands(NodeTest):
    flavours = ("trixie",)

    def setUp(self) -> None:
        super().setUp()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="crio"))
        self.addCleanup(shutil.rmtree, self.dir)
        (self.dir / "crio.conf.d").mkdir()
        self.install("1.30")

    def install(self, version: str) -> None:
        """As an update of CRI-O's package leaves it."""
        shutil.copy(FIXTURES / f"{version}.conf", self.dir / "crio.conf.d/10-crio.conf")

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.dir)): path.read_bytes() for path in self.dir.rglob("*") if path.is_file()}

    def ctl(self, *words: object, status: int = 0) -> str:
        """Its standard output; what it says of errors is in `said`."""
        done = run(LPMCTL, *words, check=False)
        self.said = done.stderr
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def node(self, verb: str, *words: object, status: int = 0) -> str:
        return self.ctl("node", verb, "--crio", self.dir, *words, status=status)

    def told(self, status: int = 0) -> Any:
        return json.loads(self.node("status", "-o", "json", status=status))

    def assert_refused(self, why: str, *words: object) -> None:
        """One line says why; no file has another byte."""
        before = self.files()
        self.assertEqual(self.node(*map(str, words), status=2), "")
        self.assertIn(why, self.said)
        self.assertEqual((self.said.count("\n"), self.files()), (1, before), self.said)

    def use_link(self) -> None:
        """The test may change /etc/lpm/runtime."""
        before = os.readlink(LINK)

        def back() -> None:
            LINK.unlink(missing_ok=True)
            LINK.symlink_to(before)
        self.addCleanup(back)


class DropIn(NodeCommands):
    def test_there_and_back(self) -> None:
        (self.dir / "crio.conf").write_text("# a user's words, caf\u00e9\n[crio.runtime]\nlog_level = \"info\"  # so\n")
        (self.dir / "crio.conf.d/20-site.conf").write_text("[crio.runtime.runtimes.runc]\nruntime_root = \"/run/site\"\n# end")
        before = self.files()
        self.assertEqual(self.told(1)["dropIn"]["state"], "none")
        plan = self.node("enable", "--plan")
        self.assertIn(f'\n+runtime_path = "{RUNTIME}"\n+runtime_root = "/run/site"\n', plan)
        self.node("enable", "--check", status=1)
        self.assertEqual(self.files(), before)
        self.assertIn("systemctl restart crio", self.node("enable"))
        after = self.files()
        text = after.pop(DROP_IN).decode()
        self.assertEqual(after, before)
        self.assertEqual(plan.splitlines()[2:], ["+" + line for line in text.splitlines()])
        self.assertEqual(self.node("enable", "--check"), "")
        self.assertIn("as it should be", self.node("enable"))
        told = self.told()
        self.assertEqual(told["dropIn"]["state"], "fresh")
        self.assertEqual([(h["name"], h["throughLpm"], h["default"]) for h in told["handlers"]], [("runc", True, True)])
        self.assertRegex(self.node("status"), r"(?m)^HANDLER +THROUGH +RUNS +RUNTIME_PATH\nrunc \(default\) +lpm +runc ")
        self.node("disable")
        self.assertEqual(self.files(), before)
        self.assertIn("nothing to do", self.node("disable"))

    def test_another_release_makes_it_stale(self) -> None:
        self.install("1.33")
        self.node("enable", "--handler", "runc")
        self.install("1.36")
        self.node("enable", "--check", status=1)
        self.assertIn("stale", self.said)
        self.assertEqual(self.told(1)["dropIn"]["state"], "stale")
        self.assertIn('-monitor_path = "/usr/libexec/crio/conmon"\n+monitor_path = "/usr/libexec/crio/conmonrs"\n',
                      self.node("enable", "--plan"))
        self.node("enable")
        self.assertEqual(self.told()["dropIn"]["state"], "fresh")

    def test_refusals_change_nothing(self) -> None:
        later = self.dir / "crio.conf.d/zzz"
        later.write_text('[crio.runtime.runtimes.runc]\nruntime_path = "/usr/sbin/runc"\n')
        self.assert_refused("zzz sets handler runc again", "enable")
        later.write_text("[crio.runtime\n")
        self.assert_refused("zzz:1:", "enable")
        later.unlink()
        self.assert_refused("lower case", "enable", "--handler", "A B")
        (self.dir / "crio.conf.d/10-crio.conf").unlink()
        self.assert_refused("default_runtime", "enable", "--handler", "lpm")
        self.assert_refused("no file sets default_runtime", "enable")
        self.dir = self.dir / "nowhere"
        self.node("enable", "--handler", "runc", status=2)

    def test_changed_by_hand(self) -> None:
        self.node("enable")
        mine = self.dir / DROP_IN
        mine.write_text(mine.read_text() + "# mine\n")
        edited = mine.read_bytes()
        self.assertEqual(self.told(1)["dropIn"]["state"], "edited")
        self.assert_refused("was changed after lpmctl", "enable")
        self.assert_refused("was changed after lpmctl", "disable")
        self.node("enable", "--force")
        self.assertEqual(self.files()["zz-lpm.conf.before"], edited)
        self.assertEqual(self.told()["dropIn"]["state"], "fresh")
        mine.write_bytes(edited + b"# more\n")
        self.node("disable", "--force")
        self.assertEqual(sorted(self.files()), ["crio.conf.d/10-crio.conf", "zz-lpm.conf.before", "zz-lpm.conf.before.1"])
        self.assertEqual(self.files()["zz-lpm.conf.before"], edited)

    def test_containers_of_another_implementation(self) -> None:
        self.start("counter", "/bin/counter")
        root = self.crio.runtime.root
        site = self.dir / "crio.conf.d/10-crio.conf"
        site.write_text(f'[crio.runtime]\ndefault_runtime = "crun"\n[crio.runtime.runtimes.crun]\nruntime_path = "{CRUN}"\n'
                        f'runtime_root = "{root}"\n')
        self.assert_refused("1 container lives", "enable")
        self.assertIn("--runtime-class lpm", self.said)
        manifest = self.node("enable", "--runtime-class", "lpm")
        self.assertEqual(manifest, "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata:\n  name: lpm\nhandler: lpm\n")
        self.assertIn("systemctl restart crio", self.said)
        told = {h["name"]: (h["throughLpm"], h["runtimePath"]) for h in self.told()["handlers"]}
        self.assertEqual(told, {"crun": (False, CRUN), "lpm": (True, RUNTIME)})
        self.assertIn('runtime_root = "/run/runc-lpm"\n', (self.dir / DROP_IN).read_text())
        site.write_text(site.read_text().replace(CRUN, REAL))
        self.assertNotIn("Before that start", self.node("enable", "--handler", "crun"))
        self.assertTrue(all(h["throughLpm"] for h in self.told()["handlers"]))
        site.write_text(site.read_text().replace(REAL, CRUN))
        self.assert_refused("1 container lives", "disable")
        site.write_text(site.read_text().replace(str(root), "/run/none"))
        self.node("enable")
        self.assertRegex(self.node("disable"),
                         r"(?m)^Before that start end all pods of it: handler crun runs runc .* would run crun ")

    def test_killed_at_each_step(self) -> None:
        """CRI-O reads whole files at each moment, and the next call tidies up."""
        report = self.work / "strace"
        site = self.files()["crio.conf.d/10-crio.conf"]
        run(*injection.strace(report), LPMCTL, "node", "enable", "--crio", self.dir)
        whole = self.files()[DROP_IN]
        points = injection.points(report)
        self.assertIn("renameat", {call for call, _ in points})
        for before in (False, True):
            killed = 0
            for call, nth in points:
                with self.subTest(point=(call, nth), before=before):
                    (self.dir / DROP_IN).unlink(missing_ok=True)
                    if before:
                        self.install("1.28")
                        self.node("enable", "--handler", "runc")
                        old = self.files()[DROP_IN]
                        self.install("1.30")
                    killed += run(*injection.strace(report, f"{call}:signal=KILL:when={nth}"), LPMCTL, "node", "enable",
                                  "--crio", self.dir, check=False).returncode != 0
                    seen = {name: text for name, text in self.files().items() if name.startswith("crio.conf.d/")}
                    self.assertEqual(seen.pop("crio.conf.d/10-crio.conf"), site)
                    allowed = [{}, {DROP_IN: whole}] if not before else [{DROP_IN: old}, {DROP_IN: whole}]
                    self.assertIn(seen, allowed)
                    self.node("enable")
                    self.node("enable", "--check")
                    if seen != {DROP_IN: whole}:
                        self.assertEqual(sorted(self.files()), ["crio.conf.d/10-crio.conf", DROP_IN])
            self.assertGreaterEqual(killed, len(points) // 2)


class Switches(NodeCommands):
    def test_bypass(self) -> None:
        self.addCleanup(BYPASS.unlink, missing_ok=True)
        self.node("enable")
        for _ in range(2):
            self.ctl("node", "bypass", "on")
            self.assertTrue(BYPASS.exists())
        self.assertTrue(self.told(1)["bypass"])
        for _ in range(2):
            self.ctl("node", "bypass", "off")
            self.assertFalse(BYPASS.exists())
        self.assertFalse(self.told()["bypass"])
        self.ctl("node", "bypass", "perhaps", status=2)

    def test_runtime(self) -> None:
        self.use_link()
        self.assertEqual(self.ctl("runtime", "get"), f"{REAL}\n")
        self.assertIn(CRUN, self.ctl("runtime", "set", CRUN))
        self.assertEqual((os.readlink(LINK), self.ctl("runtime", "get")), (CRUN, f"{CRUN}\n"))
        told = json.loads(self.ctl("runtime", "get", "-o", "json"))
        self.assertEqual((told["path"], told["kind"]), (CRUN, "crun"))
        self.ctl("runtime", "set", REAL)
        script, copy, hard = (self.work / name for name in ("script", "copy", "hard"))
        script.write_text(f'#!/bin/sh\nexec {RUNTIME} "$@"\n')
        script.chmod(0o755)
        shutil.copy("/usr/bin/lpm-runc", copy)
        hard.symlink_to("/usr/bin/lpm-runc")
        for path, why in ((RUNTIME, "leads back"), ("/usr/bin/lpm-runc", "leads back"), (LINK.parent / "bin/runc", "leads back"),
                          (script, "leads back"), (copy, "leads back"), (hard, "leads back"), ("/etc/passwd", "is no program"),
                          ("/usr/sbin", "is no program"), ("/nowhere", "No such file"), ("runc", "whole path"),
                          ("/bin/true", "does not say")):
            with self.subTest(str(path)):
                self.assertEqual(self.ctl("runtime", "set", path, status=2), "")
                self.assertIn(why, self.said)
                self.assertEqual((os.readlink(LINK), self.said.count("\n")), (REAL, 1))
        LINK.unlink()
        LINK.symlink_to("/nowhere")
        self.assertEqual(self.ctl("runtime", "get", status=1), f"{REAL}\n")
        self.assertIn("leads to /nowhere", self.said)
        self.assertEqual([p.name for p in LINK.parent.iterdir() if ".tmp." in p.name], [])

    def test_runtime_of_living_containers(self) -> None:
        self.use_link()
        self.start("counter", "/bin/counter")
        site = pathlib.Path("/etc/crio/crio.conf.d/10-test.conf")
        site.parent.mkdir(parents=True, exist_ok=True)
        self.addCleanup(site.unlink)
        site.write_text(f'[crio.runtime.runtimes.runc]\nruntime_root = "{self.crio.runtime.root}"\n')
        self.ctl("runtime", "set", CRUN, status=2)
        self.assertRegex(self.said, r"runs runc .* and 1 container lives .*--force\n")
        self.assertEqual(os.readlink(LINK), REAL)
        self.ctl("runtime", "set", CRUN, "--force")
        self.assertEqual(os.readlink(LINK), CRUN)
        self.ctl("runtime", "set", REAL, "--force")
