# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What is done to a container from the node, past the runtime: by debuggers and tracing tools."""
import ctypes
import os
import pathlib
import struct
import subprocess
from collections.abc import Collection

from e2e import wait_for


def enter(pid: int, command: str, fds: Collection[int] = ()) -> None:
    """Run a shell in the container of that process, as a debugger on the node does; its cgroups are entered too."""
    def join() -> None:
        for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            hierarchy = pathlib.Path("/sys/fs/cgroup", controllers.removeprefix("name=") or unified)
            if (hierarchy / "cgroup.procs").exists():
                (hierarchy / path.lstrip("/") / "cgroup.procs").write_text("0")
    unified = "unified" if pathlib.Path("/sys/fs/cgroup/unified").exists() else ""
    subprocess.run(["nsenter", "--target", str(pid), "--all", "--", "/bin/sh", "-c", command], check=True,
                   preexec_fn=join, pass_fds=fds, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def probe(program: str | pathlib.Path, place: int, pid: int) -> int:
    """Set a probe on what is at that place of the program's file, in that process, as perf and bpftrace do; it lasts
    until the descriptor that this returns is closed."""
    libc = ctypes.CDLL(None, use_errno=True)
    name = ctypes.create_string_buffer(os.fsencode(program))
    # struct perf_event_attr of 72 bytes: type and size first, the path and the place last
    attr = struct.pack("=II5QIIQQ", int(pathlib.Path("/sys/bus/event_source/devices/uprobe/type").read_text()), 72,
                       0, 0, 0, 0, 0, 0, 0, ctypes.addressof(name), place)
    fd = libc.syscall(298, attr, pid, -1, -1, 0)  # perf_event_open
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    wait_for("the kernel's page", lambda: "[uprobes]" in pathlib.Path(f"/proc/{pid}/maps").read_text())
    return int(fd)
