# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Restore at create: an ordinary pod, with its ordinary image, wakes from an archive of this node."""
import hashlib
import json
import pathlib
import tarfile
from typing import Any

from at_create import FALLBACK, FROM, MARKS, SWITCH, UNPACKED
from crio_archive import Changes, of_another_processor, read, remade
from e2e import GATE, SETTINGS, run, wait_for
from node_test import NodeTest
from oci_spec import Json
from suite import POD, ClusterTest, container
from wake_archive import Build, member, members, tar_of


def left() -> list[str]:
    """Marks, and what was unpacked."""
    return [str(path) for folder in (MARKS, UNPACKED) for path in folder.glob("*/*")]


class WakeTest(ClusterTest):
    more = ""  # of lpm.toml

    def setUp(self) -> None:
        super().setUp()
        self.switch(f"[restore]\nat_create = true\n{self.more}")
        self.addCleanup(self.nothing_is_left)

    def switch(self, text: str) -> None:
        """The node's own, as an operator does it."""
        self.set_node(text)
        run(GATE, "--probe")
        self.addCleanup(self.switch_off)

    def switch_off(self) -> None:
        SETTINGS.unlink(missing_ok=True)
        run(GATE, "--probe")
        self.assertFalse(SWITCH.exists())

    def nothing_is_left(self) -> None:
        wait_for("no mark and no images are left", lambda: not left(), 30)

    def wake(self, source: str, wait: bool = True, annotations: dict[str, str] | None = None, **how: Any) -> str:
        """A pod that asks for it; its name."""
        return self.pod(container("ctr", **how), wait=wait, annotations={FROM: source, **(annotations or {})})

    def taken(self, *command: str, **how: Any) -> tuple[str, pathlib.Path]:
        """(nonce, archive) of a pod that was taken and is gone."""
        name = self.pod(container("ctr", *command, **how))
        nonce = self.assert_goes_on(name, "ctr")
        archive = self.checkpoint(name, "ctr")
        self.cluster.delete(POD, name, 1)
        return nonce, archive

    def failure_of(self, name: str) -> str:
        """What the pod's events say of its container."""
        def failed() -> str | None:
            return next((e["message"] for e in self.cluster.events_of(name) if e["reason"] == "Failed"), None)
        return wait_for(f"{name} failed", failed)

    def in_namespace(self, space: str, name: str, one: Json, annotations: dict[str, str] | None = None) -> None:
        wait_for("its account is there", lambda: self.cluster.kubectl(
            "get", "serviceaccount", "default", "-n", space, check=False).returncode == 0)
        self.cluster.create({**POD, "metadata": {"name": name, "namespace": space, "annotations": annotations or {}},
                             "spec": {"terminationGracePeriodSeconds": 1, "containers": [one]}})
        self.addCleanup(self.cluster.kubectl, "delete", "pod", name, "-n", space, "--now", "--ignore-not-found")

    def failure_in(self, space: str, code: str) -> str:
        """What an Event of that namespace says of a refusal."""
        def failed() -> str | None:
            events = self.cluster.kubectl("get", "events", "-n", space, "-o", "json").stdout
            return next((str(e["message"]) for e in json.loads(events)["items"] if f"[{code}]" in e["message"]), None)
        return wait_for("it is refused", failed)

    def assert_refused(self, name: str, code: str, *words: str) -> None:
        message = self.failure_of(name)
        self.assertIn(f"[{code}]", message)
        for word in words:
            self.assertIn(word, message)
        records = [r for r in self.ended_calls("restore") if r["container"]["names"]["pod"] == name]  # others are tried again
        self.assertEqual({(r["outcome"], r["result"]["code"]) for r in records}, {("refused", code)})
        self.assertEqual(self.lines_of(name, "ctr"), [])
        print(f"  {code}: {message}", flush=True)


class Wake(WakeTest):
    def test_an_ordinary_pod_goes_on_with_the_memory(self) -> None:
        """The source is deleted; the new pod is made as any other, and counts on from where the dump was."""
        source = self.pod(container("ctr"))
        nonce = self.assert_goes_on(source, "ctr")
        self.cluster.kubectl("exec", source, "--", "sh", "-c", "echo kept > /made; rm /etc/debian_version || true")
        archive = self.checkpoint(source, "ctr")
        last = int(read(archive, "io.kubernetes.cri-o.LogPath").decode().splitlines()[-1].split()[-1])
        self.cluster.delete(POD, source, 1)
        new = self.wake(archive.name)
        self.assertEqual(self.assert_goes_on(new, "ctr"), nonce)
        values = [int(line.split()[1]) for line in self.output(new, "ctr")]
        self.assertIn(last + 1, values)
        record = self.last_record("restore", "completed")
        self.assertEqual(record["container"]["id"], self.id_of(new, "ctr"))
        self.assertEqual(record["container"]["names"]["pod"], new)
        self.assertEqual(left(), [])
        self.assertEqual(self.state_of(new, "ctr")["restartCount"], 0)
        self.assertEqual(self.cluster.kubectl("exec", new, "--", "cat", "/made").stdout, "kept\n")
        self.assertEqual(self.cluster.kubectl("exec", new, "--", "hostname").stdout.strip(), new)
        self.assertEqual(self.cluster.kubectl("exec", new, "--", "cat", "/etc/hostname").stdout.strip(), new)

    def test_only_once(self) -> None:
        """When the restored process ends, the pod's restart policy starts another one, anew."""
        nonce, archive = self.taken()
        new = self.wake(f"{archive.name}@sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}")
        self.assertEqual(self.assert_goes_on(new, "ctr"), nonce)
        first = self.id_of(new, "ctr")
        self.cluster.kubectl("exec", new, "--", "kill", "-KILL", "1", check=False)
        run("/usr/sbin/runc", "--root", "/run/runc", "kill", first, "KILL", check=False)
        wait_for("it starts again", lambda: self.state_of(new, "ctr").get("restartCount", 0) > 0)
        self.wait_ready(new)
        self.assertNotEqual(self.assert_goes_on(new, "ctr"), nonce)
        self.assertEqual(self.last_record("restore", "refused")["result"]["code"], "RestoredBefore")

    def test_a_pod_that_does_not_ask_is_as_ever(self) -> None:
        name = self.pod(container("ctr"))
        self.assert_goes_on(name, "ctr")
        self.assertEqual([r for r in self.records() if r["operation"] == "restore"], [])

    def test_refusals_name_their_reason_and_start_nothing(self) -> None:
        _, archive = self.taken()
        self.assert_refused(self.wake("no-such-file.tar", wait=False), "ArchiveMissing", "no-such-file.tar", "status.nodeName")
        self.assert_refused(self.wake("no-such-object", wait=False), "ArchiveMissing", "default/no-such-object")
        self.assert_refused(self.wake("../x.tar", wait=False), "RestoreAnnotation", FROM)
        self.assert_refused(self.wake(f"{archive.name}@sha256:{'0' * 64}", wait=False), "DigestMismatch",
                            hashlib.sha256(archive.read_bytes()).hexdigest())
        archive.chmod(0o666)
        self.assert_refused(self.wake(archive.name, wait=False), "ArchiveUnsafe", "written by others than root")
        archive.chmod(0o600)
        cut = archive.with_name(archive.name.replace("checkpoint-", "cut-"))
        cut.write_bytes(archive.read_bytes()[:archive.stat().st_size // 2 // 512 * 512])
        cut.chmod(0o600)
        self.addCleanup(cut.unlink)
        self.assert_refused(self.wake(cut.name, wait=False), "ArchiveUnsafe")

    def test_archives_that_no_honest_node_has_made(self) -> None:
        """Of another processor; with a layer that has a device, or leads out of the container over a link."""
        _, archive = self.taken()

        def layer(*builds: Build) -> Changes:
            return {"rootfs-diff.tar": lambda _: tar_of(members(*builds))}
        link = member("a", kind=tarfile.SYMTYPE, linkname="/etc/lpm")
        cases: tuple[tuple[str, Changes, str], ...] = (
            ("CpuMismatch", {"checkpoint/lpm.json": of_another_processor}, "amx_fp4"),
            ("ArchiveUnsafe", layer(member("dev/sda", kind=tarfile.BLKTYPE)), "dev/sda is a device"),
            ("ArchiveUnsafe", layer(link, member("a/bypass", b"")), "a is no folder"))
        for number, (code, changes, words) in enumerate(cases):
            made = remade(archive, str(number), changes)
            self.addCleanup(made.unlink)
            self.assert_refused(self.wake(made.name, wait=False), code, words)

    def test_a_fallback_starts_it_anew(self) -> None:
        name = self.wake("no-such-object", annotations={FALLBACK: "start"})
        self.assert_goes_on(name, "ctr")
        self.assertEqual(self.last_record("restore", "refused")["result"]["code"], "ArchiveMissing")

    def test_of_another_namespace(self) -> None:
        _, archive = self.taken()
        self.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
        self.addCleanup(self.cluster.kubectl, "delete", "namespace", "other", "--wait=false")
        self.in_namespace("other", "stranger", container("ctr"), {FROM: archive.name})
        self.assertIn("was taken in another namespace than other", self.failure_in("other", "OtherNamespace"))

    def test_no_more_than_the_pod_may(self) -> None:
        """A privileged pod's archive in a pod that Pod Security `restricted` admits; and what its author plants."""
        space = "wary"
        self.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
        self.addCleanup(self.cluster.kubectl, "delete", "namespace", space, "--wait=false")
        self.in_namespace(space, "mighty", container("ctr", securityContext={"privileged": True}))
        self.cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod/mighty", "--timeout=60s")
        status, body = self.admin.checkpoint("mighty", "ctr", space)
        self.assertEqual(status, 200, body)
        archive = pathlib.Path(json.loads(body)["items"][0])
        self.addCleanup(archive.unlink)
        self.cluster.kubectl("delete", "pod", "mighty", "-n", space, "--now")
        self.cluster.kubectl("label", "namespace", space, "pod-security.kubernetes.io/enforce=restricted")
        meek = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True, "runAsUser": 1000,
                "seccompProfile": {"type": "RuntimeDefault"}}
        self.in_namespace(space, "meek", container("ctr", securityContext=meek), {
            FROM: archive.name, "lpm.my.domain/skip-checks": "*", "io.kubernetes.cri-o.Namespace": "kube-system"})
        message = self.failure_in(space, "PrivilegesExceeded")
        self.assertIn("counter", message)
        print(f"  {message}", flush=True)

    def test_a_grace_is_as_long_as_ever(self) -> None:
        """Deleted with its grace, the restored program ends by its own handler."""
        nonce, archive = self.taken(image="lpm-programs-term")
        new = self.wake(archive.name, image="lpm-programs-term")
        self.assertEqual(self.assert_goes_on(new, "ctr"), nonce)
        self.cluster.delete(POD, new, 5)

    def test_nginx_and_redis(self) -> None:
        """As they come, with TCP listeners; 100,000 keys are there again."""
        fill = "for i = 1, 100000 do redis.call('set', 'key:' .. i, i) end"
        listen = {"tcpSocket": {"port": 6379}, "periodSeconds": 1}
        source = self.pod(container("ctr", image="redis", readinessProbe=listen))
        self.cluster.kubectl("exec", source, "--", "redis-cli", "eval", fill, "0")
        archive = self.checkpoint(source, "ctr")
        self.cluster.delete(POD, source, 1)
        new = self.wake(archive.name, image="redis", readinessProbe=listen)
        self.assertEqual(self.cluster.kubectl("exec", new, "--", "redis-cli", "dbsize").stdout.strip(), "100000")
        source = self.pod(container("ctr", image="nginx"))
        self.cluster.kubectl("exec", source, "--", "sh", "-c", "echo by the first pod > /usr/share/nginx/html/mark")
        archive = self.checkpoint(source, "ctr")
        self.cluster.delete(POD, source, 1)
        get = {"httpGet": {"path": "/mark", "port": 80}, "periodSeconds": 1}
        new = self.wake(archive.name, image="nginx", readinessProbe=get)
        page = self.cluster.kubectl("get", "--raw", f"/api/v1/namespaces/default/pods/{new}/proxy/mark").stdout
        self.assertEqual(page, "by the first pod\n")

    def test_switched_off_the_annotation_is_nothing(self) -> None:
        nonce, archive = self.taken()
        self.switch_off()
        new = self.wake(archive.name)
        self.assertNotEqual(self.assert_goes_on(new, "ctr"), nonce)


class WakeFromObjectTest(WakeTest, NodeTest):
    """Through the custom resource."""

    def taken_for_object(self) -> tuple[str, str]:
        """(nonce, checkpoint) of a pod that is gone."""
        source = self.pod(container("ctr"))
        nonce = self.assert_goes_on(source, "ctr")
        name = self.ask(source, "ctr")
        self.assert_completed(name)
        self.cluster.delete(POD, source, 1)
        return nonce, name


class WakeFromObject(WakeFromObjectTest):
    def test_by_the_name_of_the_checkpoint(self) -> None:
        nonce, name = self.taken_for_object()
        self.assertEqual(self.assert_goes_on(self.wake(name), "ctr"), nonce)
