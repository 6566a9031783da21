# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Ordinary programs wake in an ordinary pod, each with what it had in memory."""
import json
import socket
from typing import Any

from oci_spec import Json
from suite import POD, container
from wake_test import WakeTest

MEMORY_IN_FILES = " -c dynamic_shared_memory_type=mmap"
AS_ENGINE = {"seccompProfile": {"type": "RuntimeDefault"}}  # which denies io_uring: CRIU cannot dump it
PRETEND_USER = "/opt/lpm/bin/pretend_user.so"
VISITS = 3


def listening(port: int) -> Json:
    """Passed when something listens. It connects to nothing, and is asked no more once it has passed."""
    return {"exec": {"command": ["sh", "-c", f"cat /proc/net/tcp /proc/net/tcp6 | grep -q ':{port:04X} .* 0A '"]},
            "periodSeconds": 1, "failureThreshold": 60}


class WakePrograms(WakeTest):
    def said(self, name: str, *command: str) -> str:
        return self.cluster.kubectl("exec", name, "--", *command).stdout.strip()

    def visit(self, name: str) -> tuple[str, int]:
        """Who it is, and how often it was asked."""
        answer = json.loads(self.said(name, "wget", "-qO-", "http://127.0.0.1:8000/"))
        return answer["nonce"], answer["requests"]

    def counts_on(self, **how: Any) -> None:
        source = self.pod(container("ctr", startupProbe=listening(8000), **how))
        for _ in range(VISITS):
            nonce, count = self.visit(source)
        archive = self.checkpoint(source, "ctr")
        self.cluster.delete(POD, source, 1)
        new = self.wake(archive.name, startupProbe=listening(8000), **how)
        self.assertEqual(self.visit(new), (nonce, count + 1))

    def test_a_jvm(self) -> None:
        self.counts_on(image="java")

    def test_node(self) -> None:
        self.counts_on(image="node", securityContext=AS_ENGINE)

    def test_redis_with_a_client(self) -> None:
        """Whose connection the checkpoint closes, by lpm.toml, and so does the restore."""
        self.switch('[options]\ntcp = "close"\n[restore]\nat_create = true\n')
        how: dict[str, Any] = {"image": "redis", "startupProbe": listening(6379),
               "command": ["redis-server", "--save", "", "--protected-mode", "no"]}
        source = self.pod(container("ctr", **how))
        with socket.create_connection((self.status(source)["podIP"], 6379), 10) as client:
            client.sendall(b"SET kept 1\r\n")
            self.assertEqual(client.recv(100), b"+OK\r\n")
            archive = self.checkpoint(source, "ctr")
        self.cluster.delete(POD, source, 1)
        new = self.wake(archive.name, **how)
        self.assertEqual(self.said(new, "redis-cli", "get", "kept"), "1")
        with socket.create_connection((self.status(new)["podIP"], 6379), 10) as client:
            client.sendall(b"GET kept\r\n")
            self.assertEqual(client.recv(100), b"$1\r\n1\r\n")

    def postgres(self, options: str = "") -> dict[str, Any]:
        script = (f"export LD_PRELOAD={PRETEND_USER} PATH=/usr/bin/pg:$PATH\n"
                  "initdb -D /tmp/db -U postgres -A trust --locale=C --no-sync\n"
                  f"exec postgres -D /tmp/db -k /tmp -c listen_addresses=127.0.0.1{options}")
        return {"image": "postgres", "command": ["sh", "-ec", script], "startupProbe": listening(5432)}

    def sql(self, name: str, statement: str) -> str:
        psql = ("/usr/bin/pg/psql", "-h", "/tmp", "-U", "postgres", "-qAt", "-v", "ON_ERROR_STOP=1")
        return self.said(name, *psql, "-c", statement)

    def test_postgres(self) -> None:
        """Its shared memory in files of its own, so that they are in the archive: what it holds in memory only, too."""
        how = self.postgres(MEMORY_IN_FILES)
        source = self.pod(container("ctr", **how))
        self.sql(source, "create unlogged table kept as select generate_series(1, 10000) as number")
        began = self.sql(source, "select pg_postmaster_start_time()")
        archive = self.checkpoint(source, "ctr")
        self.cluster.delete(POD, source, 1)
        new = self.wake(archive.name, **how)
        self.assertEqual(self.sql(new, "select pg_postmaster_start_time()"), began)
        self.assertEqual(self.sql(new, "select count(*), sum(number) from kept"), "10000|50005000")

    def test_postgres_with_memory_of_the_pod(self) -> None:
        """As it comes, its shared memory is in the pod's /dev/shm: told at the checkpoint, and refused in another pod."""
        how = self.postgres()
        source = self.pod(container("ctr", **how))
        archive = self.checkpoint(source, "ctr")
        told = self.last_record("checkpoint", "completed")
        self.assertIn("ShmMount", json.dumps(told))
        self.cluster.delete(POD, source, 1)
        new = self.wake(archive.name, wait=False, **how)
        self.assert_refused(new, "FileMissing", "/dev/shm")
