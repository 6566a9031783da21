# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""How CRI-O starts the runtime and conmon: command lines, environment, folder, descriptors."""
import json
import os
import pathlib
import select
import subprocess
from typing import Any, BinaryIO

DAEMON_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What systemd gives to the daemon's own process. Not NOTIFY_SOCKET: with it in the environment, `runc
# start` of a container that was created without it fails, so a CRI-O that works has taken it out.
DAEMON_ENV = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PATH": DAEMON_PATH,
    "INVOCATION_ID": "7f3c2a5d9be94c0b8f6d1e2a3b4c5d6e",
    "GODEBUG": "x509ignoreCN=0",
}
CREATE_TIMEOUT = 240
SYNC_FD, START_FD = 3, 4


class CrioError(Exception):
    """What CRI-O would answer to the kubelet."""


class Runtime:
    """The runtime as a CRI-O of one release reaches it."""

    def __init__(self, release: str, path: str, systemd_cgroup: bool = False) -> None:
        if release not in ("1.30", "1.36"):
            raise CrioError(f"no such CRI-O release: {release}")
        self.release = release
        self.path = path
        self.systemd_cgroup = systemd_cgroup
        # Since 1.31 the compiled default names crun, also when the binary is runc.
        self.root = "/run/runc" if release == "1.30" else "/run/crun"
        self.patience: float = CREATE_TIMEOUT
        reserve_descriptors()

    def direct_env(self) -> dict[str, str]:
        if self.release == "1.30":
            return dict(DAEMON_ENV)
        return {"CRI_O_EXTERNAL": "1", "PATH": DAEMON_PATH}

    def conmon_env(self, restore: bool = False) -> dict[str, str]:
        env = {"_OCI_SYNCPIPE": str(SYNC_FD), "_OCI_STARTPIPE": str(START_FD)}
        if self.release == "1.36":
            env["CRI_O_EXTERNAL"] = "1"
        if self.release == "1.36" or restore:
            env["PATH"] = DAEMON_PATH
        return env

    def globals(self) -> list[str]:
        return ["--root", self.root] + (["--systemd-cgroup"] if self.systemd_cgroup else [])

    def direct(self, *args: str, env: dict[str, str] | None = None) -> str:
        """One call that CRI-O makes itself; its standard output."""
        return self._call([*self.globals(), *args], env=env, stdin=subprocess.DEVNULL)

    def update(self, cid: str, resources: dict[str, Any]) -> None:
        """The one call that has standard input, and not the handler's other global options."""
        self._call(["--root", self.root, "update", "--resources", "-", cid], input=json.dumps(resources))

    def _call(self, args: list[str], env: dict[str, str] | None = None, **how: Any) -> str:
        argv = [self.path, *args]
        done = subprocess.run(argv, env=env or self.direct_env(), cwd="/", capture_output=True,
                              text=True, check=False, **how)
        if done.returncode != 0:
            raise CrioError(f"`{' '.join(argv)}` failed: {done.stderr} {done.stdout}"
                            f": exit status {done.returncode}")
        return str(done.stdout)

    def supports_checkpoint(self) -> bool:
        """The probe that comes before every checkpoint and restore: the daemon's environment, no pipes."""
        return subprocess.call([self.path, "checkpoint", "--help"], env=DAEMON_ENV, cwd="/",
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL) == 0

    def conmon(self, args: list[str], cwd: str | pathlib.Path, restore: bool = False) -> dict[str, Any]:
        """Run conmon; the message about the container, or about the exec's end, from its sync pipe."""
        sync_read, sync_write = os.pipe()
        start_read, start_write = os.pipe()

        # By bash, as Python's own way needs a fork: with a client of gRPC in this process that never comes back.
        # And by env, as bash has variables of its own.
        hand_over = (f'exec {SYNC_FD}>&{sync_write} {START_FD}<&{start_read} {sync_write}>&- {start_read}<&-; '
                     'exec /usr/bin/env --ignore-environment "$@"')
        variables = [f"{name}={value}" for name, value in self.conmon_env(restore).items()]
        argv = ["/bin/bash", "-c", hand_over, "bash", *variables, "/usr/bin/conmon", *args]
        child = subprocess.Popen(argv, env={}, cwd=cwd, pass_fds=(sync_write, start_read),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(sync_write)
        os.close(start_read)
        os.write(start_write, b"\0")  # conmon waits for it, so that it can be moved to its cgroup first
        os.close(start_write)
        child.wait()
        with os.fdopen(sync_read, "rb", buffering=0) as pipe:
            return read_message(pipe, self.patience)


def read_message(pipe: BinaryIO, seconds: float) -> dict[str, Any]:
    """One JSON line."""
    text = b""
    while b"\n" not in text:
        if not select.select([pipe], [], [], seconds)[0]:
            raise CrioError("timed out waiting for conmon")
        chunk = pipe.read(65536)
        if not chunk:
            raise CrioError("error reading container (probably exited) json message: EOF")
        text += chunk
    message: dict[str, Any] = json.loads(text.partition(b"\n")[0])
    return message


def reserve_descriptors() -> None:
    """Keep 3 and 4 in use, so that no pipe of the subprocess module lands there and is overwritten."""
    for fd in (SYNC_FD, START_FD):
        if not pathlib.Path(f"/proc/self/fd/{fd}").exists():
            null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
            if null != fd:
                os.dup2(null, fd, inheritable=False)
                os.close(null)
