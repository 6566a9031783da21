# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-sidecar while the disk with the archives hangs."""
import contextlib
import pathlib
import subprocess
import sys
from collections.abc import Iterator

from e2e import SETTINGS, piped, wait_for
from sidecar_case import NODE_API, SidecarTest

MOST = 8  # processes that archives may keep: most_of_archives of sidecar/gate.hpp
# A program of its own: it forks, which nobody may who has loaded gRPC.
SILENT = """
import pathlib, sys
sys.path.insert(0, "/opt/lpm/tests/support")
from silent_fuse import SilentFuse
fuse = SilentFuse(pathlib.Path(sys.argv[1]))
fuse.stop()
print("silent", flush=True)
sys.stdin.read()
fuse.end()
"""


def gates() -> int:
    """Processes of lpm-gate that answer."""
    found = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += path.read_bytes().startswith(b"/usr/libexec/lpm/lpm-gate\0--answer")
    return found


class Hanging(SidecarTest):
    flavours = ("trixie",)

    @contextlib.contextmanager
    def silent(self, place: pathlib.Path) -> Iterator[None]:
        with subprocess.Popen([sys.executable, "-c", SILENT, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as process:
            try:
                self.assertEqual(piped(process.stdout).readline(), "silent\n")
                yield
            finally:
                piped(process.stdin).close()

    def test_containers_are_judged_all_the_same(self) -> None:
        """A client that asks for archives again and again leaves a few processes, and no more."""
        gate = NODE_API.listening_gate()
        gate.__enter__()
        self.addCleanup(gate.__exit__, None, None, None)
        cid = self.counter()
        SETTINGS.write_text(f'[archives]\nfolders = ["{self.work}/fuse"]\n')
        with self.silent(self.work / "fuse"):
            said = [self.code(self.api.ListArchives, timeout=0.3) for _ in range(MOST)]
            self.assertEqual({code for code, _ in said}, {"DEADLINE_EXCEEDED"})
            wait_for("the sidecar has heard that nobody waits",
                     lambda: self.code(self.api.ListArchives, timeout=2)[0] == "UNAVAILABLE", 5)
            code, message = self.code(self.api.FindArchive, attempt="a-1")
            self.assertEqual(code, "UNAVAILABLE")
            self.assertIn("does a disk hang", message)
            self.assertEqual(gates(), MOST)
            self.assertEqual(self.api.Preflight(target={"id": cid}).code, "")
            self.assertEqual(gates(), MOST)
        wait_for("they have ended", lambda: gates() == 0, 10)
        SETTINGS.unlink()
        self.api.ListArchives()
