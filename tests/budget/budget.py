#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What front, gate, hook, lpm-wake and plugin may weigh: budget.py BUILD_TREE [NAME...]. One test per line of `limits`.

Needs root and a mount namespace for `startup` (a node of flavour `build`). Writes $LPM_RESULTS/budget.planned and
budget.tsv when that variable names a folder; each budget is a test of its own there.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping

FRONT = "shim/lpm-runc"
GATE = "shim/lpm-gate"
HOOK = "hooks/lpm-hook"
WAKE = "shim/lpm-wake"
PLUGIN = "cli/kubectl-lpm"
# All of them libstdc++'s and libc's: frame_dummy, stdio, exceptions, locales (4), error categories (2). None ours. On arm64
# beside them libgcc's, which ask for atomics and SME (2), and libstdc++'s codecvt (2) and ctype.
GATE_CONSTRUCTORS = 9
GATE_CONSTRUCTORS_ARM64 = 14


class Failure(Exception):
    pass


def output(*command: str | pathlib.Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=env)
    if done.returncode != 0:
        raise Failure(f"{command[0]}: {done.stdout.strip()[-2000:]}")
    return done.stdout


def check(good: bool, message: str) -> str:
    if not good:
        raise Failure(message)
    return message


def needed_by(program: pathlib.Path) -> list[str]:
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-dW", program))


def needs_none_of(program: pathlib.Path, *parts: str) -> str:
    needed = needed_by(program)
    bad = [name for name in needed if any(part in name for part in parts)]
    return check(bool(needed) and not bad, f"needs {', '.join(bad or needed)}")


def needs_nothing(program: pathlib.Path) -> str:
    needed = needed_by(program)
    interpreter = "INTERP" in output("readelf", "-lW", program)
    return check(not needed and not interpreter, f"needs {', '.join(needed) or 'no library'}"
                 + (" and an interpreter" if interpreter else ""))


def is_arm64(program: pathlib.Path) -> bool:
    return "AArch64" in output("readelf", "-hW", program)


def size(program: pathlib.Path, limit: int) -> str:
    with tempfile.NamedTemporaryFile() as stripped:
        output("aarch64-linux-gnu-strip" if is_arm64(program) else "strip", "-o", stripped.name, program)
        found = os.path.getsize(stripped.name)
    return check(found <= limit, f"{found} bytes stripped, limit {limit}")


def constructors(program: pathlib.Path, limit: int) -> str:
    sections = output("readelf", "-SW", program)
    sizes = re.findall(r"\s\.(?:preinit_array|init_array|ctors)\s+\w+\s+\w+\s+\w+\s+(\w+)", sections)
    found = sum(int(size, 16) // 8 for size in sizes)
    return check(found <= limit, f"{found} constructors, limit {limit}")


def relocations(program: pathlib.Path) -> str:
    text = output("readelf", "-rW", program)
    return check("There are no relocations" in text, text.strip().splitlines()[0])


def position_independent(program: pathlib.Path) -> str:
    header = output("readelf", "-hW", program)
    dynamic = output("readelf", "-dW", program)
    return check("DYN" in header and "PIE" in dynamic, ", ".join(re.findall(r"Type:\s+(.*)", header)))


def no_executable_data(program: pathlib.Path) -> str:
    segments = output("readelf", "-lW", program)
    writable = [line for line in segments.splitlines() if re.search(r"\bRWE\b", line)]
    return check(not writable, f"{len(writable)} segments that are writable and executable")


def startup(tree: pathlib.Path) -> str:
    return output(tree / "bench/front_bench", "5", "0.7").strip()


def arm64_front(tree: pathlib.Path) -> str:
    """Cross-built from the sources and options of the native one, and run in the emulator: it must hand the call
    on to the (native) runtime."""
    targets = json.loads((tree / "meson-info/intro-targets.json").read_text())
    compiled, linked = next(target for target in targets if target["filename"] == [str(tree / FRONT)])["target_sources"]
    sources = [re.sub(r"entry-\w+\.S$", "entry-aarch64.S", source) for source in compiled["sources"]]
    options = [option for option in compiled["parameters"] if not option.startswith("-fcf-protection")]  # x86's
    with tempfile.TemporaryDirectory() as folder:
        front = pathlib.Path(folder) / "lpm-runc"
        output("aarch64-linux-gnu-g++", *options, *sources, *linked["parameters"], "-o", str(front))
        relocations(front)
        needs_nothing(front)
        bytes_large = front.stat().st_size
        check(bytes_large <= 64 << 10, f"{bytes_large} bytes")
        output(tree / "tests/budget/arm64_test", env={**os.environ, "LPM_ARM64_FRONT": str(front)})
        return f"{bytes_large} bytes, no relocations, runs in the emulator"


def main() -> int:
    tree = pathlib.Path(sys.argv[1]).resolve()
    front, gate, hook = tree / FRONT, tree / GATE, tree / HOOK
    few = GATE_CONSTRUCTORS_ARM64 if is_arm64(gate) else GATE_CONSTRUCTORS
    limits: dict[str, Callable[[], str]] = {
        "front_needed": lambda: needs_nothing(front),
        "front_size": lambda: size(front, 64 << 10),
        "front_constructors": lambda: constructors(front, 0),
        "front_relocations": lambda: relocations(front),
        "front_position_independent": lambda: position_independent(front),
        "front_no_executable_data": lambda: no_executable_data(front),
        "front_startup": lambda: startup(tree),
        "front_arm64": lambda: arm64_front(tree),
        "gate_needed": lambda: needs_nothing(gate),
        "gate_size": lambda: size(gate, 11 << 19),
        "gate_constructors": lambda: constructors(gate, few),
        "gate_no_executable_data": lambda: no_executable_data(gate),
        "hook_needed": lambda: needs_nothing(hook),
        "hook_size": lambda: size(hook, 4 << 20),
        "hook_constructors": lambda: constructors(hook, few),
        "hook_no_executable_data": lambda: no_executable_data(hook),
        "wake_needed": lambda: needs_nothing(tree / WAKE),
        "wake_size": lambda: size(tree / WAKE, 3 << 20),
        "wake_no_executable_data": lambda: no_executable_data(tree / WAKE),
        # gRPC alone would double the time that it takes to start.
        "plugin_needed": lambda: needs_none_of(tree / PLUGIN, "grpc", "protobuf", "archive", "systemd"),
    }
    if is_arm64(front):  # a tree of ./dev build arm64: no time means anything in an emulator
        del limits["front_startup"], limits["front_arm64"]
    wanted = sys.argv[2:] or list(limits)
    results = []
    folder = pathlib.Path(os.environ["LPM_RESULTS"]) if "LPM_RESULTS" in os.environ else None
    if folder:
        (folder / "budget.planned").write_text("".join(f"budget.{name}\n" for name in wanted))
    for name in wanted:
        try:
            verdict, text = "passed", limits[name]()
        except (Failure, OSError) as error:
            verdict, text = "failed", str(error)
        print(f"{verdict} {name}: {text}", flush=True)
        results.append(f"{verdict}\tbudget.{name}\n")
    if folder:
        (folder / "budget.tsv").write_text("".join(results))
    return 1 if any(line.startswith("failed") for line in results) else 0


if __name__ == "__main__":
    sys.exit(main())
