# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What lpm-gate answers to one request, as lpm-sidecar or root's hand asks."""
import json
import subprocess
from typing import Any

GATE = "/usr/libexec/lpm/lpm-gate"


def ask(**request: Any) -> dict[str, Any]:
    """The answer: `record` or `error`."""
    done = subprocess.run([GATE, "--answer"], input=json.dumps(request), capture_output=True, text=True, check=False, cwd="/")
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (1 if "error" in answer else 0), (done.returncode, done.stderr, answer)
    return answer


def preflight(**target: str) -> dict[str, Any]:
    """The record of a checkpoint that was not made."""
    answer = ask(verb="preflight", **target)
    assert "record" in answer, answer
    record: dict[str, Any] = answer["record"]
    return record


def verdicts(record: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["verdict"] for check in record["checks"]}
