# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What real CRI-O sends, beside what fake_crio sends: for each request the same verbs in the same order, for each verb
the same argv, environment, folder, descriptors and signals. The recorder stands where CRI-O finds the runtime, above
lpm."""
import http.client
import itertools
import json
import pathlib
import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import parts
from crio_engine import Crio
from e2e import LINK, RUNTIME, wait_for
from oci_spec import Json, make_rootfs
from suite import ClusterTest

HERE = pathlib.Path("/var/lib/lpm/recorder")
RUNTIME_HERE = str(HERE / "runc")
BELOW = HERE / "below"
GATED = ("checkpoint", "restore")  # lpm's own business; tests/e2e has what they become
PROBE = "checkpoint --help"
EXITS = pathlib.Path("/var/run/crio/exits")
# What the kubelet asks for, unless a pod says otherwise: without a signal handler, process 1 ends by KILL alone.
OWN_PIDS = {"security_context": {"namespace_options": {"pid": 1}}}


Steps = dict[str, list[Json]]  # {step of a scenario: its calls}


def verb_of(argv: Sequence[str]) -> str:
    """The verb, with what makes it another call."""
    words = argv[3:] if argv[1] == "--root" else argv[2:] if argv[1].startswith("--root=") else argv[1:]
    verb = words[0]
    if verb == "checkpoint" and words[1:] == ["--help"]:
        return PROBE
    if verb == "exec":
        return "exec sync" if "--detach" in words else "exec"
    if verb == "kill":
        return "kill KILL" if words[-1] == "KILL" else "kill"
    return verb


def shape(call: Json) -> Json:
    """What does not differ from run to run."""
    def name(text: str) -> str:
        text = re.sub(r"\b[0-9a-f]{64}\b|\b(old|new)\b", "$ID", text)
        text = re.sub(r"/\S*/overlay-containers/\$ID/userdata", "$FOLDER", text)
        text = re.sub(r"\S*/(exec-process-|pidfile-?|exec-pidfile)\w+", r"$FILE", text)
        text = re.sub(r"\$FOLDER/(\S*exec\S*)", "$FILE", text)
        return re.sub(r"pipe:\[\d+\]", "pipe", text)
    status = call["status"]
    return {"argv": [name(a) for a in call["argv"]], "env": call["env"], "cwd": name(call["cwd"]),
            "fds": {fd: name(target) for fd, target in call["fds"].items()},
            "signals": {key: status[key] for key in ("SigBlk", "SigIgn")}, "umask": status["Umask"],
            "others": {key: status[key] for key in ("CapAmb", "NoNewPrivs", "Seccomp")}}


def sequence(calls: Iterable[Json]) -> list[str]:
    """The verbs of one request, in order. Only how often two of them come is left to chance, and once a container has
    been sent its signal these count as one each: KILL, which CRI-O repeats until the process is gone, and `state`,
    which it asks for the request and for the exit that it sees, but not when the other has been told of it already."""
    found: list[str] = []
    for call in calls:
        verb = verb_of(call["argv"])
        if not ("kill" in found and verb in ("kill KILL", "state") and verb == found[-1]):
            found.append(verb)
    return found


def shapes(steps: Steps) -> dict[str, list[Json]]:
    """{verb: its shapes}, each shape once."""
    found: dict[str, list[Json]] = {}
    for call in itertools.chain(*steps.values()):
        known = found.setdefault(verb_of(call["argv"]), [])
        if shape(call) not in known:
            known.append(shape(call))
    return found


class Trace(ClusterTest):
    flavours = ("1.37",)  # the CRI-O is the same under both

    def setUp(self) -> None:
        super().setUp()
        self.wait_for_other_pods()
        HERE.mkdir(parents=True, exist_ok=True)
        shutil.copy("/opt/lpm/bin/recorder", RUNTIME_HERE)
        (HERE / "recorder.next").symlink_to(RUNTIME)
        self.addCleanup(shutil.rmtree, HERE)

    def record_below(self) -> None:
        """What the real runtime is sent, beside what CRI-O sends."""
        BELOW.mkdir()
        shutil.copy("/opt/lpm/bin/recorder", BELOW / "runc")
        (BELOW / "recorder.next").symlink_to(parts.real_runtime())
        LINK.unlink()
        LINK.symlink_to(BELOW / "runc")
        self.addCleanup(LINK.symlink_to, parts.real_runtime())
        self.addCleanup(LINK.unlink)

    def taken(self) -> list[Json]:
        """What was recorded since the last time."""
        path = HERE / "recorder.trace"
        calls = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        path.unlink(missing_ok=True)
        return [call for call in calls if not {"--version", "features"} & {*call["argv"]}]  # once, at the start

    def ask_crio(self, path: str) -> None:
        """What its own socket offers beside CRI."""
        connection = http.client.HTTPConnection("crio")
        connection.sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        connection.sock.connect(parts.SOCKET)
        connection.request("GET", path)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200, answer.read())

    def of_crio(self, taken: Callable[[], list[Json]] | None = None) -> Steps:
        """{step: its calls} of the scenario through crictl, with the kubelet out of the way: its own pods would be in
        the trace."""
        crictl, taken = self.cluster.crictl, taken or self.taken
        self.cluster.parts["kubelet"].end()
        self.addCleanup(self.cluster.wait_ready)
        self.addCleanup(self.cluster.parts["kubelet"].start)
        self.cluster.use_runtime(RUNTIME_HERE)
        self.addCleanup(self.cluster.use_runtime, RUNTIME)
        crictl("pull", "lpm-programs-term")
        folder, steps = pathlib.Path(tempfile.mkdtemp()), {}
        self.addCleanup(shutil.rmtree, folder)

        def config(name: str, **content: Any) -> pathlib.Path:
            (folder / name).write_text(json.dumps({"metadata": {"name": "trace", "namespace": "default", "uid": "1",
                                                                "attempt": 0}, **content}))
            return folder / name

        def step(name: str, *args: object) -> str:
            said = crictl(*args).stdout.strip()
            steps[name] = taken()
            return said

        def stop(name: str, cid: str, seconds: float) -> None:
            crictl("stop", "--timeout", seconds, cid)
            wait_for("CRI-O is done with its end", lambda: not (EXITS / cid).exists())
            steps[name] = taken()
        sandbox = config("sandbox.json", log_directory="/var/log/pods/trace", linux={})
        pod = step("runp", "runp", sandbox)
        self.addCleanup(crictl, "rmp", "-f", pod, check=False)
        ctr = config("ctr.json", image={"image": "lpm-programs-term"}, command=["/bin/counter"], log_path="ctr.log",
                     linux=OWN_PIDS)
        old = step("create", "create", pod, ctr, sandbox)
        step("start", "start", old)
        step("exec", "exec", old, "true")
        step("exec sync", "exec", "--sync", old, "true")
        step("update", "update", "--cpu-share", "512", old)
        archive = folder / "checkpoint.tar"
        step("checkpoint", "checkpoint", f"--export={archive}", old)
        self.ask_crio(f"/pause/{old}")
        steps["pause"] = taken()
        self.ask_crio(f"/unpause/{old}")
        steps["unpause"] = taken()
        stop("stop at once", old, 0)
        step("rm", "rm", old)
        again = config("again.json", image={"image": str(archive)}, log_path="again.log", linux=OWN_PIDS)
        new = step("create of a checkpoint", "create", pod, again, sandbox)
        step("start of a checkpoint", "start", new)
        self.ask_crio(f"/pause/{new}")
        steps["pause again"] = taken()
        stop("stop of a paused one", new, 1)
        step("rm again", "rm", new)
        return steps

    def of_fake_crio(self) -> Steps:
        work, steps = pathlib.Path(tempfile.mkdtemp(dir="/var/lib/containers")), {}
        self.addCleanup(shutil.rmtree, work)
        crio, archive = Crio("1.36", RUNTIME_HERE, work / "crio", root="/run/runc"), work / "checkpoint.tar"

        def step(name: str, request: Callable[..., object], *args: object) -> None:
            request(*args)
            steps[name] = self.taken()
        step("create", crio.create, "old", make_rootfs(work / "rootfs"), ["/bin/counter"])
        step("start", crio.start, "old")
        step("exec", crio.exec, "old", "true")
        step("exec sync", crio.execsync, "old", "true")
        step("update", crio.update, "old", {"cpu": {"shares": 512}})
        step("checkpoint", crio.checkpoint, "old", archive)
        step("pause", crio.pause, "old")
        step("unpause", crio.resume, "old")
        step("stop at once", crio.stop, "old", 0)
        step("rm", crio.delete, "old")
        # CRI-O's create of a checkpoint calls nothing, which is compared: fake_crio has both in one.
        step("create of a checkpoint", lambda: None)
        step("start of a checkpoint", crio.restore, "new", archive, work / "rootfs")
        step("pause again", crio.pause, "new")
        step("stop of a paused one", crio.stop, "new", 1)
        step("rm again", crio.delete, "new")
        return steps

    def test_the_runtime_gets_what_crio_sends(self) -> None:
        """Call by call, but for the two verbs that lpm is for: argv, environment, folder, descriptors, signals."""
        self.record_below()
        self.of_crio(taken=lambda: [])

        def calls(folder: pathlib.Path) -> list[str]:
            seen = [json.loads(line) for line in (folder / "recorder.trace").read_text().splitlines()]
            return sorted(json.dumps({**call, "argv": call["argv"][1:]}, sort_keys=True) for call in seen
                          if call["argv"][-1] == "--help" or not {*GATED} & {*call["argv"]})
        sent, got = calls(HERE), calls(BELOW)
        self.assertGreater(len(sent), 20)
        for one in {*sent} ^ {*got}:
            print("  only " + ("sent: " if one in sent else "got: ") + one, flush=True)
        self.assertEqual(sent, got)

    def test_fake_crio_calls_as_crio_does(self) -> None:
        """In order and shape. fake_crio makes no sandbox: of `runp`, which alone calls for it, only the shapes are
        compared, which are those of any container."""
        real, fake = self.of_crio(), self.of_fake_crio()
        self.assertEqual([*real], ["runp", *fake])
        found = []
        for step in fake:
            sent, imitated = sequence(real[step]), sequence(fake[step])
            print(f"  {step:24}{', '.join(sent) or '-'}", flush=True)
            if sent != imitated:
                found.append(f"{step}: CRI-O: {sent}, fake_crio: {imitated}")
        real, fake = shapes(real), shapes(fake)
        for verb in sorted({*real, *fake}):
            for who, has, lacks in (("CRI-O", real, fake), ("fake_crio", fake, real)):
                found += [f"only {who}: {verb}: {json.dumps(one)}" for one in has.get(verb, [])
                          if one not in lacks.get(verb, [])]
        self.assertEqual(found, [], "\n" + "\n".join(found))
        self.assertGreaterEqual(len(real), 13, sorted(real))
