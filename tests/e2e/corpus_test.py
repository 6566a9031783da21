# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Ordinary programs, warmed up, go through checkpoint and restore without a check in their way. Where a check
refuses, CRIU could not have done it."""
import dataclasses
import os
import pathlib
import re
from collections.abc import Callable
from typing import Any

import workloads
from e2e import SETTINGS, has_sys_resource, only_on, run, settle, wait_for
from oci_spec import in_guest
from resource_cases import ALL, FORKY, GUEST, ResourceTest, pod_shm
from workloads import Visit

PATIENCE = 300  # seconds for a start: the guest is slow where it is emulated
VISITS = 3  # before the checkpoint: more than a fresh start could make up for
DEFAULTS = ("CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETPCAP")  # what CRI-O gives beside oci_spec's
# What IoUring tells people to do; node has one by default since libuv 1.50, and UV_USE_IO_URING=0 does not help.
NO_IO_URING = ("io_uring_setup",)
# What CRIU says when the checks that refused are off, in the order in which it comes to these things. None: it hangs.
FAILS: dict[str, str | None] = {
    "Stopped": None,
    "SharedCode": "POKEDATA failed",
    "IoUring": "anon_inode:[io_uring]",
    "TcpOnNewKernel": "opt: Operation not supported",
    "TcpEstablished": "Connected TCP socket",
    "Capabilities": "Can't get rlimit",
}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)[:2]))


def tcp_fails() -> bool:
    """CRIU before 4.2 reads an option of IP sockets that Linux does not let it read since 6.16."""
    return numbers(os.uname().release) >= (6, 16) and numbers(run("criu", "--version").stdout) < (4, 2)


def stopped_fails() -> bool:
    """In the freezer of cgroup v1 CRIU waits for ever for a process that a signal has stopped."""
    return not pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    workload: type[workloads.Workload]
    tcp: bool
    refused: str | None = None  # by this check, wherever it runs; by Stopped only where it fails
    denied: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()  # by these checks, where it is not refused


def tabled(*rows: Row) -> Callable[[type["Corpus"]], type["Corpus"]]:
    def add(cls: type["Corpus"]) -> type["Corpus"]:
        for row in rows:
            def test(self: "Corpus", row: Row = row) -> None:
                self.travels(row)
            name = f"test_{row.name}"
            assert name not in vars(cls), name
            setattr(cls, name, test)
        return cls
    return add


@tabled(
    Row("redis", workloads.Redis, tcp=True),
    Row("redis_on_a_unix_socket", workloads.Redis, tcp=False),
    Row("postgres", workloads.Postgres, tcp=True),
    Row("postgres_on_a_unix_socket", workloads.Postgres, tcp=False),
    Row("nginx", workloads.Nginx, tcp=True),
    Row("nginx_on_a_unix_socket", workloads.Nginx, tcp=False),
    Row("nginx_with_workers_of_another_user", workloads.NginxOfTwoUsers, tcp=False),
    Row("python", workloads.Python, tcp=True),
    Row("python_on_a_unix_socket", workloads.Python, tcp=False),
    Row("node", workloads.Node, tcp=True, denied=NO_IO_URING),
    Row("node_on_a_unix_socket", workloads.Node, tcp=False, denied=NO_IO_URING),
    Row("node_with_io_uring", workloads.Node, tcp=False, refused="IoUring"),
    Row("java", workloads.Java, tcp=True),
    Row("java_on_a_unix_socket", workloads.Java, tcp=False),
    Row("go", workloads.Go, tcp=True),
    Row("go_on_a_unix_socket", workloads.Go, tcp=False),
    Row("busybox_with_its_web_server", workloads.Busybox, tcp=True),
    Row("busybox_shell", workloads.Busybox, tcp=False),
    Row("memcached", workloads.Memcached, tcp=True),
    Row("memcached_on_a_unix_socket", workloads.Memcached, tcp=False),
    Row("mariadb", workloads.MariaDb, tcp=True, denied=NO_IO_URING),
    Row("mariadb_on_a_unix_socket", workloads.MariaDb, tcp=False, denied=NO_IO_URING),
    Row("mariadb_with_io_uring", workloads.MariaDb, tcp=False, refused="IoUring"),
    Row("php", workloads.Php, tcp=True),
    Row("php_on_a_unix_socket", workloads.Php, tcp=False),
    Row("php_with_its_jit_buffer", workloads.PhpWithJit, tcp=False, refused="SharedCode"),
    Row("erlang", workloads.Erlang, tcp=True),
    Row("erlang_on_a_unix_socket", workloads.Erlang, tcp=False),
    Row("rabbitmq", workloads.RabbitMq, tcp=True, refused="TcpEstablished"),
    Row("bash_on_a_terminal", workloads.Bash, tcp=False, warned=("TerminalLost",)),
    Row("bash_with_a_stopped_job", workloads.BashWithAStoppedJob, tcp=False, refused="Stopped",
        warned=("Stopped", "TerminalLost")),
    Row("bash_without_a_terminal", workloads.BashWithoutATerminal, tcp=False),
    Row("several_processes", workloads.Several, tcp=True),
    Row("several_processes_on_unix_sockets", workloads.Several, tcp=False),
)
class Corpus(ResourceTest):
    """Each in a network namespace that outlives it, as a pod's does, and on an overlay of the node's own root."""

    def setUp(self) -> None:
        super().setUp()
        self.pod = f"corpus-{os.urandom(3).hex()}"
        self.netns = self.network(self.pod)
        self.rootfs = self.system()

    def pid(self, cid: str | None = None) -> int:
        return super().pid(cid or self.cid)

    def first_visit(self) -> Visit | None:
        """Once it answers; None as long as it does not."""
        self.assertEqual(self.status(self.cid), "running", self.crio.log(self.cid).read_text())
        try:
            return self.workload.visit()
        except (AssertionError, OSError, ValueError):
            return None

    def assert_went_on(self, before: Visit) -> Visit:
        """Visited again, it is the same and has counted on."""
        if self.workload.step is None:
            after = wait_for("its next number", lambda: (now := self.workload.visit())[1] > before[1] and now)
        else:
            after = self.workload.visit()
            self.assertEqual(after[1], before[1] + self.workload.step, "it has lost count")
        self.assertEqual(after[0], before[0], "it was started anew")
        return after

    @staticmethod
    def connections_end() -> None:
        """Its side of them is closed soon after ours."""
        settle(3 if in_guest() else 1)

    def warmed_up(self, row: Row, **options: Any) -> Visit:
        """What it said last; nobody is connected any more."""
        self.workload = row.workload(self, row.tcp)
        self.cid = self.start("corpus", *self.workload.command(), rootfs=self.rootfs, capabilities=DEFAULTS,
                              netns=self.netns, denied=row.denied, **options)
        seen = wait_for(f"{row.name} answers", self.first_visit, PATIENCE)
        for _ in range(VISITS):
            seen = self.assert_went_on(seen)
        self.connections_end()
        return seen

    def travels(self, row: Row) -> None:
        seen = self.warmed_up(row)
        reasons = [check for check, holds in (("TcpOnNewKernel", row.tcp and tcp_fails()),
                                              ("Capabilities", row.workload.other_user and not has_sys_resource()),
                                              (row.refused, row.refused != "Stopped" or stopped_fails())) if check and holds]
        if reasons:
            self.is_refused_rightly(reasons, seen)
        else:
            self.moves(seen, row.warned)

    def is_refused_rightly(self, reasons: list[str], seen: Visit) -> None:
        args = self.checkpoint_args(self.cid)
        self.refused(reasons[0], args)
        self.assertCountEqual([c["id"] for c in self.records()[-1]["checks"] if c["verdict"] == "block"], reasons)
        seen = self.assert_went_on(seen)
        self.connections_end()
        met = next(check for check in FAILS if check in reasons)
        with self.without(*reasons):
            if words := FAILS[met]:
                self.off_and_fail(met, args, "checkpoint", met, words)
            else:
                self.off_and_hang(args)
                self.crio.resume(self.cid)  # nobody thawed it when the test put an end to CRIU
        self.assert_went_on(seen)
        if reasons == [met]:
            self.show(met, "refused")

    def moves(self, seen: Visit, warned: tuple[str, ...] = ()) -> None:
        self.cid = self.move(self.cid)
        records = self.records()
        self.assertEqual([(r["operation"], r["outcome"]) for r in records],
                         [("checkpoint", "completed"), ("restore", "completed")])
        said = [(c["id"], c["verdict"], c.get("message")) for r in records for c in r["checks"]
                if c["verdict"] in ("block", "warn") and c["id"] not in ("MemoryTight", *warned)]  # the first is of the machine
        self.assertEqual(said, [], "nothing is wrong with it")
        self.assert_went_on(seen)

    @only_on(*FORKY)
    def test_rabbitmq_whose_connections_are_kept(self) -> None:
        """Erlang is connected to epmd, which tells others its port. Both are in the container. It binds its threads to CPUs."""
        SETTINGS.write_text('[options]\ntcp = "established"\n')
        self.moves(self.warmed_up(Row("rabbitmq", workloads.RabbitMq, tcp=True)), warned=("CpuAffinity",))

    @only_on(*ALL, *GUEST)
    def test_postgres_in_the_shm_of_its_pod(self) -> None:
        """Under Kubernetes /dev/shm is the pod's, and Postgres keeps a segment there, which no checkpoint contains."""
        shm = pod_shm(self)
        seen = self.warmed_up(Row("postgres", workloads.Postgres, tcp=False), **shm)
        if not has_sys_resource():
            self.is_refused_rightly(["Capabilities"], seen)
            return
        self.connections_end()
        self.assertEqual(self.dump(self.cid).returncode, 0)
        record = self.last_record("checkpoint", "completed")
        told = [c["message"] for c in record["checks"] if c["id"] == "ShmMount" and c["verdict"] == "warn"]
        self.assertEqual(len(told), 1)
        self.assertIn("/dev/shm/PostgreSQL.", told[0])
        bundle = self.remove(self.cid)
        for segment in (self.work / "shm").iterdir():
            segment.unlink()  # as the next pod has it
        self.refuse_restore("FileMissing", bundle, "/dev/shm/PostgreSQL.",
                            fails=("FileMissing", "Can't open file dev/shm/PostgreSQL."))
        self.show("ShmMount", "warned")
