# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What real CRI-O sends, beside what fake_crio sends: for each verb the same argv, environment, folder, descriptors and
signals. The recorder stands where CRI-O finds the runtime, above lpm."""
import json
import pathlib
import re
import shutil
import tempfile

import parts
from crio_engine import Crio
from e2e import RUNTIME, wait_for
from oci_spec import make_rootfs
from suite import ClusterTest

HERE = pathlib.Path("/var/lib/lpm/recorder")
RUNTIME_HERE = str(HERE / "runc")
BELOW = HERE / "below"
GATED = ("checkpoint", "restore")  # lpm's own business; tests/e2e has what they become
PROBE = "checkpoint --help"


def verb_of(argv):
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


def shape(call):
    """What does not differ from run to run."""
    def name(text):
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


class Trace(ClusterTest):
    flavours = ("1.37",)  # the CRI-O is the same under both

    def setUp(self):
        super().setUp()
        HERE.mkdir(parents=True, exist_ok=True)
        shutil.copy("/opt/lpm/bin/recorder", RUNTIME_HERE)
        (HERE / "recorder.next").symlink_to(RUNTIME)
        self.addCleanup(shutil.rmtree, HERE)

    def record_below(self):
        """What the real runtime is sent, beside what CRI-O sends."""
        BELOW.mkdir()
        shutil.copy("/opt/lpm/bin/recorder", BELOW / "runc")
        (BELOW / "recorder.next").symlink_to(parts.real_runtime())
        parts.LINK.unlink()
        parts.LINK.symlink_to(BELOW / "runc")
        self.addCleanup(parts.LINK.symlink_to, parts.real_runtime())
        self.addCleanup(parts.LINK.unlink)

    def taken(self):
        """What was recorded since the last time: {verb: [shape]}, each shape once, and how often each verb came."""
        path = HERE / "recorder.trace"
        calls = [json.loads(line) for line in path.read_text().splitlines()]
        path.unlink()
        shapes, counts = {}, {}
        for call in calls:
            if "--version" in call["argv"] or "features" in call["argv"]:
                continue  # once, at the start
            verb = verb_of(call["argv"])
            counts[verb] = counts.get(verb, 0) + 1
            if shape(call) not in shapes.setdefault(verb, []):
                shapes[verb].append(shape(call))
        return shapes, counts

    def of_crio(self, taken=None):
        """The scenario through crictl, with the kubelet out of the way: its own pods would be in the trace."""
        crictl = self.cluster.crictl
        self.cluster.parts["kubelet"].end()
        self.addCleanup(self.cluster.wait_ready)
        self.addCleanup(self.cluster.parts["kubelet"].start)
        self.cluster.use_runtime(RUNTIME_HERE)
        self.addCleanup(self.cluster.use_runtime, parts.RUNTIME)
        crictl("pull", "lpm-programs")
        folder = pathlib.Path(tempfile.mkdtemp())

        def config(name, **content):
            (folder / name).write_text(json.dumps({"metadata": {"name": "trace", "namespace": "default", "uid": "1",
                                                                "attempt": 0}, **content}))
            return folder / name
        sandbox = config("sandbox.json", log_directory="/var/log/pods/trace", linux={})
        pod = crictl("runp", sandbox).stdout.strip()
        self.addCleanup(crictl, "rmp", "-f", pod, check=False)
        ctr = config("ctr.json", image={"image": "lpm-programs"}, command=["/bin/counter"], log_path="ctr.log",
                     linux={})
        old = crictl("create", pod, ctr, sandbox).stdout.strip()
        crictl("start", old)
        crictl("exec", old, "true")
        crictl("exec", "--sync", old, "true")
        archive = folder / "checkpoint.tar"
        crictl("checkpoint", f"--export={archive}", old)
        crictl("stop", "--timeout", "0", old)
        crictl("rm", old)
        again = config("again.json", image={"image": str(archive)}, log_path="again.log", linux={})
        new = crictl("create", pod, again, sandbox).stdout.strip()
        crictl("start", new)
        wait_for("it is restored", lambda: '"CONTAINER_RUNNING"' in crictl("inspect", new).stdout)
        crictl("stop", "--timeout", "1", new)
        crictl("rm", new)
        return (taken or self.taken)()

    def of_fake_crio(self):
        work = pathlib.Path(tempfile.mkdtemp(dir="/var/lib/containers"))
        self.addCleanup(shutil.rmtree, work)
        crio, archive = Crio("1.36", RUNTIME_HERE, work / "crio", root="/run/runc"), work / "checkpoint.tar"
        crio.create("old", make_rootfs(work / "rootfs"), ["/bin/counter"])
        crio.start("old")
        crio.exec("old", "true")
        crio.execsync("old", "true")
        crio.checkpoint("old", archive)
        crio.kill("old")
        crio.delete("old")
        crio.restore("new", archive, work / "rootfs")
        crio.stop("new", 0.2)
        crio.delete("new")
        return self.taken()

    def test_the_runtime_gets_what_crio_sends(self):
        """Call by call, but for the two verbs that lpm is for: argv, environment, folder, descriptors, signals."""
        self.record_below()
        self.of_crio(taken=lambda: None)

        def calls(folder):
            seen = [json.loads(line) for line in (folder / "recorder.trace").read_text().splitlines()]
            return sorted(json.dumps({**call, "argv": call["argv"][1:]}, sort_keys=True) for call in seen
                          if call["argv"][-1] == "--help" or not {*GATED} & {*call["argv"]})
        sent, got = calls(HERE), calls(BELOW)
        self.assertGreater(len(sent), 20)
        for one in {*sent} ^ {*got}:
            print("  only " + ("sent: " if one in sent else "got: ") + one, flush=True)
        self.assertEqual(sent, got)

    def test_fake_crio_calls_as_crio_does(self):
        real, real_counts = self.of_crio()
        fake, fake_counts = self.of_fake_crio()
        found = []
        print(f"  {'verb':18}{'CRI-O':>8}{'fake':>8}", flush=True)
        for verb in sorted({*real, *fake}):
            print(f"  {verb:18}{real_counts.get(verb, 0):8}{fake_counts.get(verb, 0):8}", flush=True)
            for one in real.get(verb, []):
                if one not in fake.get(verb, []):
                    found.append(f"only CRI-O:     {verb}: {json.dumps(one)}")
            for one in fake.get(verb, []):
                if one not in real.get(verb, []):
                    found.append(f"only fake_crio: {verb}: {json.dumps(one)}")
        self.assertEqual(found, [], "\n" + "\n".join(found))
        self.assertGreaterEqual(len(real), 11, sorted(real))
