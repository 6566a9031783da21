# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Ordinary programs as containers have them, each on a port of its pod or on a unix socket.

A workload is told by `visit()`: who it is, as far as it says, and how often it was visited. Both live in its
memory, so a program that was started anew cannot go on with them.
"""
import glob
import json
import os
import pathlib
from typing import Any

from e2e import first_group, run, wait_for

PROGRAMS = pathlib.Path(__file__).resolve().parent / "corpus"


Visit = tuple[object, int]  # who it is, how often it was visited


class Workload:
    step: int | None = 1  # what a visit adds; None: it counts by itself
    other_user = False  # a process of it is not root's

    def __init__(self, test: Any, tcp: bool) -> None:
        self.test, self.tcp = test, tcp

    def command(self) -> tuple[str, ...]:
        """What the container runs."""
        raise NotImplementedError

    def visit(self) -> Visit:
        raise NotImplementedError

    def address(self, port: int, path: str) -> str:
        return str(port) if self.tcp else path

    def outside(self, path: str) -> str:
        """A path of the container, as the node reaches it."""
        return f"/proc/{self.test.pid()}/root{path}"

    def client(self, *argv: object) -> str:
        """A program of the node, in the pod's network."""
        return run("ip", "netns", "exec", self.test.pod, *argv).stdout

    def program(self, name: str) -> str:
        """One of ours, where the container finds it."""
        (self.test.rootfs / "opt" / name).write_text((PROGRAMS / name).read_text())
        return f"/opt/{name}"


class Http(Workload):
    """What answers over HTTP."""
    port = 8000
    path = "/"

    def where(self) -> str:
        return self.address(self.port, f"/run/{type(self).__name__.lower()}.sock")

    def ask(self) -> str:
        where = self.where() if self.tcp else self.outside(self.where())
        return self.client("python3", PROGRAMS / "ask.py", where, self.path)

    def visit(self) -> Visit:
        answer = json.loads(self.ask())
        return answer["nonce"], answer["requests"]


class Python(Http):
    def command(self) -> tuple[str, ...]:
        return "/usr/bin/python3", self.program("server.py"), self.where()


class Node(Http):
    def command(self) -> tuple[str, ...]:
        return "/usr/bin/node", self.program("server.js"), self.where()


class Java(Http):
    def command(self) -> tuple[str, ...]:
        return "/usr/bin/java", "-Xmx128m", self.program("Server.java"), self.where()


class Erlang(Http):
    def command(self) -> tuple[str, ...]:
        return "/usr/bin/escript", self.program("server.erl"), self.where()


class Nginx(Http):
    """A master and two workers, who count in memory that they share."""
    port = 80
    path = "/status"
    user = "root"

    def command(self) -> tuple[str, ...]:
        listen = self.where() if self.tcp else f"unix:{self.where()}"
        (self.test.rootfs / "etc/nginx/nginx.conf").write_text(
            f"user {self.user}; worker_processes 2; pid /run/nginx.pid; daemon off;\n"
            "events {}\n"
            f"http {{ server {{ listen {listen}; location /status {{ stub_status; }} }} }}\n")
        return ("/usr/sbin/nginx",)

    def visit(self) -> Visit:
        return "", int(first_group(r"requests\n \d+ \d+ (\d+)", self.ask()))


class NginxOfTwoUsers(Nginx):
    """As Debian configures it."""
    user = "www-data"
    other_user = True


class Go(Http):
    """A program of Debian's in Go."""
    port = 9100
    path = "/metrics"
    binary = "/usr/bin/prometheus-node-exporter"

    def command(self) -> tuple[str, ...]:
        if self.tcp:
            return self.binary, f"--web.listen-address=127.0.0.1:{self.port}"
        return ("/usr/bin/python3", self.program("activated.py"), self.where(), self.binary,
                "--web.systemd-socket")

    def visit(self) -> Visit:
        count = first_group(r'^promhttp_metric_handler_requests_total{code="200"} (\d+)', self.ask())
        return "", int(count) + 1  # it counts a request when it has answered it


class Redis(Workload):
    def command(self) -> tuple[str, ...]:
        listen = ("--port", "6379", "--bind", "127.0.0.1") if self.tcp else ("--port", "0", "--unixsocket",
                                                                             "/run/redis.sock")
        return "/usr/bin/redis-server", "--save", "", "--appendonly", "no", *listen

    def ask(self, *words: str) -> str:
        where = ("-p", "6379") if self.tcp else ("-s", self.outside("/run/redis.sock"))
        return self.client("redis-cli", "-e", *where, *words)

    def visit(self) -> Visit:
        return first_group(r"^run_id:(\w+)", self.ask("info", "server")), int(self.ask("rpush", "visits", "one"))


class Postgres(Workload):
    """A cluster that the container makes itself and does not outlive."""
    other_user = True  # it will not run as root

    def command(self) -> tuple[str, ...]:
        listen = "127.0.0.1" if self.tcp else ""
        return ("/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "/bin/sh", "-ec",
                f"PATH={self.folder()}:$PATH; initdb -D /tmp/db -U postgres -A trust --locale=C --no-sync\n"
                f"exec postgres -D /tmp/db -k /tmp -c listen_addresses='{listen}'")

    def folder(self) -> str:
        return glob.glob("/usr/lib/postgresql/*/bin")[0]

    def ask(self, statement: str) -> str:
        host = "127.0.0.1" if self.tcp else self.outside("/tmp")
        return self.client(f"{self.folder()}/psql", "-h", host, "-U", "postgres", "-qAt", "-v", "ON_ERROR_STOP=1",
                           "-c", statement).strip()

    def visit(self) -> Visit:
        self.ask("create unlogged table if not exists visits (at timestamp)")
        self.ask("insert into visits values (now())")
        start, count = self.ask("select pg_postmaster_start_time(), (select count(*) from visits)").split("|")
        return start, int(count)


class Busybox(Http):
    """A shell that counts, and starts a program for each number; a server that hands the number out. The file is in memory, which
    a checkpoint contains as it is: one of the root may be open there, and have another name when it is restored."""
    step = None
    path = "/count"

    def command(self) -> tuple[str, ...]:
        serve = f"busybox httpd -f -p 127.0.0.1:{self.port} -h /dev/shm &" if self.tcp else ""
        return ("/usr/bin/busybox", "sh", "-c", f"""
            nonce=$(cat /proc/sys/kernel/random/uuid); count=0
            {serve}
            while :; do
                count=$((count + 1))
                echo "$nonce $count" >/dev/shm/count.new
                busybox mv /dev/shm/count.new /dev/shm/count
                busybox sleep 0.05
            done""")

    def ask(self) -> str:
        return super().ask() if self.tcp else pathlib.Path(self.outside("/dev/shm/count")).read_text()

    def visit(self) -> Visit:
        nonce, count = self.ask().split()
        return nonce, int(count)


class Memcached(Workload):
    def command(self) -> tuple[str, ...]:
        where = ("-l", "127.0.0.1") if self.tcp else ("-s", "/run/memcached.sock")
        return "/usr/bin/memcached", "-u", "root", *where

    def visit(self) -> Visit:
        where = "11211" if self.tcp else self.outside("/run/memcached.sock")
        nonce = os.urandom(8).hex()  # only the first is taken
        answer = self.client("python3", PROGRAMS / "say.py", where,
                             f"add who 0 0 {len(nonce)}", nonce, "get who", "ma visits N0 J1 v", "quit")
        who, count = first_group(r"^VALUE who 0 16\s+(\w+)", answer), first_group(r"^VA \d+\s+(\d+)", answer)
        return who, int(count)


def under_shell(*lines: str) -> tuple[str, ...]:
    """The last line's program as a child of the first process. SIGTERM, which an engine sends before KILL, does not get
    there: a program that began to end would change the files that its checkpoint needs."""
    return "/bin/sh", "-ec", "\n".join(lines) + " &\nwait"


class MariaDb(Workload):
    """A data directory that the container makes itself, and a table that is in memory only."""

    def command(self) -> tuple[str, ...]:
        listen = "--bind-address=127.0.0.1" if self.tcp else "--skip-networking"
        return under_shell(
            "mariadb-install-db --no-defaults --user=root --datadir=/tmp/db --auth-root-authentication-method=normal",
            f"mariadbd --no-defaults --user=root --datadir=/tmp/db --socket=/run/mariadb.sock {listen}")

    def ask(self, statement: str) -> str:
        where = ("--protocol=tcp", "--host=localhost") if self.tcp else ("--socket", self.outside("/run/mariadb.sock"))
        return self.client("mariadb", "--no-defaults", *where, "--user=root", "--skip-ssl", "--batch",
                           "--skip-column-names", "--execute", statement)

    def visit(self) -> Visit:
        who, count = self.ask("create database if not exists corpus; use corpus;"
                              "create table if not exists visits (who uuid default uuid()) engine=memory;"
                              "insert into visits values ();"
                              "select (select who from visits limit 1), count(*) from visits").split()
        return who, int(count)


class Php(Workload):
    """FPM's master and two workers, and what OPcache has in memory that they share."""
    settings: tuple[str, ...] = ("opcache.jit_buffer_size=0",)  # what SharedCode tells people to do

    def command(self) -> tuple[str, ...]:
        self.script = self.program("visits.php")
        (self.test.rootfs / "etc/fpm.conf").write_text(
            "[global]\nerror_log = /proc/self/fd/2\n[www]\nuser = root\npm = static\npm.max_children = 2\n"
            f"listen = {self.where()}\n")
        # A script is taken up at once, however new it is.
        return (glob.glob("/usr/sbin/php-fpm*")[0], "--nodaemonize", "--allow-to-run-as-root", "--fpm-config", "/etc/fpm.conf",
                "-dopcache.file_update_protection=0", *(f"-d{setting}" for setting in self.settings))

    def where(self) -> str:
        return self.address(9000, "/run/php.sock")

    def visit(self) -> Visit:
        where = f"127.0.0.1:{self.where()}" if self.tcp else self.outside(self.where())
        answer = self.client("env", "REQUEST_METHOD=GET", f"SCRIPT_FILENAME={self.script}",
                             "cgi-fcgi", "-bind", "-connect", where)
        who, count = answer.splitlines()[-1].split()
        return who, int(count)


class PhpWithJit(Php):
    """As it comes: the compiler is off, but has its memory."""
    settings = ()


class RabbitMq(Workload):
    """A message that is in no file. A visit takes it and sends the next one."""

    def command(self) -> tuple[str, ...]:
        return under_shell("export HOME=/var/lib/rabbitmq RABBITMQ_NODENAME=rabbit@localhost RABBITMQ_LOGS=-",
                           "/usr/lib/rabbitmq/bin/rabbitmq-server")

    def ask(self, program: str, *words: str) -> str:
        return self.client(program, "--server=127.0.0.1", *words)

    def visit(self) -> Visit:
        self.ask("amqp-declare-queue", "--durable", "--queue=visits")
        try:
            who, count = self.ask("amqp-get", "--queue=visits").split()
        except AssertionError:  # there is none
            who, count = os.urandom(8).hex(), "0"
        self.ask("amqp-publish", "--routing-key=visits", f"--body={who} {int(count) + 1}")
        return who, int(count) + 1


class Bash(Workload):
    """An interactive shell with a job in the background, on a terminal whose other end Python has (script ends when poll
    is interrupted, which it is by a restore). A visit takes the job to the foreground, stops it as a user does, and lets
    it go on."""
    jobs: tuple[str, ...] = ("sleep infinity &",)

    def command(self) -> tuple[str, ...]:
        typed = " ".join(f"'{line}'" for line in self.jobs)
        return ("/bin/sh", "-ec", f"mkfifo /run/keys; exec <>/run/keys; printf '%s\\n' {typed} >/run/keys\n"
                f"exec python3 -c 'import pty; pty.spawn((\"bash\", \"--rcfile\", \"{self.program('bashrc')}\", \"-i\"))'")

    def type(self, keys: str) -> None:
        fifo = os.open(self.outside("/run/keys"), os.O_WRONLY)
        os.write(fifo, keys.encode())
        os.close(fifo)

    def at_prompt(self) -> bool:
        """The terminal is the shell's own."""
        own, foreground = run("ps", "-o", "pgid=,tpgid=", "--ppid", self.test.pid()).stdout.split()
        return own == foreground

    def control(self) -> None:
        self.type("fg %1\n")
        wait_for("the job in the foreground", lambda: not self.at_prompt())
        self.type("\x1a")  # Ctrl-Z
        wait_for("the shell's prompt", self.at_prompt)
        self.type("bg %1\n")

    def visit(self) -> Visit:
        """Who it is: its jobs as well, as the shell and as ps tell them."""
        told = pathlib.Path(self.outside("/run/told"))
        told.unlink(missing_ok=True)
        self.control()
        self.type("tell\n")
        count, *who = wait_for("what the shell tells", lambda: told.exists() and told.read_text().splitlines())
        return who, int(count)


class BashWithAStoppedJob(Bash):
    jobs = (*Bash.jobs, "sleep infinity &", "kill -STOP %2")


class BashWithoutATerminal(Bash):
    def command(self) -> tuple[str, ...]:
        jobs = "\n".join(self.jobs)
        return ("/bin/bash", "-c", f"set -m; . {self.program('bashrc')}; mkfifo /run/keys\n{jobs}\n"
                "while read -r line; do eval \"$line\"; done <>/run/keys")

    def control(self) -> None:
        pass


class Several(Workload):
    """A shell as first process, which starts two servers and a loop, and waits."""

    def __init__(self, test: Any, tcp: bool) -> None:
        super().__init__(test, tcp)
        self.parts = Redis(test, tcp), Python(test, tcp)
        self.step = len(self.parts)

    def command(self) -> tuple[str, ...]:
        starts = "\n".join(" ".join(f"'{word}'" for word in part.command()) + " &" for part in self.parts)
        return "/bin/sh", "-c", f"{starts}\nwhile :; do sleep 1; done &\nwait"

    def visit(self) -> Visit:
        identities, counts = zip(*(part.visit() for part in self.parts))
        return identities, sum(counts)
