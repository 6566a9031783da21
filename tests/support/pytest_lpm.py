# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""pytest plugin: selects tests by flavour and name, and writes the files that a suite leaves.

A test or its class says with `flavours` on which nodes it runs; without, it runs on all. Names are "module: test", without
"_test" and "test_".
"""
import argparse
import collections
import pathlib
from collections.abc import Generator, Sequence
from typing import Any

import pytest


def name_of(nodeid: str) -> str:
    """Of a test, or of a module that cannot be imported. xdist puts a test's group behind the node id."""
    path, *rest = nodeid.partition("@")[0].split("::")
    return f"{pathlib.Path(path).stem.removesuffix('_test')}: {rest[-1].removeprefix('test_') if rest else 'import'}"


Report = pytest.TestReport
ALONE = 0
FEW = 3


def turn_of(item: pytest.Item) -> int:
    """A test runs beside others of its turn (marker `parallel`), or alone."""
    marker = item.get_closest_marker("parallel")
    return ALONE if marker is None or item.get_closest_marker("alone") else int(marker.kwargs.get("turn", 1))


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lpm")
    group.addoption("--flavour", help="of the node")
    group.addoption("--name", action="append", default=[], help="part of a test's name; several: any of them")
    group.addoption("--turn", type=int, help="of the tests; without: all")


def is_chosen(item: Any, options: argparse.Namespace) -> bool:
    flavours = getattr(item.function, "flavours", getattr(item.cls, "flavours", (options.flavour,)))
    return options.flavour in flavours and options.turn in (None, turn_of(item)) and (
        not options.name or any(part in name_of(item.nodeid) for part in options.name))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = [item for item in items if is_chosen(item, config.option)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = sorted(chosen, key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: pytest.CallInfo[None]) -> Generator[None, Report, Report]:
    """What the test has shown goes with its report, also out of a worker."""
    report = yield
    if call.when == "call":
        report.user_properties.append(("shown", sorted(getattr(item.instance, "shown", ()))))
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: Report) -> tuple[str, str, str]:
    """No letter: Results prints a line for each test."""
    return report.outcome if report.failed or report.when == "call" else "", "", ""


class Results:
    """Of one suite: TSV (a line "passed|failed|skipped<TAB>name" for each test), SHOWN (what passed tests have shown of
    checks), LOG (the failures) and FLAKY (what failed and then passed). One object for all sessions of pytest that the
    suite takes.

    With `again`, a test that fails has no line yet: the suite asks `to_run_again` at its end, and the next result counts.
    A line that is missing is a failure, so a suite that dies in between loses none.
    """

    def __init__(self, stem: pathlib.Path, again: bool = False) -> None:
        self.tsv, self.shown, self.log, self.flaky = (
            open(f"{stem}.{end}", "w", encoding="utf-8") for end in ("tsv", "shown", "log", "flaky"))
        self.again = again
        self.held: dict[str, str] = {}  # node id and name of those that failed once
        self.reports: dict[str, list[Report]] = {}  # of tests that have not ended
        self.seconds: dict[str, float] = {}  # of those that have
        self.count = self.failed = 0

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.note("failed", name_of(report.nodeid), [report])

    def pytest_runtest_logreport(self, report: Report) -> None:
        reports = self.reports.setdefault(report.nodeid, [])
        reports.append(report)
        if report.when not in ("setup", "call"):  # teardown, or the end of xdist's worker
            del self.reports[report.nodeid]
            self.note(verdict_of(reports), name_of(report.nodeid), reports)

    def note(self, verdict: str, name: str, reports: Sequence[Report | pytest.CollectReport]) -> None:
        print(getattr(reports[-1], "capstdout", ""), end="")
        for report in reports:
            if report.failed:
                print(report.longreprtext, flush=True)
                print(f"=== {name}\n{report.longreprtext}", file=self.log, flush=True)
        if self.again and verdict == "failed" and reports[-1].when != "collect":
            self.held[reports[-1].nodeid.partition("@")[0]] = name
        else:
            self.count_as(verdict, name)
        self.seconds[name] = sum(getattr(report, "duration", 0.0) for report in reports)
        print(f"{verdict:8}{name} ({self.seconds[name]:.1f} s)", flush=True)
        if verdict == "passed":
            for report in reports:
                for check, cell in dict(getattr(report, "user_properties", ())).get("shown", ()):
                    print(f"{check}\t{cell}\t{name}", file=self.shown, flush=True)

    def count_as(self, verdict: str, name: str) -> None:
        print(f"{verdict}\t{name}", file=self.tsv, flush=True)
        self.count += 1
        self.failed += verdict == "failed"
        if verdict == "passed" and name in self.held.values():
            print(name, file=self.flaky, flush=True)

    def to_run_again(self) -> list[str]:
        """Node ids of those that failed, once all have run. More than a few are no accident: they have failed."""
        self.again = False
        if len(self.held) <= FEW:
            return list(self.held)
        for name in self.held.values():
            self.count_as("failed", name)
        return []

    def tell_slowest(self, count: int = 25) -> None:
        for name, seconds in sorted(self.seconds.items(), key=lambda entry: -entry[1])[:count]:
            print(f"{seconds:8.1f} s  {name}")


def verdict_of(reports: list[Report]) -> str:
    """A test has failed, too, when a part of it has (subTest), or what comes after it."""
    outcomes = {report.outcome for report in reports}
    return next((verdict for verdict in ("failed", "skipped") if verdict in outcomes), "passed")


class Collected:
    """The tests that there are, and how many in each turn."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.turns: collections.Counter[int] = collections.Counter()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.names = [name_of(item.nodeid) for item in session.items]
        self.turns = collections.Counter(turn_of(item) for item in session.items)
