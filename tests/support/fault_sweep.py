# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What the sweeps share: which points there are, what a tidy end is, and the table."""
import collections
import os
import pathlib
from collections.abc import Sequence
from typing import TypeVar

import injection
from e2e import GATE, LOGS, REAL, RECORDS, Done, run
from refusals import RefusalTest

T = TypeVar("T")
ALL = os.environ.get("LPM_SWEEP") == "all"
LINK = pathlib.Path("/etc/lpm/runtime")
STORE = RECORDS.parent
OURS = {"records", "journal", "logs", "keeper.lock", "clock", "restored", "waking"}
OUTCOMES = {"completed", "failed", "interrupted"}
KEPT = {"dump.log", "stats-dump", "restore.log", "stats-restore"}  # of a call's logs


def some(points: Sequence[T], most: int) -> Sequence[T]:
    """All of them, or thinned."""
    return points if ALL else injection.thinned(points, most)


def rounds(points: Sequence[T], most: int) -> list[tuple[T, bool]]:
    """With whether the container is frozen by its engine: each way, or thinned and in turns."""
    if ALL:
        return [(point, frozen) for point in points for frozen in (False, True)]
    return [(point, number % 2 == 1) for number, point in enumerate(some(points, most))]


def end_of(done: Done) -> str:
    """How a call ended, for the table."""
    return "exit 0" if done.returncode == 0 else "killed" if done.returncode in (-9, 137) else "failed"


class SweepTest(RefusalTest):
    cid: str | None = None

    def setUp(self) -> None:
        super().setUp()
        self.table: collections.Counter[tuple[str, ...]] = collections.Counter()
        self.report = self.work / "strace"

    def at_work(self) -> list[tuple[str, int]]:
        """Programs of this checkpoint that run on: a runtime outlives its caller, and CRIU its own."""
        found = []
        for name in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = name.read_bytes().split(b"\0")
            except OSError:
                continue
            program = os.path.basename(words[0]).decode(errors="replace")
            if program.startswith("criu") or (program == "runc" and self.cid and self.cid.encode() in words):
                found.append((program, int(name.parent.name)))
        return found

    def assert_tidy(self, point: object) -> str:
        """Records are whole, the last one is final; no drafts, no stray files of ours."""
        settled = run(GATE, "--settle")
        self.assertEqual(settled.stderr, "", point)
        record = self.records()[-1] if self.records() else None
        for path in RECORDS.glob("*/.*"):
            self.fail(f"{point}: left over: {path}")
        self.assertFalse([*STORE.glob("journal/.*"), *self.images.glob(".*")], point)
        self.assertLessEqual({p.name for p in STORE.iterdir()}, OURS, point)
        if record is None:
            return "none"
        self.assertEqual(record["state"], "final", point)
        self.assertIn(record["outcome"], OUTCOMES, f"{point}: {record['result']}")
        for folder in (LOGS / record["id"],) if (LOGS / record["id"]).exists() else ():
            self.assertLessEqual({p.name for p in folder.iterdir()}, KEPT, point)
        return str(record["outcome"])

    def tell(self, point: tuple[object, ...], row: tuple[str, ...], frozen: bool = False) -> None:
        """A line of the table."""
        self.table[row] += 1
        if ALL:
            print("sweep:", *point, *row, "frozen by the caller" if frozen else "", sep="\t", flush=True)

    def assert_unharmed(self, row: tuple[str, ...], point: object) -> None:
        self.assertEqual(row[-1], "runs on", f"{point}: {row}")

    def use(self, words: list[str], verb: str) -> None:
        """Calls with this verb go to runc under strace."""
        self.lead_to(injection.wrapper(self.work / "bin/runc", REAL, words, verb))

    def lead_to(self, program: str | pathlib.Path = REAL) -> None:
        LINK.unlink(missing_ok=True)
        LINK.symlink_to(program)

    def tearDown(self) -> None:
        for row, count in sorted(self.table.items()):
            print("sweep:", *row, f"{count} times", sep="\t", flush=True)
