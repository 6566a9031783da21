# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-hook: containers that ask to be checkpointable, under CRI-O and podman, with runc and crun."""
import json
import pathlib
import shutil
from typing import Any

from crio_runtime import CrioError
from e2e import CRUN, REAL, RUNTIME, SETTINGS, Done, NodeTest, run, wait_for
from oci_spec import Json, mount
from podman_test import PodmanTest
from refusals import MISLEADING

HOOKS = pathlib.Path("/usr/share/containers/oci/hooks.d")
NOTES = pathlib.Path("/run/lpm/hooks")
ASKS = "lpm.my.domain/checkpointable"
RAMFS: Json = {"mounts": [mount("/scratch", "ramfs", "ramfs")]}


def note(cid: str) -> Any:
    """What the hook has noted of a container, or nothing."""
    path = NOTES / f"{cid}.json"
    return json.loads(path.read_text()) if path.exists() else None


def verdicts(record: Json) -> dict[str, str]:
    return {c["id"]: c["verdict"] for c in record["checks"]}


class Crio(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.crio.hooks_dirs = [HOOKS]

    def ask(self, value: str, *args: str, **options: Any) -> str:
        return self.start("asks", *(args or ("/bin/counter",)), annotations={ASKS: value}, **options)

    def refused(self, value: str, *words: str, **options: Any) -> Json:
        """Not created, with these words in what CRI-O tells the kubelet; nothing is left but the record."""
        with self.assertRaises(CrioError) as caught:
            self.ask(value, **options)
        text = str(caught.exception)
        for word in ("lpm refused container asks-", *words):
            self.assertIn(word, text)
        said = text[text.index("lpm refused"):].lower()
        for phrase in MISLEADING:
            self.assertNotIn(phrase, said)
        record = self.last_record("create", "refused")
        self.assertIsNone(note(record["container"]["id"]))
        self.assertEqual(run(REAL, "--root", self.crio.runtime.root, "list", "-q").stdout, "")
        return record

    def test_a_filesystem_that_criu_does_not_know(self) -> None:
        record = self.refused("required", "/scratch (ramfs)", "bind it in", "[FilesystemUnsupported]", **RAMFS)
        self.assertEqual(record["result"]["code"], "FilesystemUnsupported")
        SETTINGS.write_text('[checks]\nFilesystemUnsupported = "off"\n')
        cid = self.ask("required", **RAMFS)
        self.lines(cid, 1)
        with self.assertRaises(CrioError) as caught:
            self.crio.checkpoint(cid, self.work / "checkpoint.tar")
        self.assertIn("unsupported id", str(caught.exception), "the hook is wrong: it can be checkpointed")
        self.show("FilesystemUnsupported", "refused")

    def test_a_terminal_under_crio(self) -> None:
        with self.assertRaises(CrioError):  # without the reason: conmon gives up when there is no console
            self.ask("required", terminal=True)
        record = self.last_record("create", "refused")
        self.assertEqual(record["result"]["code"], "Terminal")
        SETTINGS.write_text('[checks]\nTerminal = "off"\n')
        cid = self.ask("required", terminal=True)
        archive = self.work / "checkpoint.tar"
        self.crio.checkpoint(cid, archive)
        self.crio.kill(cid)
        self.crio.delete(cid)
        with self.assertRaises(CrioError) as caught:
            self.crio.restore(self.add_container(f"restored-{cid}"), archive, self.rootfs)
        self.assertIn("console socket", str(caught.exception), "the hook is wrong: CRI-O restores it")

    def test_report_is_noted_and_cleaned_up(self) -> None:
        cid = self.ask("report", **RAMFS, shared=("pid",))
        self.lines(cid, 1)
        found = note(cid)
        self.assertEqual((NOTES / f"{cid}.json").stat().st_mode & 0o777, 0o600)
        self.assertEqual((found["operation"], found["container"]["id"], found["result"]["code"]),
                         ("create", cid, "FilesystemUnsupported"))
        self.assertEqual(verdicts(found)["PidNamespaceShared"], "warn")
        self.crio.kill(cid)
        self.crio.delete(cid)
        self.assertIsNone(note(cid))
        self.assertEqual(self.records(), [])

    def test_what_is_required_and_fine_moves(self) -> None:
        cid = self.ask("required")
        self.lines(cid, 3)
        self.assertEqual(set(verdicts(note(cid)).values()), {"pass"})
        new = self.move(cid)
        self.assertIsNone(note(cid))
        self.assert_no_gap(self.lines(new, 6))
        self.assertIsNotNone(note(new), "runc calls the hook at a restore as well")
        self.crio.kill(new)
        self.crio.delete(new)
        self.assertIsNone(note(new))

    def test_a_user_namespace_is_noted(self) -> None:
        """It refuses nobody: mostly it comes back. At times it does not, when the machine is busy: CRIU 4.2.1 then
        opens its images in the new namespace before that has its users (timens-0.img: Permission denied)."""
        cid = self.ask("required", users=True)
        self.lines(cid, 3)
        self.assertEqual(verdicts(note(cid))["UserNamespace"], "warn")

    def test_an_unknown_value(self) -> None:
        record = self.refused("requird", 'requird', "required and report")
        self.assertEqual(record["result"]["code"], "AnnotationUnknown")

    def test_who_asks_for_nothing_is_left_alone(self) -> None:
        plain = self.start("plain", "/bin/counter", **RAMFS)
        self.assertNotIn("hooks", json.loads((self.crio.bundle(plain) / "config.json").read_text()))
        entry = json.loads((HOOKS / "lpm-hook.json").read_text())
        entry["when"] = {"always": True}
        always = self.work / "hooks.d"
        always.mkdir()
        (always / "always.json").write_text(json.dumps(entry))
        self.crio.hooks_dirs = [always]
        cid = self.start("hooked", "/bin/counter", **RAMFS)
        self.assertIn("hooks", json.loads((self.crio.bundle(cid) / "config.json").read_text()))
        self.lines(cid, 2)
        self.crio.kill(cid)
        self.crio.delete(cid)
        self.assertEqual(list(NOTES.glob("*")) if NOTES.exists() else [], [])


class Podman(PodmanTest):
    def made(self, name: str, value: str, *options: str, runtime: str = RUNTIME, check: bool = True) -> Done:
        """`podman run` of a container that asks."""
        return self.podman("--hooks-dir", HOOKS, "run", "--detach", "--name", self.container(name), "--network", "none",
                           "--annotation", f"{ASKS}={value}", *options, "localhost/test", "sleep", "1000",
                           runtime=runtime, check=check)

    def live(self, runtime: str) -> None:
        cid = self.made("asks", "report", "--mount", "type=ramfs,destination=/scratch", runtime=runtime).stdout.strip()
        self.assertEqual(note(cid)["result"]["code"], "FilesystemUnsupported")
        self.podman("rm", "--force", "--time", "0", "asks", runtime=runtime)
        wait_for("the note to go", lambda: note(cid) is None)
        cid = self.made("fine", "required", runtime=runtime).stdout.strip()
        self.assertNotIn("result", note(cid))
        self.podman("rm", "--force", "--time", "0", "fine", runtime=runtime)
        wait_for("the note to go", lambda: note(cid) is None)

    def refuse(self, runtime: str, *options: str) -> str:
        done = self.made("refused", "required", "--mount", "type=ramfs,destination=/scratch", *options,
                         runtime=runtime, check=False)
        self.assertNotEqual(done.returncode, 0)
        record = self.last_record("create", "refused")
        self.assertEqual(record["result"]["code"], "FilesystemUnsupported")
        self.assertIn("/scratch (ramfs)", record["result"]["message"])
        self.assertIsNone(note(record["container"]["id"]))
        self.podman("rm", "--force", "refused", runtime=runtime)
        return done.stderr

    def test_life_with_runc(self) -> None:
        self.live(RUNTIME)

    def test_life_with_crun(self) -> None:
        self.live(CRUN)

    def test_refused_with_runc(self) -> None:
        text = self.refuse(RUNTIME)
        for word in ("lpm refused container ", "/scratch (ramfs)", "bind it in", "[FilesystemUnsupported]"):
            self.assertIn(word, text)

    def test_refused_with_crun(self) -> None:
        """crun gives a hook no standard error that anybody reads, unless an annotation names a file for it."""
        text = self.refuse(CRUN)
        self.assertIn("lpm-hook", text)
        self.assertNotIn("ramfs", text, "crun has learned to say why: docs/hooks.md says that it does not")
        said = self.work / "said"
        self.refuse(CRUN, "--annotation", f"run.oci.hooks.stderr={said}")
        self.assertIn("lpm refused container ", said.read_text())

    def test_a_hook_that_is_not_there_stops_nobody(self) -> None:
        """podman, and CRI-O with the same library, leave out a hook whose program is missing."""
        hook = pathlib.Path("/usr/libexec/lpm/lpm-hook")
        away = hook.with_suffix(".away")
        shutil.move(hook, away)
        self.addCleanup(shutil.move, away, hook)
        cid = self.made("asks", "required", "--mount", "type=ramfs,destination=/scratch").stdout.strip()
        self.assertEqual(self.state("asks"), "running")
        self.assertIsNone(note(cid))
