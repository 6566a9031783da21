# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-gate --probe: what it tells, and what it keeps when it asks at a bad moment."""
import json
import os
import pathlib
from typing import Any

from crio_runtime import DAEMON_PATH
from e2e import CRUN, GATE, LINK, REAL, Done, run
from refusals import RefusalTest

PROBE = pathlib.Path("/run/lpm/probe.json")
KERNEL_FEATURES = pathlib.Path("/run/criu.kdat")  # CRIU asks the kernel once per boot
NOT_YET = 75  # EX_TEMPFAIL
LIBRARY = "libcriu.so.2"
WRAPPER = """#!/bin/sh
[ "$1" = --version ] && printf 'NVIDIA Container Runtime version 1.17.4\\ncommit: 9b69590\\nspec: 1.2.0\\n\\n'
exec /usr/sbin/runc "$@"
"""


class Probe(RefusalTest):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(run, GATE, "--probe")  # for all tests after this

    def probe(self, *before: str, path: str = DAEMON_PATH) -> Done:
        return run(*before, GATE, "--probe", env={"PATH": path}, check=False)

    def criu(self) -> dict[str, Any]:
        [facts] = [c for c in json.loads(PROBE.read_text())["crius"] if c["path"] == "/usr/sbin/criu"]
        return dict(facts)

    def script(self, name: str, text: str) -> pathlib.Path:
        folder = self.work / "programs"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        return folder / name

    def at_a_bad_moment(self, *before: str) -> None:
        """What was known stays; where nothing was known, nothing is said against this CRIU."""
        known = self.criu()
        self.assertEqual((known["dump_failure"], known["check_failure"], known["missing"]), ("", "", []))
        done = self.probe(*before)
        self.assertEqual(done.returncode, NOT_YET, done.stderr)
        self.assertIn("run lpm-gate --probe again", done.stderr)
        self.assertEqual(self.criu(), known)
        PROBE.unlink()
        self.assertEqual(self.probe(*before).returncode, NOT_YET)
        self.assertNotIn("dump_failure", self.criu())
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 1)
        done = self.call("--root", self.root, *self.checkpoint_args(cid))
        self.assertEqual(done.returncode, 0, done.stderr)
        found = [c["verdict"] for c in self.last_record("checkpoint", "completed")["checks"] if c["id"] == "KernelSupport"]
        self.assertEqual(found, ["unknown"])
        self.assertEqual(self.probe().returncode, 0)
        self.assertEqual(self.criu(), known)

    def test_before_the_loopback_is_up(self) -> None:
        self.at_a_bad_moment("sh", "-c", f'rm -f {KERNEL_FEATURES} && exec unshare --net "$@"', "sh")

    def test_no_room(self) -> None:
        self.at_a_bad_moment("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=16k none /tmp && exec "$@"', "sh")

    def test_too_few_descriptors(self) -> None:
        self.at_a_bad_moment("sh", "-c", 'ulimit -n 10 && exec "$@"', "sh")

    def test_a_criu_that_somebody_kills(self) -> None:
        killed = self.script("criu", "#!/bin/sh\nkill -9 $$\n")
        done = self.probe(path=f"{killed.parent}:{DAEMON_PATH}")
        self.assertEqual(done.returncode, NOT_YET, done.stderr)
        [facts] = [c for c in json.loads(PROBE.read_text())["crius"] if c["path"] == str(killed)]
        self.assertEqual({"dump_failure", "check_failure", "missing"} & set(facts), set())
        self.criu()  # is still known

    def test_a_criu_that_crashes(self) -> None:
        crashes = self.script("criu", "#!/bin/sh\nkill -SEGV $$\n")
        self.probe(path=f"{crashes.parent}:{DAEMON_PATH}")
        [facts] = [c for c in json.loads(PROBE.read_text())["crius"] if c["path"] == str(crashes)]
        self.assertIn("139", facts["dump_failure"])

    def test_a_runtime_that_cannot_be_asked(self) -> None:
        known = json.loads(PROBE.read_text())["runtimes"]
        killed = self.script("runc", "#!/bin/sh\nkill -9 $$\n")
        self.use_runtime(killed)
        self.assertEqual(self.probe().returncode, NOT_YET)
        self.assertEqual(json.loads(PROBE.read_text())["runtimes"], known)

    def use_runtime(self, program: pathlib.Path) -> None:
        LINK.unlink()
        LINK.symlink_to(program)
        self.addCleanup(LINK.symlink_to, REAL)
        self.addCleanup(LINK.unlink)

    def test_a_runtime_around_runc(self) -> None:
        """The first line of its --version is its own."""
        self.use_runtime(self.script("nvidia-container-runtime", WRAPPER))
        self.assertEqual(self.probe().returncode, 0)
        cid = self.start("counter", "/bin/counter")
        self.lines(cid, 1)
        done = self.call("--root", self.root, *self.checkpoint_args(cid))
        self.assertEqual(done.returncode, 0, done.stderr)
        runtime = self.last_record("checkpoint", "completed")["runtime"]
        self.assertEqual(runtime["kind"], "runc")
        self.assertIn(runtime["version"], run(REAL, "--version").stdout)

    def test_crun_without_the_library_that_it_loads(self) -> None:
        self.use_crun()
        cid = self.start("counter", "/bin/counter")
        self.addCleanup(run, CRUN, "--root", self.root, "delete", "--force", cid, check=False)
        self.lines(cid, 1)
        self.hide_library()
        self.assertIn("+CRIU", run(CRUN, "--version").stdout)
        self.assertEqual(self.probe().returncode, 0)
        self.refuse("ToolingMissing", self.checkpoint_args(cid), LIBRARY, "libcriu2", fails=("RuntimeFailed", LIBRARY))
        self.assert_no_gap(self.lines(cid, len(self.lines(cid)) + 3))

    def hide_library(self) -> None:
        [place] = {pathlib.Path(line.split()[-1]) for line in run("ldconfig", "-p").stdout.splitlines() if LIBRARY in line}
        files = list(place.parent.glob(LIBRARY + "*"))
        aside = self.work / "aside"
        aside.mkdir()

        def restore() -> None:
            run("cp", "-a", *(str(aside / file.name) for file in files), str(place.parent))
            run("ldconfig")

        run("cp", "-a", *(str(file) for file in files), str(aside))
        self.addCleanup(restore)
        for file in files:
            os.unlink(file)
        run("ldconfig")
