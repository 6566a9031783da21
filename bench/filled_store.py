# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A store of many records, each a copy of one of this gate's, which runs a program that does nothing."""
import contextlib
import importlib
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests/support"))
sys.dont_write_bytecode = True

BUILD = pathlib.Path(os.environ["BUILD"]) / "bench"
GATE = "/usr/libexec/lpm/lpm-gate"
STORE = pathlib.Path("/var/lib/lpm")
SETTINGS = pathlib.Path("/etc/lpm/lpm.toml")
CALL = (GATE, "--root", "/run/bench-store", "checkpoint", "--image-path", "/run/bench-store/images", "c")
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def spent(*argv: str) -> float:
    start = time.perf_counter()
    subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def ulid(milliseconds: int, number: int) -> str:
    value, text = milliseconds << 80 | number, ""
    for _ in range(26):
        value, text = value >> 5, ALPHABET[value & 31] + text
    return text


def records() -> Iterator[pathlib.Path]:
    return STORE.glob("records/*/*.json")


def newest() -> dict[str, Any]:
    return dict(json.loads(max(records()).read_text()))


def sample_of(settings: str) -> dict[str, Any]:
    """The record of a call that went well, on a node with these settings."""
    link = pathlib.Path("/etc/lpm/runtime")
    link.unlink()
    link.symlink_to(BUILD / "nothing")
    pathlib.Path("/run/bench-store/images").mkdir(parents=True)
    spent(*CALL)
    ids = "".join(f'{check["id"]} = "off"\n' for check in newest()["checks"])
    SETTINGS.write_text(f"[checks]\n{ids}{settings}")
    spent(*CALL)
    sample = newest()
    if sample.get("outcome") != "completed":
        sys.exit(f"the sample was to be a call that went well: {sample}")
    return sample


def fill(sample: dict[str, Any], count: int) -> None:
    """Copies, a minute apart, the last of them now; each with its lines in the journal."""
    now = int(time.time() * 1000)
    lines = []
    for number in range(count):
        made = now - (count - number) * 60_000
        sample["id"] = ulid(made, number)
        month = STORE / "records" / time.strftime("%Y-%m", time.gmtime(made / 1000))
        month.mkdir(parents=True, exist_ok=True)
        (month / f'{sample["id"]}.json').write_text(json.dumps(sample))
        lines += [json.dumps({"id": sample["id"], "state": state, "container": "c"}) for state in ("intent", "final")]
    (STORE / "journal/current").write_text("\n".join(lines) + "\n")


@contextlib.contextmanager
def served(count: int) -> Iterator[Any]:
    """An lpm-sidecar over such a store."""
    fill(sample_of(""), count)
    sidecar = importlib.import_module("node_api").Sidecar(pathlib.Path("/run/bench.sock"))
    yield sidecar
    sidecar.end()


def ask_sidecar(what: str, sidecar: Any, count: int) -> list[float]:
    """The numbers that bench/asker.cpp prints."""
    done = subprocess.run([BUILD / "asker", what, sidecar.log.with_suffix(".sock"), STORE, str(count)], check=True,
                          stdout=subprocess.PIPE, text=True)
    return [float(word) for word in done.stdout.split()]
