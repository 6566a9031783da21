# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""fake_crio calls the runtime exactly as tests/data/crio-*.trace says that CRI-O does."""
import copy
import json
import os
import pathlib
import re
import shutil
import signal
from collections.abc import Sequence

from crio_engine import Crio
from e2e import RUNTIME, NodeTest
from oci_spec import Json

KEYS = ("argv", "env", "cwd", "fds", "signals")
DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
RECORDER = "/opt/lpm/bin/recorder"


def read_trace(path: pathlib.Path) -> list[Json]:
    """Blocks of `key: value` lines. argv is split at blanks; env is empty for `-`. No signal is ever blocked."""
    calls = []
    for block in re.sub(r"(?m)^#.*\n", "", path.read_text()).strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        env = {} if fields["env"] == "-" else dict(e.split("=", 1) for e in fields["env"].split())
        fds = dict(f.split("=", 1) for f in fields["fds"].split())
        ignored = {signal.Signals[f"SIG{name}"] for name in fields["ignored"].split() if name != "-"}
        calls.append({"argv": fields["argv"].split(), "env": env, "cwd": fields["cwd"], "fds": fds,
                      "signals": (set(), ignored)})
    return calls


def normalise(call: Json, places: Sequence[tuple[str, str]]) -> Json:
    """Put the placeholders of the trace where a run has its own paths and ids."""
    def name(text: str) -> str:
        for path, placeholder in places:
            text = text.replace(path, placeholder)
        text = re.sub(r"/tmp/exec-process-\w+", "$SPEC", text)
        text = re.sub(r"/tmp/pidfile-\w+", "$EXECPID", text)
        return re.sub(r"pipe:\[\d+\]", "pipe", text)
    return {"argv": [name(a) for a in call["argv"]], "env": call["env"], "cwd": name(call["cwd"]),
            "fds": {fd: name(target) for fd, target in call["fds"].items()},
            "signals": tuple(signals(call["status"][key]) for key in ("SigBlk", "SigIgn"))}


def signals(mask: str) -> set[int]:
    """Those of a line of /proc/PID/status."""
    return {number for number in range(1, 65) if int(mask, 16) >> (number - 1) & 1}


def differences(expected: Sequence[Json], seen: Sequence[Json]) -> list[str]:
    found = []
    for number in range(max(len(expected), len(seen))):
        if number >= len(expected) or number >= len(seen):
            found.append(f"call {number}: only in the {'trace' if number < len(expected) else 'run'}")
            continue
        for key in KEYS:
            if expected[number][key] != seen[number][key]:
                found.append(f"call {number} {key}: {expected[number][key]} != {seen[number][key]}")
    return found


class Trace(NodeTest):
    flavours = ("trixie",)

    def record(self, release: str) -> list[Json]:
        place = self.work / "recorder"
        place.mkdir()
        shutil.copy(RECORDER, place / "runc")
        (place / "recorder.next").symlink_to(RUNTIME)
        crio = self.crio = Crio(release, str(place / "runc"), self.work / "crio")
        old, new, archive = self.add_container("old"), self.add_container("new"), self.work / "checkpoint.tar"
        os.environ.pop("TMPDIR", None)
        crio.create(old, self.rootfs, ["/bin/counter"])
        crio.start(old)
        self.lines(old, 2)
        crio.exec(old, "true")
        crio.execsync(old, "true")
        crio.update(old, {"cpu": {"shares": 512}})
        crio.checkpoint(old, archive)
        crio.kill(old)
        crio.delete(old)
        crio.restore(new, archive, self.rootfs)
        crio.stop(new, 0.2)
        crio.delete(new)
        places = [(str(place / "runc"), "$RUNTIME")]
        for cid, mark in ((old, "OLD"), (new, "NEW")):
            places += [(str(crio.bundle(cid)), f"${mark}_BUNDLE"), (str(crio.folder(cid)), f"${mark}_DIR")]
        lines = (place / "recorder.trace").read_text().splitlines()
        return [normalise(json.loads(line), places) for line in lines]

    def compare(self, release: str) -> None:
        expected = read_trace(DATA / f"crio-{release}.trace")
        seen = self.record(release)
        found = differences(expected, seen)
        self.assertEqual(found, [], "\n".join(found))
        # The comparison itself: one perturbed entry of one call, and it must be the one that is named.
        for number, call in enumerate(seen):
            for key, bad in (("argv", [*call["argv"], "--more"]), ("env", {**call["env"], "MORE": "1"}),
                             ("cwd", "/elsewhere"), ("fds", {**call["fds"], "3": "/dev/null"}),
                             ("signals", ({signal.SIGINT}, call["signals"][1]))):
                wrong = copy.deepcopy(seen)
                wrong[number][key] = bad
                found = differences(expected, wrong)
                self.assertEqual([f.split(":")[0] for f in found], [f"call {number} {key}"])
        self.assertTrue(differences(expected, seen[:-1]))

    def test_crio_1_30(self) -> None:
        self.compare("1.30")

    def test_crio_1_36(self) -> None:
        self.compare("1.36")
