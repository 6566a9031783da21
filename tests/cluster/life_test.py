# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A pod's life as users lead it, every call of CRI-O's going through lpm-runc."""
import os
import pathlib
import subprocess
import time
import urllib.request

import pytest
from api import path_of
from e2e import RUNTIME, piped, run, wait_for
from oci_spec import Json
from parts import NODE
from suite import POD, ClusterTest, container, read


def exec_probe(*command: str, **more: object) -> Json:
    return {"exec": {"command": list(command)}, "periodSeconds": 1, "timeoutSeconds": 10, **more}


@pytest.mark.parallel
class Life(ClusterTest):
    def test_kubectl_run(self) -> None:
        """Scheduled, pulled, served, read, asked, deleted: as the user's own document begins."""
        name = f"web-{os.urandom(2).hex()}"
        self.pods.append(name)
        self.cluster.kubectl("run", name, "--image=nginx", "--restart=Never")
        self.cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=90s")
        status = self.status(name)
        page = urllib.request.urlopen(f"http://{status['podIP']}/", timeout=10).read()
        self.assertEqual(page, b"Welcome to nginx!\n")
        self.assertIn("GET / HTTP", self.cluster.kubectl("logs", name).stdout)
        self.assertEqual(self.cluster.kubectl("exec", name, "--", "cat", "/etc/hostname").stdout.strip(), name)
        self.assertEqual(self.cluster.get(POD, name)["spec"]["nodeName"], NODE)
        reasons = {event["reason"] for event in self.cluster.events_of(name)}
        self.assertLessEqual({"Scheduled", "Pulling", "Pulled", "Created", "Started"}, reasons)
        described = self.cluster.kubectl("describe", "pod", name).stdout
        self.assertIn("Successfully assigned", described)
        self.cluster.kubectl("delete", "pod", name, "--wait=true")
        self.assertIsNone(self.cluster.find(POD, name))

    def test_the_runtime_is_lpm(self) -> None:
        """CRI-O names lpm-runc, and conmon was told the same."""
        self.assertIn(f'runtime_path = "{RUNTIME}"', run("crio", "status", "config").stdout)
        name = self.pod(container("ctr"))
        conmons = [cmdline.split("\0") for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")
                   if (cmdline := read(path)).startswith("/usr/bin/conmon")]
        ours = [argv for argv in conmons if self.id_of(name, "ctr") in argv]
        self.assertEqual([argv[argv.index("-r") + 1] for argv in ours], [RUNTIME])

    def test_exec_tells_the_exit_status(self) -> None:
        name = self.pod(container("ctr"))
        done = self.cluster.kubectl("exec", name, "--", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
        self.assertEqual((done.returncode, done.stdout), (7, "out\n"))
        self.assertIn("err", done.stderr)
        done = run("sh", "-c", f"echo to the container | kubectl exec -i {name} -- cat")
        self.assertEqual(done.stdout, "to the container\n")
        # What a process says last can be lost: this one lives until it is read.
        with subprocess.Popen(["script", "-qec", f"kubectl exec -it {name} -- sh -c 'tty; read line'", "/dev/null"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
            self.assertTrue(any("/dev/pts/0" in line for line in piped(session.stdout)))
            session.communicate("\n", timeout=30)

    def test_attach(self) -> None:
        name = self.pod(container("ctr", "cat", image="busybox", stdin=True))
        with subprocess.Popen(["kubectl", "attach", "-i", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as attached:
            print("through attach", file=piped(attached.stdin), flush=True)
            self.assertEqual(piped(attached.stdout).readline(), "through attach\n")
            attached.kill()
        self.assertEqual(self.output(name, "ctr"), ["through attach"])

    def test_logs_follow(self) -> None:
        name = self.pod(container("ctr"))
        with subprocess.Popen(["kubectl", "logs", "-f", name], stdout=subprocess.PIPE, text=True) as following:
            lines = [piped(following.stdout).readline() for _ in range(10)]
            following.kill()
        self.assert_no_gap(lines)

    def test_port_forward(self) -> None:
        name = self.pod(container("web", image="nginx"))
        with subprocess.Popen(["kubectl", "port-forward", f"pod/{name}", ":80"], stdout=subprocess.PIPE,
                              text=True) as forwarding:
            port = piped(forwarding.stdout).readline().split(" -> ")[0].rpartition(":")[2]
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).read()
            forwarding.kill()
        self.assertEqual(page, b"Welcome to nginx!\n")

    def test_readiness_by_exec(self) -> None:
        probed = container("ctr", readinessProbe=exec_probe("test", "-e", "/tmp/ready"))
        name = self.pod(probed, wait=False)
        wait_for("it runs", lambda: "running" in self.state_of(name, "ctr").get("state", {}))
        self.assertFalse(self.is_ready(name))
        self.cluster.kubectl("exec", name, "--", "touch", "/tmp/ready")
        self.wait_ready(name)
        self.cluster.kubectl("exec", name, "--", "rm", "/tmp/ready")
        wait_for("it is not ready again", lambda: not self.is_ready(name))

    def test_liveness_restarts(self) -> None:
        command = "touch /tmp/alive; /bin/counter"
        name = self.pod(container("ctr", "sh", "-c", command,
                                  livenessProbe=exec_probe("test", "-e", "/tmp/alive", failureThreshold=1)))
        before = self.id_of(name, "ctr")
        self.cluster.kubectl("exec", name, "--", "rm", "/tmp/alive")
        wait_for("a restart", lambda: self.state_of(name, "ctr").get("restartCount", 0) >= 1)
        self.wait_ready(name)
        self.assertNotEqual(self.id_of(name, "ctr"), before)

    def test_stop_is_polite_then_not(self) -> None:
        """TERM first, and what heeds it ends with its own status; KILL after the grace period."""
        command = "trap 'echo got TERM; exit 3' TERM; while true; do sleep 0.1; done"
        name = self.pod(container("polite", "sh", "-c", command, image="busybox"),
                        container("deaf", "sh", "-c", "trap '' TERM; while true; do sleep 0.1; done", image="busybox"),
                        restartPolicy="Never", terminationGracePeriodSeconds=3)
        kept = self.cluster.get(POD, name)
        self.cluster.patch(kept, {"metadata": {"finalizers": ["lpm.test/kept"]}})  # or the statuses are gone with it
        with subprocess.Popen(["kubectl", "logs", "-f", name, "-c", "polite"], stdout=subprocess.PIPE,
                              text=True) as following:
            began = time.monotonic()
            self.admin.call("DELETE", path_of(POD, name), {"kind": "DeleteOptions", "apiVersion": "v1",
                                                           "gracePeriodSeconds": 3})
            self.assertEqual(piped(following.stdout).read(), "got TERM\n")
        wait_for("both have ended", lambda: all("terminated" in self.state_of(name, ctr)["state"]
                                                for ctr in ("polite", "deaf")))
        self.assertGreater(time.monotonic() - began, 2.5)
        ended = {ctr: self.state_of(name, ctr)["state"]["terminated"]["exitCode"] for ctr in ("polite", "deaf")}
        self.cluster.patch(kept, {"metadata": {"finalizers": None}})
        self.assertEqual(ended, {"polite": 3, "deaf": 137})

    def test_init_containers_and_sidecars(self) -> None:
        shared: Json = {"volumes": [{"name": "shared", "emptyDir": {}}]}
        mounts = [{"name": "shared", "mountPath": "/shared"}]
        name = self.pod(container("main", "cat", "/shared/greeting", image="busybox", volumeMounts=mounts),
                        initContainers=[
                            container("sidecar", volumeMounts=mounts, restartPolicy="Always"),
                            container("first", "sh", "-c", "echo hello > /shared/greeting", image="busybox",
                                      volumeMounts=mounts)],
                        restartPolicy="Never", wait=False, **shared)
        wait_for("it is done", lambda: self.status(name).get("phase") == "Succeeded")
        self.assertEqual(self.output(name, "main"), ["hello"])

    def test_one_pid_namespace_for_the_pod(self) -> None:
        name = self.pod(container("one"), container("two"), shareProcessNamespace=True)
        seen = self.cluster.kubectl("exec", name, "-c", "one", "--", "ps").stdout
        self.assertEqual(seen.count("/bin/counter"), 2, seen)
        self.assertIn("/pause", seen)

    def test_a_container_is_restarted_when_it_ends(self) -> None:
        name = self.pod(container("ctr", "sh", "-c", "sleep 2; exit 1", image="busybox"))
        wait_for("a restart", lambda: self.state_of(name, "ctr").get("restartCount", 0) >= 1)
        self.assertEqual(self.state_of(name, "ctr")["lastState"]["terminated"]["exitCode"], 1)

    def test_a_deployment(self) -> None:
        """Of the controller manager's: what it makes comes and goes."""
        labels = {"app": f"d{os.urandom(2).hex()}"}
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": labels["app"]},
                      "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {
                          "metadata": {"labels": labels},
                          "spec": {"terminationGracePeriodSeconds": 1, "containers": [container("ctr")]}}}}
        self.cluster.create(deployment)
        self.addCleanup(self.cluster.delete, deployment, labels["app"])
        wait_for("both are ready", lambda: self.cluster.get(
            deployment, labels["app"])["status"].get("readyReplicas") == 2)
        self.cluster.delete(deployment, labels["app"])
        wait_for("both are gone", lambda: not self.admin.get(
            "/api/v1/namespaces/default/pods", labelSelector=f"app={labels['app']}")["items"])

    def test_nothing_is_left(self) -> None:
        """A deleted pod leaves no state of the runtime and no note of lpm's, which a checkpoint makes."""
        name = self.pod(container("ctr"))
        cid = self.id_of(name, "ctr")
        self.checkpoint(name, "ctr")
        self.cluster.delete(POD, name, 1)
        wait_for("the runtime's state is gone", lambda: not pathlib.Path("/run/runc", cid).exists())
        self.assertEqual([str(p) for p in pathlib.Path("/run/lpm").rglob(f"*{cid}*")], [])
