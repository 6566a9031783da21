#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Run tests/e2e inside a node: run_e2e.py [--tests FOLDER] SUITE FLAVOUR RESULTS [PATTERN...]

Writes RESULTS/SUITE.planned (the tests that are going to run), RESULTS/SUITE.tsv (one line per test), RESULTS/SUITE.shown
(what passed tests have shown of checks) and RESULTS/SUITE.log (the failures). PATTERN: parts of names.
FOLDER: another one than e2e; when it has a suite.py, that is opened before its tests and closed after them.
"""
import argparse
import contextlib
import importlib
import pathlib
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))


def name_of(test):
    return f"{type(test).__module__.removesuffix('_test')}: {test.id().rpartition('.')[2].removeprefix('test_')}"


class Results(unittest.TestResult):
    def __init__(self, tsv, shown, log):
        super().__init__()
        self.tsv, self.shown, self.log, self.began = tsv, shown, log, 0.0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def note(self, verdict, test):
        print(f"{verdict}\t{name_of(test)}", file=self.tsv, flush=True)
        print(f"{verdict:8}{name_of(test)} ({time.monotonic() - self.began:.1f} s)", flush=True)

    def addSuccess(self, test):
        self.note("passed", test)
        for check, cell in sorted(getattr(test, "shown", ())):
            print(f"{check}\t{cell}\t{name_of(test)}", file=self.shown, flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note("skipped", test)

    def _bad(self, test, error):
        text = self._exc_info_to_string(error, test)
        print(f"=== {name_of(test)}\n{text}", file=self.log, flush=True)
        print(text, flush=True)
        self.note("failed", test)

    def addError(self, test, err):
        super().addError(test, err)
        self._bad(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._bad(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            print(f"in {subtest._subDescription()}:", file=self.log, flush=True)
            self._bad(test, err)


def tests_in(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_in(item)
        else:
            yield item


def chosen_tests(folder, flavour, patterns):
    chosen = unittest.TestSuite()
    for path in sorted(folder.glob("*_test.py")):
        module = importlib.import_module(path.stem)
        for test in tests_in(unittest.defaultTestLoader.loadTestsFromModule(module)):
            method = getattr(test, test.id().rpartition(".")[2])
            flavours = getattr(method, "flavours", getattr(test, "flavours", (flavour,)))
            if flavour in flavours and (not patterns or any(p in name_of(test) for p in patterns)):
                chosen.addTest(test)
    return chosen


@contextlib.contextmanager
def opened(folder, flavour, results):
    """What the tests of a folder share."""
    if not (folder / "suite.py").exists():
        yield
        return
    suite = importlib.import_module("suite")
    suite.open_suite(flavour, results)
    try:
        yield
    finally:
        suite.close_suite(results)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tests", default="e2e")
    for name in ("suite", "flavour", "results"):
        parser.add_argument(name)
    parser.add_argument("patterns", nargs="*")
    args = parser.parse_args()
    tests = HERE.parent / args.tests
    sys.path.insert(1, str(tests))
    chosen = chosen_tests(tests, args.flavour, args.patterns)
    folder, name = pathlib.Path(args.results), args.suite
    (folder / f"{name}.planned").write_text("".join(f"{name_of(test)}\n" for test in chosen), encoding="utf-8")
    with open(folder / f"{name}.tsv", "w", encoding="utf-8") as tsv, \
            open(folder / f"{name}.shown", "w", encoding="utf-8") as shown, \
            open(folder / f"{name}.log", "w", encoding="utf-8") as log:
        results = Results(tsv, shown, log)
        with opened(tests, args.flavour, folder):
            chosen.run(results)
        reports = subprocess.run([HERE / "sanitizer_reports"], stdout=subprocess.PIPE, text=True, check=False)
        print(reports.stdout, end="", file=tsv)
        if reports.returncode != 0:
            return 1
    return 0 if results.testsRun and results.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
