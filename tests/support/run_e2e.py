#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Run tests/e2e with pytest inside a node: run_e2e.py [--tests FOLDER] [--again] SUITE FLAVOUR RESULTS [PATTERN...]

Writes RESULTS/SUITE.planned (the names of the tests, before the first of them runs), RESULTS/SUITE.tsv (one line per
test), RESULTS/SUITE.shown (what passed tests have shown of checks) and RESULTS/SUITE.log (the failures). PATTERN: parts of
names. --again: the few tests that failed run a second time, alone; what passes then is in RESULTS/SUITE.flaky, too. FOLDER:
another one than e2e; when it has a suite.py, that is opened before its tests and closed after them, and its tests come in
turns: those that are marked `parallel` side by side, the others alone at the end.
"""
import argparse
import contextlib
import importlib
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
import pytest  # noqa: E402
from pytest_lpm import ALONE, Collected, Results  # noqa: E402


@contextlib.contextmanager
def opened(suite: Any, flavour: str, results: pathlib.Path) -> Iterator[None]:
    """What the tests of a folder share."""
    if suite is None:
        yield
        return
    suite.open_suite(flavour, results)
    try:
        yield
    finally:
        suite.close_suite(results)


def in_turns(suite: Any, turns: Mapping[int, int]) -> Iterator[tuple[str, ...]]:
    """Options of pytest for each; what is alone is the last. A worker that dies is a failure, and not replaced."""
    for turn, count in sorted(turns.items()):
        if turn != ALONE:
            yield (f"--turn={turn}", f"--numprocesses={min(count, suite.WORKERS[turn])}", "--dist=loadgroup",
                   "--max-worker-restart=0")
    if ALONE in turns:
        yield (f"--turn={ALONE}",)


def sanitizer_reports(tsv: TextIO) -> bool:
    """False when there are any."""
    done = subprocess.run([HERE / "sanitizer_reports"], stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", file=tsv)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tests", default="e2e")
    parser.add_argument("--again", action="store_true")
    for name in ("suite", "flavour", "results"):
        parser.add_argument(name)
    parser.add_argument("patterns", nargs="*")
    args = parser.parse_args()
    tests, stem = HERE.parent / args.tests, pathlib.Path(args.results, args.suite)
    sys.path.insert(1, str(tests))
    suite = importlib.import_module("suite") if (tests / "suite.py").exists() else None
    results, collected = Results(stem, args.again), Collected()
    common = ["-c", str(HERE.parent / "pytest.ini"), f"--flavour={args.flavour}"]
    choice = [*common, str(tests), *(f"--name={pattern}" for pattern in args.patterns)]
    status = pytest.main([*choice, "--collect-only", "-q"], plugins=[results, collected])
    stem.with_name(f"{args.suite}.planned").write_text("".join(f"{name}\n" for name in collected.names))
    if status != pytest.ExitCode.OK:
        return 1
    with opened(suite, args.flavour, pathlib.Path(args.results)):
        for more in in_turns(suite, collected.turns) if suite else [()]:
            pytest.main([*choice, *more], plugins=[results])
        for test in results.to_run_again():
            pytest.main([*common, str(HERE.parent / test)], plugins=[results])
    results.tell_slowest()
    clean = sanitizer_reports(results.tsv)
    return 0 if clean and results.count == len(collected.names) and not results.failed else 1


if __name__ == "__main__":
    sys.exit(main())
