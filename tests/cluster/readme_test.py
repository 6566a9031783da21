# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What README promises of CRI-O and the kubelet and no other suite here shows (docs/cluster.md has the table)."""
import pathlib
import socket
import time
from typing import Any

import pytest
from e2e import run, wait_for
from suite import POD, ClusterTest, container

POINT = pathlib.Path("/etc/lpm/checkpoint.d/pre-checkpoint")


@pytest.mark.parallel(turn=2)
@pytest.mark.xdist_group("settings")
class Logs(ClusterTest):
    def test_dump_log_of_a_failed_checkpoint(self) -> None:
        """CRI-O takes its own copy away with the container; the record has CRIU's words, a code and the log."""
        self.set_node('[checks]\nAnonInode = "off"\n')
        name = self.pod(container("ctr", "/bin/holder", "anon", "userfaultfd"))
        cid = self.id_of(name, "ctr")
        status, body = self.admin.checkpoint(name, "ctr")
        self.assertEqual(status, 500)
        self.assertIn("[AnonInode]", body)
        record = self.last_record("checkpoint", "failed")
        self.assertEqual(record["result"]["code"], "AnonInode")
        self.cluster.delete(POD, name, 1)
        self.assertEqual(list(pathlib.Path("/var/lib/containers").rglob(f"*{cid}*/dump.log")), [])
        self.assertIn("Can't dump file", (self.kept(record) / "dump.log").read_text(errors="replace"))

    def test_restore_log_of_a_failed_restore(self) -> None:
        """The container and all its files are gone after it."""
        name = self.pod(container("ctr"))
        archive = self.checkpoint(name, "ctr")
        self.cluster.delete(POD, name, 1)
        damaged = archive.with_name(f"damaged-{archive.name}")
        self.addCleanup(damaged.unlink)
        damaged.write_bytes(archive.read_bytes())
        run("tar", "--delete", "-f", damaged, "checkpoint/fs-1.img")  # CRIU alone reads it
        self.set_node("[checks]\n" + "".join(f'{check} = "off"\n' for check in (
            "ImageIncomplete", "ArchMismatch", "LsmMismatch", "MemoryLimit")))
        new = self.pod(container("ctr", image=self.image_of(damaged, "ctr")), name=f"{name}-2", wait=False)
        wait_for("a failed restore", lambda: any(r["operation"] == "restore" and r.get("outcome") == "failed"
                                                 for r in self.records()))
        self.cluster.delete(POD, new, 1)
        record = next(r for r in self.records() if r["operation"] == "restore")
        self.assertIn("Error", (self.kept(record) / "restore.log").read_text(errors="replace"))

    def test_the_record_says_what_was_taken_from_where(self) -> None:
        name = self.pod(container("ctr"))
        began = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        self.checkpoint(name, "ctr")
        record = self.last_record("checkpoint", "completed")
        names = record["container"]["names"]
        self.assertEqual((names["namespace"], names["pod"], names["name"]), ("default", name, "ctr"))
        self.assertEqual(names["pod_uid"], self.cluster.get(POD, name)["metadata"]["uid"])
        self.assertTrue(record["criu"]["version"].startswith("4."), record["criu"])
        self.assertGreater(record["stats"]["frozen_us"], 0)
        self.assertTrue(began <= record["times"]["started"] <= time.strftime("%Y-%m-%dT%H:%M:%S~", time.gmtime()))


@pytest.mark.parallel(turn=2)
@pytest.mark.xdist_group("settings")
class Settings(ClusterTest):
    def test_a_check_that_is_turned_down(self) -> None:
        self.set_node('[checks]\nShmMount = "warn"\n')
        name = self.pod(container("ctr", "/bin/holder", "open", "/dev/shm/file"))
        self.checkpoint(name, "ctr")
        record = self.last_record("checkpoint", "completed")
        self.assertEqual([c["verdict"] for c in record["checks"] if c["id"] == "ShmMount"], ["warn"])

    def redis_with_a_client(self, **more: Any) -> tuple[str, socket.socket]:
        args = ["redis-server", "--save", "", "--protected-mode", "no"]
        name = self.pod(container("redis", image="redis", args=args), **more)
        client = socket.create_connection((self.status(name)["podIP"], 6379), timeout=10)
        self.addCleanup(client.close)
        client.sendall(b"SET key value\r\n")
        self.assertEqual(client.recv(100), b"+OK\r\n")
        return name, client

    def test_a_live_connection(self) -> None:
        """Refused by default, taken where the node says that connections may end, and refused again without that; the
        client goes on in either case, as the source does."""
        name, client = self.redis_with_a_client()
        status, body = self.admin.checkpoint(name, "redis")
        self.assertEqual(status, 500)
        self.assertIn("[TcpEstablished", body)
        self.set_node('[options]\ntcp = "close"\n')
        archive = self.checkpoint(name, "redis")
        record = self.last_record("checkpoint", "completed")
        self.assertIn("tcp-close", str(record["invocation"]["additions"]))
        client.sendall(b"GET key\r\n")
        self.assertEqual(client.recv(100), b"$5\r\nvalue\r\n")
        client.close()
        self.cluster.delete(POD, name, 1)
        new = self.pod(container("redis", image=self.image_of(archive, "redis")), name=f"{name}-2")
        self.assertEqual(self.cluster.kubectl("exec", new, "--", "redis-cli", "get", "key").stdout, "value\n")

    def test_options_by_annotation(self) -> None:
        """Where the node allows it, and not where it does not."""
        name, client = self.redis_with_a_client(annotations={"lpm.my.domain/options": "tcp=close"})
        self.assertIn("[TcpEstablished", self.admin.checkpoint(name, "redis")[1])
        self.set_node('[annotations]\noptions = ["tcp"]\n')
        self.checkpoint(name, "redis")
        client.sendall(b"GET key\r\n")
        self.assertEqual(client.recv(100), b"$5\r\nvalue\r\n")

    def test_hooks_around_a_checkpoint(self) -> None:
        """CRI-O has frozen the container by then: a hook for that runs, one for a running container is left out and
        the record says so."""
        POINT.mkdir(parents=True, exist_ok=True)
        script = pathlib.Path("/usr/local/bin/hook-of-the-test")
        script.write_text("#!/bin/sh\necho $LPM_OPERATION of $LPM_CONTAINER\n")
        script.chmod(0o755)
        for kind in ("running", "frozen"):
            path = POINT / f"{kind}.toml"
            path.write_text(f'path = "{script}"\nwhen = "{kind}"\n')
            self.addCleanup(path.unlink)
        name = self.pod(container("ctr"))
        self.checkpoint(name, "ctr")
        record = self.last_record("checkpoint", "completed")
        hooks = {hook["name"]: hook for hook in record["hooks"]}
        self.assertEqual(hooks["frozen"]["outcome"], "done", hooks)
        self.assertEqual(hooks["running"]["outcome"], "skipped", hooks)
        kept = (self.kept(record) / "hook-pre-checkpoint-frozen.log").read_text()
        self.assertEqual(kept, f"checkpoint of {self.id_of(name, 'ctr')}\n")


@pytest.mark.parallel
class AtCreation(ClusterTest):
    REQUIRED = {"lpm.my.domain/checkpointable": "required"}

    def test_a_container_that_must_be_checkpointable(self) -> None:
        """Made when it is; refused at its creation when it asks for a terminal. The record has the reason; what a hook
        says of a container with a terminal is lost by conmon, so the Event has not."""
        self.assertTrue(pathlib.Path("/usr/share/containers/oci/hooks.d/lpm-hook.json").exists())
        fine = self.pod(container("ctr"), annotations=self.REQUIRED)
        self.assertTrue(pathlib.Path("/run/lpm/hooks", f"{self.id_of(fine, 'ctr')}.json").exists())
        bad = self.pod(container("ctr", tty=True), annotations=self.REQUIRED, name=f"{fine}-tty", wait=False)
        record = wait_for("it is refused",
                          lambda: next((r for r in self.ended_calls("create") if r["outcome"] == "refused"), None))
        self.assertEqual(record["result"]["code"], "Terminal")
        wait_for("an Event", lambda: [e for e in self.cluster.events_of(bad) if e["reason"] == "Failed"])
        self.assertNotIn("running", self.state_of(bad, "ctr")["state"])
