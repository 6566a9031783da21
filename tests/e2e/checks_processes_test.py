# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Processes: what the checks refuse really fails, and their harmless twins come back."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
from collections.abc import Collection
from typing import Any

import debuggers
from e2e import REAL, freezer_of, run, settle, wait_for
from resource_cases import ADMIN, Fine, Outside, Refused, ResourceTest, Warned, tabled, with_options

NESTED = with_options(**ADMIN)
OWN_NULL = "</dev/null >/dev/null 2>&1"  # of the container
NULL: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def trace(test: ResourceTest, cid: str) -> None:
    """A debugger on the node."""
    pid = test.pid(cid)
    tracer = subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(pid)], **NULL)
    test.addCleanup(tracer.wait)
    test.addCleanup(tracer.kill)
    wait_for("the tracer", lambda: "TracerPid:\t0\n" not in pathlib.Path(f"/proc/{pid}/status").read_text())


@tabled(
    Refused("child_that_is_traced", "Traced", ("child", "traced"), words=("holder",), fails="found while seizing"),
    Refused("debugger_on_the_node", "Traced", ("child", "plain"), outside=trace, words=("holder", "strace"),
            fails="found while seizing"),
    Warned("child_in_a_session_with_a_terminal", "TerminalLost", ("terminal", "child"), words=("holder", "/dev/tty")),
    Fine("leader_of_a_session_with_a_terminal", "TerminalLost", ("terminal", "leader")),
    Fine("child_that_is_not_traced", "Traced", ("child", "plain")),
    Refused("first_thread_has_ended", "ZombieLeader", ("leader", "zombie"), words=("holder",),
            fails="Zombies with threads are not supported"),
    Fine("first_thread_is_alive", "ZombieLeader", ("leader", "alive")),
    Refused("stopped_child", "Stopped", ("child", "stopped"), words=("holder",), fails=None),
    Fine("child_that_goes_on", "Stopped", ("child", "plain")),
    Refused("child_that_shares_its_memory", "MemoryShared", ("clone", "vm"), words=("holder", "with process"),
            fails="Can't make VM id"),
    Refused("parent_that_waits_for_a_child_of_vfork", "MemoryShared", ("vfork",), words=("holder", "which waits in "),
            fails="Unseizable non-zombie", code="FreezeStuck"),
    Fine("child_with_a_memory_of_its_own", "MemoryShared", ("clone", "plain")),
    Fine("ordinary_zombie", "ZombieLeader", ("child", "zombie")),
)
class States(ResourceTest):
    def test_stopped_child_that_the_caller_has_frozen(self) -> None:
        """As CRI-O does before it asks. On cgroup v1 it reads as any other that is frozen."""
        cid = self.start("holder", "/bin/holder", "child", "stopped")
        self.assert_runs(cid)
        self.crio.pause(cid)
        self.refused("Stopped", self.checkpoint_args(cid), "holder")
        self.assertEqual(self.status(cid), "paused")
        self.crio.resume(cid)
        self.assert_runs(cid)


def remove_cgroup(folder: pathlib.Path) -> None:
    """With what is in it."""
    for pid in (folder / "cgroup.procs").read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    wait_for("the cgroup to be empty", lambda: not (folder / "cgroup.procs").read_text())
    folder.rmdir()


def child_of(test: ResourceTest, cid: str) -> str:
    return run("pgrep", "--parent", test.pid(cid)).stdout.strip()


def move_child(test: ResourceTest, cid: str) -> None:
    """To a cgroup beside that of the container."""
    child = child_of(test, cid)
    elsewhere = freezer_of(child).parent / f"elsewhere-{os.urandom(3).hex()}"
    elsewhere.mkdir()
    test.addCleanup(remove_cgroup, elsewhere)
    (elsewhere / "cgroup.procs").write_text(child)


def move_child_and_back(test: ResourceTest, cid: str) -> None:
    home = freezer_of(child_of(test, cid))
    move_child(test, cid)
    (home / "cgroup.procs").write_text(child_of(test, cid))


def move_child_below(test: ResourceTest, cid: str) -> None:
    """Where the container's freezer freezes it as well."""
    below = freezer_of(child_of(test, cid)) / "below"
    below.mkdir()
    (below / "cgroup.procs").write_text(child_of(test, cid))


@tabled(
    Refused("child_that_was_moved_to_another_cgroup", "OtherCgroup", ("child", "plain"), outside=move_child,
            words=("holder", "/elsewhere-", "move it back"), fails="Unseizable non-zombie", code="CannotSeize"),
    Refused("child_of_a_thread_that_was_moved", "OtherCgroup", ("thread", "child"), outside=move_child,
            words=("holder", "/elsewhere-"), fails="Unseizable non-zombie", code="CannotSeize"),
    Fine("child_that_was_moved_back", "OtherCgroup", ("child", "plain"), outside=move_child_and_back),
    Fine("child_in_a_cgroup_of_the_containers", "OtherCgroup", ("child", "plain"), outside=move_child_below),
)
class Cgroups(ResourceTest):
    """Where its processes are."""


@tabled(
    Warned("thread_with_its_own_descriptors", "ThreadApart", ("thread", "files"), words=("holder", "descriptors")),
    Warned("thread_with_its_own_folder", "ThreadApart", ("thread", "folder"), words=("holder", "working directory")),
    Fine("thread_like_its_process", "ThreadApart", ("thread", "like")),
    Warned("thread_on_one_cpu", "CpuAffinity", ("thread", "cpus"), words=("holder", "thread")),
    Warned("process_on_one_cpu", "CpuAffinity", ("cpus", "first"), words=("holder", "CPUs 0")),
    Fine("process_on_any_cpu", "CpuAffinity", ("cpus", "all")),
)
class Threads(ResourceTest):
    """Threads of one process in different cgroups need no check: CRIU brings each back to where it was."""

    def test_thread_in_a_cgroup_of_its_own(self) -> None:
        """Of version 1, where any thread may be moved; or a threaded one of version 2, where there is no other."""
        v1 = pathlib.Path("/sys/fs/cgroup/cpu/tasks").exists()
        self.comes_back_there("cpu" if v1 else "", "/sys/fs/cgroup/cpu" if v1 else "/sys/fs/cgroup")

    def test_thread_in_a_threaded_cgroup(self) -> None:
        """Of version 2, with controllers or beside those of version 1."""
        mixed = pathlib.Path("/sys/fs/cgroup/unified")
        self.comes_back_there("", mixed if mixed.exists() else mixed.parent)

    def comes_back_there(self, controller: str, hierarchy: str | pathlib.Path) -> None:
        cid = self.start("holder", "/bin/holder", "threads", "3")
        self.lines(cid, 1)
        pid = self.pid(cid)
        tids = sorted(map(int, os.listdir(f"/proc/{pid}/task")))
        home = self.cgroup_of(tids[0], controller)
        group = pathlib.Path(hierarchy, home.lstrip("/"), "threads")
        group.mkdir()
        if (group / "cgroup.type").exists():
            (group / "cgroup.type").write_text("threaded")
        (group / ("tasks" if controller else "cgroup.threads")).write_text(str(tids[-1]))
        expected = [home] * 3 + [f"{home}/threads"]
        self.assertEqual([self.cgroup_of(tid, controller) for tid in tids], expected)
        done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.last_record("checkpoint", "completed")
        self.comes_back(cid)
        pid = json.loads(run(REAL, "--root", self.root, "state", self.restored).stdout)["pid"]
        tids = sorted(map(int, os.listdir(f"/proc/{pid}/task")))
        self.assertEqual([self.cgroup_of(tid, controller) for tid in tids], expected)

    def cgroup_of(self, tid: int, controller: str) -> str:
        lines = [line.split(":", 2) for line in pathlib.Path(f"/proc/{tid}/cgroup").read_text().splitlines()]
        return next(path for _, names, path in lines if controller in names.split(","))


def nested(kind: str, text: str) -> Refused:
    return Refused(f"nested_{kind}", "NestedNamespace", ("namespace", kind), NESTED, words=("holder", kind),
                   fails=text)


@tabled(
    *(nested(kind, f"Can't dump nested {kind}") for kind in ("uts", "ipc", "pid", "time", "cgroup", "user")),
    nested("net", "Unable to dump more than one netns"),
    Fine("nested_mount", "NestedNamespace", ("namespace", "mount"), NESTED),
    Fine("nothing_nested", "NestedNamespace", ("namespace", "none"), NESTED),
)
class Namespaces(ResourceTest):
    pass


def exec_session(*options: str) -> Outside:
    def outside(test: ResourceTest, cid: str) -> None:
        subprocess.run([REAL, "--root", test.root, "exec", *options, cid, "/bin/sleep", "1000"], check=True, **NULL)
    return outside


def foreground(test: ResourceTest, cid: str) -> None:
    """As kubectl exec: the caller waits for the end of it."""
    session = subprocess.Popen([REAL, "--root", test.root, "exec", cid, "/bin/sleep", "1000"], **NULL)
    test.addCleanup(session.wait)
    test.addCleanup(session.kill)
    wait_for("the session", lambda: "sleep" in commands(test, cid))


def left_behind(test: ResourceTest, cid: str) -> None:
    """The session has ended, and what it started has become the container's."""
    subprocess.run([REAL, "--root", test.root, "exec", cid, "/bin/sh", "-c", f"sleep 1000 {OWN_NULL} &"],
                   check=True, timeout=60, **NULL)
    wait_for("what it left", lambda: "sleep" in commands(test, cid))


def ended(test: ResourceTest, cid: str) -> None:
    subprocess.run([REAL, "--root", test.root, "exec", cid, "/bin/true"], check=True, **NULL)


def enter(test: ResourceTest, cid: str, command: str, fds: Collection[int] = ()) -> None:
    """A command that goes on in the container, past the runtime."""
    debuggers.enter(test.pid(cid), command, fds)
    wait_for("the command", lambda: "sleep" in commands(test, cid))


def stranger(test: ResourceTest, cid: str) -> None:
    """Its session's leader is not in the container."""
    enter(test, cid, f"sleep 1000 {OWN_NULL} &")


def daemon(test: ResourceTest, cid: str) -> None:
    """It has a session of its own, and nothing from outside."""
    enter(test, cid, f"busybox setsid sleep 1000 {OWN_NULL} &")


def daemon_with_file(test: ResourceTest, cid: str) -> None:
    with open(test.work / "outside", "w") as file:
        enter(test, cid, f"busybox setsid sleep 1000 {OWN_NULL} &", (file.fileno(),))


def daemon_with_null(test: ResourceTest, cid: str) -> None:
    """Its standard output is the node's /dev/null, which is another mount than the container's."""
    enter(test, cid, "busybox setsid sleep 1000 </dev/null &")


def terminal_session(test: ResourceTest, cid: str, command: str) -> None:
    """As kubectl exec --tty; somebody outside holds the master."""
    master, slave = os.openpty()
    test.addCleanup(os.close, master)
    session = subprocess.Popen([REAL, "--root", test.root, "exec", "--tty", cid, "/bin/sh", "-c", command],
                               stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    test.addCleanup(session.wait)
    test.addCleanup(session.kill)
    wait_for("the session", lambda: "sleep" in commands(test, cid))


def terminal(test: ResourceTest, cid: str) -> None:
    terminal_session(test, cid, "sleep 1000")


def commands(test: ResourceTest, cid: str) -> list[str]:
    """The names of the container's processes; one may end while they are asked for."""
    names = []
    for pid in json.loads(run(REAL, "--root", test.root, "ps", "--format", "json", cid).stdout):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            names.append(pathlib.Path(f"/proc/{pid}/comm").read_text().strip())
    return names


@tabled(
    Warned("detached", "ExecSession", ("child", "plain"), outside=exec_session("--detach"), words=("sleep",)),
    Warned("foreground", "ExecSession", ("child", "plain"), outside=foreground, words=("sleep",)),
    Fine("what_an_exec_left_behind", "ExecSession", ("child", "plain"), outside=left_behind),
    Warned("with_a_terminal", "ExecSession", ("child", "plain"), outside=terminal, words=("sleep",)),
    Refused("stranger", "SessionOutside", ("child", "plain"), outside=stranger, words=("sleep",),
            fails="is outside of its pid namespace"),
    Fine("what_an_exec_left_behind_with_its_session", "SessionOutside", ("child", "plain"), outside=left_behind),
    Fine("stranger_with_a_session", "SessionOutside", ("child", "plain"), outside=daemon),
    Refused("file_of_the_node", "FileOutsideMounts", ("child", "plain"), outside=daemon_with_file,
            words=("sleep", "/outside"), fails="Can't lookup mount="),
    Refused("null_of_the_node", "FileOutsideMounts", ("child", "plain"), outside=daemon_with_null,
            words=("sleep", "/dev/null"), fails="Can't lookup mount=", code="StdioOutsideMounts"),
    Fine("null_of_the_container", "FileOutsideMounts", ("child", "plain"), outside=daemon),
    Fine("terminal_of_a_session", "ForeignTerminal", ("child", "plain"), outside=terminal),
    Fine("ended", "ExecSession", ("child", "plain"), outside=ended),
)
class Exec(ResourceTest):
    def test_the_session_is_in_no_image(self) -> None:
        """CRIU walks from the first process to its children; a session is not among them."""
        cid = self.start("holder", "/bin/holder", "child", "plain")
        exec_session("--detach")(self, cid)
        settle()
        self.assertEqual(sorted(commands(self, cid)), ["holder", "holder", "sleep"])
        with self.without("ExecSession"):
            done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.restores(self.remove(cid))
        self.assertEqual(commands(self, self.restored), ["holder", "holder"])

    def test_terminal_that_a_session_left_behind(self) -> None:
        """The dump succeeds, and nobody can restore it: the terminal belongs to no session of the container."""
        cid = self.start("holder", "/bin/holder", "child", "plain")
        terminal_session(self, cid, "(busybox setsid sleep 1000 &); sleep 2000")
        wait_for("the one left behind", lambda: commands(self, cid).count("sleep") == 2)
        settle()
        self.refused("ForeignTerminal", self.checkpoint_args(cid), "sleep", "/dev/pts/0")
        self.assert_runs(cid)
        with self.without("ForeignTerminal"):
            done = self.dump(cid)
        self.assertEqual(done.returncode, 0, done.stderr)
        bundle = self.remove(cid)
        new = self.add_container("restored-with-a-terminal")
        self.refused("Terminal", self.restore_args(new, bundle), "had a terminal", operation="restore")
        with self.without("Terminal"):
            self.restore_fails(bundle, "No task found with sid", "ForeignTerminal")
        self.show("ForeignTerminal", "refused")
