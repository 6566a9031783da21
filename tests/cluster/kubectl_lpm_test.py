# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""`kubectl lpm`, run by kubectl as its plugin, against the controller and the node's sidecar."""
import json
import os
import pathlib
import re
import signal
import subprocess
from typing import Any

import node_test
from api import API_PORT
from deployed import CHECKPOINT
from e2e import run, wait_for
from faulty_proxy import Fault, FaultyProxy, Seen
from oci_spec import Json
from parts import API, NODE
from suite import container

TITLE = "containercheckpoint.lpm.my.domain/"
GHOST = ("/bin/holder", "ghost", "3072")
NOWHERE: Json = {"nodeSelector": {"lpm.test/no-such": "node"}}
GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}


class Plugin(node_test.NodeTest):
    def lpm(self, *words: object, status: int = 0, **how: Any) -> str:
        """Its standard output; what it says of errors and progress is in `said`."""
        done = run("kubectl", "lpm", *words, check=False, timeout=60, **how)
        self.said = done.stderr
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for name in re.findall(rf"{re.escape(TITLE)}([a-z0-9.-]+)", done.stdout + done.stderr):
            if name not in self.checkpoints:
                self.checkpoints.append(name)
        return done.stdout

    def fails(self, *words: object, says: tuple[str, ...], **how: Any) -> None:
        self.lpm(*words, status=1, **how)
        last = self.said.splitlines()[-1]
        self.assertTrue(last.startswith("kubectl lpm: "), self.said)
        for word in says:
            self.assertIn(word, last)
        print(f"  {last}", flush=True)

    def created(self, out: str) -> str:
        """The name."""
        match = re.match(rf"{re.escape(TITLE)}(\S+) created\n", out)
        assert match, out
        return match[1]

    def left_of(self, pod: str) -> list[str]:
        """ContainerCheckpoints of the pod."""
        items: list[Json] = self.admin.get("/apis/lpm.my.domain/v1/namespaces/default/containercheckpoints")["items"]
        return [one["metadata"]["name"] for one in items if one["spec"]["podName"] == pod]


class Road(Plugin):
    def test_checkpoint_as_with_apply_and_wait(self) -> None:
        """The same object and the same end; each change is told, the archive is named, the pod counts on."""
        pod = self.pod(container("ctr"))
        nonce = self.assert_goes_on(pod, "ctr")
        applied = self.checkpoint_of(pod, "ctr", f"{pod}-applied")
        run("kubectl", "apply", "-f", "-", input=json.dumps(applied), stdin=None)
        run("kubectl", "wait", "--for=condition=Ready", f"ckpt/{pod}-applied", "--timeout=60s")
        out = self.lpm("checkpoint", f"pod/{pod}", "--wait")
        name = self.created(out)
        self.assertTrue(name.startswith(f"{pod}-"[:58]), name)
        self.assertEqual(self.assert_goes_on(pod, "ctr"), nonce)
        mine, other = (self.cluster.get(CHECKPOINT, one) for one in (name, f"{pod}-applied"))
        self.assertEqual(mine["spec"], other["spec"])
        self.assertEqual(mine["status"]["phase"], "Completed")
        late = {"archiveDigest", "timings", "sizeBytes", "conditions"}  # some of it is written later
        self.assertEqual(set(mine["status"]) - late, set(other["status"]) - late)
        self.assertIn(f"{TITLE}{name} completed\n", out)
        self.assertRegex(out, rf"(?m)^Archive: +{re.escape(mine['status']['archivePath'])}$")
        self.assertTrue(pathlib.Path(mine["status"]["archivePath"]).exists())
        lines = self.said.splitlines()
        self.assertEqual(lines[-1].split()[:2], [f"{TITLE}{name}", "Completed:"], self.said)
        self.assertEqual(len(lines), len(set(lines)), self.said)

        text = self.lpm("describe", f"ckpt/{name}")
        print(out, self.said, text, sep="\n", flush=True)
        for line in (rf"Name: +{name}", f"Node: +{NODE}", "Phase: +Completed", r"  until the kubelet was asked .*",
                     r"  CRIU +\S+ m?s +#+", r"  PreflightPassed +True +ChecksPassed.*",
                     rf"Record: +{mine['status']['recordID']} .*"):
            self.assertRegex(text, rf"(?m)^{line}$")
        self.assertEqual(json.loads(self.lpm("describe", name, "-o", "json"))["spec"], mine["spec"])
        self.fails("logs", name, says=(name, "no lines of a log", "only a failure has some"))

    def offered(self, *words: str) -> list[str]:
        """What kubectl's completion of `kubectl lpm` offers; by its plugin, as a shell asks it."""
        done = run("kubectl_complete-lpm", *words)
        *lines, last = done.stdout.splitlines()
        self.assertEqual(last, ":4")
        return [line.partition("\t")[0] for line in lines]

    def test_a_shell_completes_names_of_the_cluster(self) -> None:
        pod = self.pod(container("ctr"), container("other"))
        self.assertEqual(self.offered("checkpoint", pod[:-1]), [pod])
        self.assertEqual(self.offered("checkpoint", pod, "-c", ""), ["ctr", "other"])
        self.assertEqual(self.offered("checkpoint", "-n", "kube-s"), ["kube-system"])
        self.assertNotIn(pod, self.offered("-n", "kube-system", "checkpoint", ""))
        name = f"{pod}-completed"
        self.lpm("checkpoint", pod, "-c", "ctr", "--name", name)
        for verb in ("describe", "logs"):
            self.assertEqual(self.offered(verb, name[:-1]), [name])
        self.assertEqual(self.offered("--kubeconfig", "/nowhere", "checkpoint", ""), [])

    def test_list(self) -> None:
        pod = self.pod(container("ctr"), container("other"))
        self.fails("checkpoint", pod, says=(pod, "ctr, other", "-c"))
        self.assertEqual(self.left_of(pod), [])
        name = f"{pod}-named"
        self.assertEqual(self.lpm("checkpoint", pod, "-c", "ctr", "--name", name, "-o", "name"), f"{TITLE}{name}\n")
        self.fails("checkpoint", pod, "-c", "ctr", "--name", name, says=(f'"{name}" already exists', "another --name"))
        status = self.assert_completed(name)
        print(self.lpm("list"), flush=True)
        head, *rows = (re.split(r"  +", line) for line in self.lpm("list").splitlines())
        self.assertEqual(head, ["NAME", "POD", "CONTAINER", "PHASE", "REASON", "NODE", "SIZE", "AGE"])
        row = next(row for row in rows if row[0] == name)
        self.assertEqual(row[1:6], [pod, "ctr", "Completed", "CheckpointCompleted", NODE])
        self.assertRegex(row[-1], r"^\d+s$")
        self.assertIn(f"default    {name}", self.lpm("list", "-A"))
        self.assertIn(status["archivePath"], self.lpm("list", "-o", "wide"))
        self.assertIn(f"{TITLE}{name}\n", self.lpm("list", "-o", "name"))
        told = json.loads(self.lpm("list", "-o", "json"))
        self.assertEqual((told["apiVersion"], told["kind"]), ("v1", "List"))
        item = next(one for one in told["items"] if one["metadata"]["name"] == name)
        self.assertEqual((item["apiVersion"], item["kind"], item["status"]["archivePath"]),
                         ("lpm.my.domain/v1", "ContainerCheckpoint", status["archivePath"]))
        self.assertIn('kind: "List"', self.lpm("list", "-o", "yaml"))
        self.assertEqual(self.lpm("list", "-n", "kube-public"), "")
        self.assertIn("No ContainerCheckpoints found in kube-public", self.said)


class Refused(Plugin):
    def test_refusal_and_preflight(self) -> None:
        """With what to do and exit status 1; what only asks leaves nothing behind."""
        pod = self.pod(container("fine"), container("ghost", *GHOST))
        self.assertRegex(self.lpm("preflight", pod, "-c", "fine"), r"(?m)^A checkpoint: +would be taken$")
        text = self.lpm("preflight", pod, "-c", "ghost", status=1)
        print(text, flush=True)
        self.assertRegex(text, r"(?m)^A checkpoint: +would be refused: GhostTooLarge$")
        self.assertIn("ghost_limit", text)
        self.assertRegex(text, r"(?m)^  block +GhostTooLarge: ")
        self.assertEqual(self.left_of(pod), [])
        self.lpm("preflight", pod, "-c", "fine", "--keep")
        self.assertEqual(len(self.left_of(pod)), 1)
        self.assertEqual((self.kubelet.posts(), self.records(), self.archives()), ([], [], []))
        self.fails("checkpoint", pod, "-c", "ghost", "--wait", says=("was refused: GhostTooLarge: ", "ghost_limit"))
        self.fails("checkpoint", pod, "-c", "none", "--wait", says=("has failed: ContainerNotFound: ", "fine, ghost"))
        self.fails("preflight", "no-such-pod", says=("pods \"no-such-pod\" not found", "kubectl get pods"))

    def test_logs_of_a_failure(self) -> None:
        """What has come between the checks and the checkpoint: the node's words are in the object."""
        pod = self.pod_with_a_late_ghost()
        name = self.created(self.lpm("checkpoint", pod, "--wait", status=1))
        self.assertIn("was refused: GhostTooLarge", self.said)
        out = self.lpm("logs", name)
        self.assertIn("ghost_limit", out)
        record = self.last_record("checkpoint", "refused")["id"]
        self.assertIn(f"on node {NODE}: lpmctl show {record}", self.said)
        self.assertIn("ghost_limit", self.lpm("describe", name))


class Waiting(Plugin):
    def begun(self, *words: str) -> subprocess.Popen[str]:
        """Once it waits."""
        program = subprocess.Popen(["kubectl", "lpm", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(program.kill)
        assert program.stderr
        self.said = program.stderr.readline()
        return program

    def ended_by(self, program: subprocess.Popen[str], number: int) -> str:
        program.send_signal(number)
        out, said = program.communicate(timeout=10)
        self.assertEqual(program.returncode, 130, out + said)
        return said

    def test_interrupted(self) -> None:
        """The object stays, and that is said; of a preflight nothing stays."""
        pod = self.pod(container("ctr"), wait=False, **NOWHERE)
        name = f"{pod}-left"
        self.checkpoints.append(name)
        said = self.ended_by(self.begun("checkpoint", pod, "--wait", "--name", name), signal.SIGINT)
        for word in ("interrupted", f"{TITLE}{name} stays", f"kubectl lpm describe {name} -n default", "kubectl delete ckpt"):
            self.assertIn(word, said)
        self.assertEqual(self.left_of(pod), [name])
        self.assertIn("interrupted", self.ended_by(self.begun("preflight", pod), signal.SIGTERM))
        self.assertEqual(self.left_of(pod), [name])

    def test_the_wait_is_over(self) -> None:
        pod = self.pod(container("ctr"), wait=False, **NOWHERE)
        self.fails("checkpoint", pod, "--wait", "--wait-timeout", "1s", says=("the wait is over", "stays and goes on", "Pending"))
        self.fails("checkpoint", pod, "--wait", "--wait-timeout", "soon", says=("--wait-timeout", "90s"))

    def test_deleted_meanwhile(self) -> None:
        pod = self.pod(container("ctr"), wait=False, **NOWHERE)
        name = f"{pod}-gone"
        program = self.begun("checkpoint", pod, "--wait", "--name", name)
        self.cluster.delete(CHECKPOINT, name, wait=False)
        _, said = program.communicate(timeout=20)
        self.assertEqual(program.returncode, 1, said)
        self.assertIn(f"{name} was deleted before it ended", said)


class Access(Plugin):
    def user(self, name: str, role: str, server: str = API, *, plugin: bool = False) -> str:
        """A kubeconfig of somebody with that role in the namespace default. `plugin`: a program gives the token."""
        run("kubectl", "create", "serviceaccount", name)
        self.addCleanup(run, "kubectl", "delete", "serviceaccount", name)
        run("kubectl", "create", "rolebinding", name, f"--clusterrole={role}", f"--serviceaccount=default:{name}")
        self.addCleanup(run, "kubectl", "delete", "rolebinding", name)
        asked = ("kubectl", "auth", "can-i", "get", "ckpt", f"--as=system:serviceaccount:default:{name}")
        wait_for("they may", lambda: run(*asked, check=False).returncode == 0, 10)
        user: Json = {"token": run("kubectl", "create", "token", name).stdout.strip()}
        if plugin:
            version = "client.authentication.k8s.io/v1"
            answer = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": user})
            user = {"exec": {"apiVersion": version, "command": "echo", "args": [answer], "interactiveMode": "Never"}}
        path = pathlib.Path(f"/tmp/{name}.kubeconfig")
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "own",
            "clusters": [{"name": "cluster", "cluster": {"server": server,
                                                         "certificate-authority": str(self.cluster.pki / "ca.crt")}}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "own", "context": {"cluster": "cluster", "user": name, "namespace": "default"}},
                         {"name": "elsewhere", "context": {"cluster": "cluster", "user": name, "namespace": "kube-public"}}]}))
        return str(path)

    def test_rights(self) -> None:
        pod = self.pod(container("ctr"), wait=False, **NOWHERE)
        viewer = ("--kubeconfig", self.user("lpm-viewer", "lpm-checkpoint-view"))
        self.lpm("list", *viewer)
        self.fails("checkpoint", pod, "-c", "ctr", *viewer,
                   says=("cannot create", "-n default", "--clusterrole=lpm-checkpoint-create"))
        self.fails("checkpoint", pod, *viewer, says=("cannot get resource \"pods\"", "-c"))
        self.fails("list", "--context", "elsewhere", *viewer, says=("cannot list", "-n kube-public", "lpm-checkpoint-view"))
        maker = {**os.environ, "KUBECONFIG": self.user("lpm-maker", "lpm-checkpoint-create", plugin=True)}
        self.created(self.lpm("checkpoint", pod, "-c", "ctr", env=maker))

    def test_what_is_not_there(self) -> None:
        self.fails("describe", "no-such", says=("\"no-such\" not found", "in namespace default", "kubectl lpm list"))
        self.fails("describe", "../pods", says=("is no checkpoint",))
        self.fails("describe", "ckpt/../x", says=("is no name of Kubernetes",))
        self.fails("list", "-n", "no/such", says=("namespace no/such is none",))
        self.fails("checkpoint", "pod", "-c", "ctr", "-n", "no-such",
                   says=("namespaces \"no-such\" not found", "kubectl get namespaces"))
        self.fails("list", "--kubeconfig", "/no/such", says=("/no/such", "--kubeconfig"))
        self.fails("list", "--context", "no-such", says=("no-such", "context"))
        self.fails("tell", says=("tell is no command", "--help"))

    def test_an_api_server_that_fails_meanwhile(self) -> None:
        """It is asked again, whatever becomes of a watch, and the checkpoint is asked for once."""
        pod = self.pod(container("ctr"))
        faults = [Fault("lose"), Fault("answer", status=500, body=b"{}"), Fault("answer", body=json.dumps(GONE).encode())]

        def choose(seen: Seen) -> Fault | None:
            return faults.pop(0) if "watch=1" in seen.path and faults else None
        front = FaultyProxy(self.cluster.pki, API_PORT, choose)
        self.addCleanup(front.close)
        out = self.lpm("checkpoint", pod, "-c", "ctr", "--wait", "--kubeconfig",
                       self.user("lpm-patient", "lpm-checkpoint-create", front.url))
        self.assertIn(f"{self.created(out)} completed", out)
        self.assertIn("does not answer, it is asked again", self.said)
        self.assertEqual(faults, [])
        self.assertEqual([seen.method for seen in front.seen].count("POST"), 1)

    def test_lpm_is_not_installed(self) -> None:
        """A real API server's answer for a kind that it does not have."""
        def choose(seen: Seen) -> Fault | None:
            return Fault(ask={"path": seen.path.replace("containercheckpoints", "nosuchkinds")})
        front = FaultyProxy(self.cluster.pki, API_PORT, choose)
        self.addCleanup(front.close)
        config = self.user("lpm-early", "cluster-admin", front.url)
        for words in (("list",), ("describe", "one"), ("checkpoint", "pod", "-c", "ctr")):
            with self.subTest(words[0]):
                self.fails(*words, "--kubeconfig", config, says=("has no ContainerCheckpoints", "kubectl apply -k deploy"))
