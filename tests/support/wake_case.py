# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-wake, called as lpm-gate calls it."""
import pathlib
import shutil
import tempfile
from typing import Any

from e2e import LpmTest, run

WAKE = "/usr/libexec/lpm/lpm-wake"


class WakeTest(LpmTest):
    flavours = ("trixie",)

    def setUp(self) -> None:
        super().setUp()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="wake", dir="/var/lib"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.root = self.dir / "rootfs"
        self.outside = self.dir / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text("secret")

    def wake(self, content: bytes, *words: object, status: int = 0, **how: Any) -> str:
        """Its standard output; what it says of an error is in `said`: one line, or nothing."""
        file = self.dir / "archive.tar"
        file.write_bytes(content)
        with file.open("rb") as stdin:
            done = run(WAKE, *words, check=False, stdin=stdin, **how)
        self.said = done.stderr
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(self.said.count("\n"), 1 if status else 0, self.said)
        self.assertRegex(self.said, "^lpm-wake: |^$")
        return done.stdout
