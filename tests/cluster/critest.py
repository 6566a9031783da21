#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Kubernetes' conformance suite for CRI, on CRI-O with lpm-runc and with the bare runtime: critest.py RESULTS [--both]

Each case has to end as with the bare runtime, whichever way that is: what a machine cannot do fails through both. How
it ends there is stored (BARE), and compared anew with --both. Writes RESULTS/critest.planned, the cases that ran there,
RESULTS/critest.tsv, a line per case that ran, and RESULTS/critest-{lpm,bare}.txt, which is what BARE was copied from.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import images  # noqa: E402
import parts  # noqa: E402
from e2e import RUNTIME, run, wait_for  # noqa: E402

BARE = HERE.parent / "data/critest-bare.txt"
VERDICTS = {"passed": "passed", "skipped": "skipped", "pending": "skipped"}


def cases(report: pathlib.Path) -> dict[str, str]:
    """{name: passed|skipped|failed} of ginkgo's report."""
    found = {}
    for suite in json.loads(report.read_text()):
        for spec in suite["SpecReports"] or ():
            if spec["LeafNodeType"] == "It":
                name = " ".join([*(spec["ContainerHierarchyTexts"] or ()), spec["LeafNodeText"]])
                if name in found:
                    raise AssertionError(f"two cases have one name: {name}")
                found[name] = VERDICTS.get(spec["State"], "failed")
    return found


def conform(runtime: str, results: pathlib.Path, label: str) -> dict[str, str]:
    """How each case ends when CRI-O calls that runtime."""
    crio = parts.crio(runtime)
    crio.start()
    wait_for("CRI-O answers", lambda: run("crictl", "--runtime-endpoint", f"unix://{parts.SOCKET}", "version",
                                          check=False).returncode == 0)
    began = time.monotonic()
    report = results / f"critest-{label}.json"
    report.unlink(missing_ok=True)
    with open(results / f"critest-{label}.log", "w") as log:
        subprocess.run(["critest", f"-runtime-endpoint=unix://{parts.SOCKET}", "-ginkgo.no-color",
                        f"-ginkgo.json-report={report}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False,
                       cwd="/tmp")
    found = cases(report)
    crio.end()
    print(f"critest through {runtime}: {time.monotonic() - began:.0f} s, "
          + ", ".join(f"{list(found.values()).count(v)} {v}" for v in ("passed", "skipped", "failed")), flush=True)
    (results / f"critest-{label}.txt").write_text("".join(f"{v}\t{name}\n" for name, v in sorted(found.items())))
    return found


def read(path: pathlib.Path) -> dict[str, str]:
    return {name: verdict for verdict, name in (line.split("\t") for line in path.read_text().splitlines())}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--both", action="store_true")
    args = parser.parse_args()
    (args.results / "critest.planned").write_text("".join(f"{n}\n" for n, v in read(BARE).items() if v != "skipped"))
    parts.prepare_node()
    with images.Registry("/var/lib/registry"):
        bare = conform(parts.real_runtime(), args.results, "bare") if args.both else read(BARE)
        through = conform(RUNTIME, args.results, "lpm")
        differing = sorted(name for name in {*bare, *through} if bare.get(name) != through.get(name))
        if differing and not args.both:  # what is stored is of one kind of machine
            again = conform(parts.real_runtime(), args.results, "bare")
            bare = {name: verdict for name, verdict in bare.items() if name not in differing} | {
                name: verdict for name, verdict in again.items() if name in differing}
            differing = [name for name in differing if bare.get(name) != through.get(name)]
    for name in differing:
        print(f"differs: {name}: {bare.get(name)} bare, {through.get(name)} through lpm", flush=True)
    for name in sorted(name for name, verdict in through.items() if verdict == "failed" and name not in differing):
        print(f"fails as it does with bare runc: {name}", flush=True)
    print(f"{len(differing)} of {len(through)} cases differ", flush=True)
    with open(args.results / "critest.tsv", "w") as tsv:
        for name in sorted({*bare, *through}):
            if name in differing:
                tsv.write(f"failed\t{name}\n")
            elif bare[name] != "skipped":
                tsv.write(f"passed\t{name}\n")
    return 1 if differing or not through else 0


if __name__ == "__main__":
    sys.exit(main())
