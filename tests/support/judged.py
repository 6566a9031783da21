# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What the suites share that are made of the results of others (tests/support/{claims,coverage,told})."""
import pathlib
import re
from collections.abc import Collection, Iterable, Iterator

TESTS = pathlib.Path(__file__).resolve().parent.parent
DOCS = TESTS.parent / "docs"


def table(document: str, header: str) -> Iterator[tuple[str, ...]]:
    """The rows of the table in docs/DOCUMENT whose first line begins with HEADER, as text of their cells."""
    lines = iter((DOCS / document).read_text().splitlines())
    if not any(line.startswith(header) for line in lines):
        raise SystemExit(f"docs/{document}: no table begins with {header}")
    for line in lines:
        if not line.startswith("|"):
            return
        if not re.fullmatch(r"[|-]+", line):
            yield tuple(cell.strip() for cell in line[1:].rstrip("|").split(" | "))


def checks() -> dict[str, str]:
    """{id: default severity}, in the order of docs/checks.md, which a unit test holds to the table of the checks."""
    return {row[0].strip("`"): row[2] for row in table("checks.md", "| id | at | default |")}


def lines_of(file: pathlib.Path) -> list[str]:
    """Those that say something."""
    return [line for line in file.read_text().splitlines() if line and not line.startswith("#")]


def publish(results: pathlib.Path, suite: str, tests: Iterable[str], failed: Collection[str]) -> int:
    """Writes RESULTS/SUITE.planned and SUITE.tsv; the exit status."""
    tests = list(tests)
    (results / f"{suite}.planned").write_text("".join(f"{test}\n" for test in tests))
    (results / f"{suite}.tsv").write_text(
        "".join(f"{'failed' if test in failed else 'passed'}\t{test}\n" for test in tests))
    return 1 if failed or not tests else 0
