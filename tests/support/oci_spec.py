# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""OCI configurations and root file systems for test containers."""
import os
import pathlib
import shutil
from collections.abc import Collection
from typing import Any

Json = dict[str, Any]

PROGRAMS = pathlib.Path("/opt/lpm/bin")
APPLETS = ("sh", "sleep", "cat", "echo", "true", "ls", "wc", "kill", "seq")
CAPABILITIES = ["CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID", "CAP_CHOWN"]
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]
IDENTITY = [{"containerID": 0, "hostID": 0, "size": 65536}]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def make_rootfs(path: str | pathlib.Path, programs: Collection[str] = ("counter", "workers", "holder")) -> pathlib.Path:
    """A small tree: busybox and our test programs."""
    path = pathlib.Path(path)
    for folder in ("bin", "dev", "etc", "proc", "sys", "tmp", "usr"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy("/usr/bin/busybox", path / "bin/busybox")
    for name in APPLETS:
        if not (path / "bin" / name).is_symlink():
            os.symlink("busybox", path / "bin" / name)
    for name in programs:
        shutil.copy(PROGRAMS / name, path / "bin" / name)
    return path


def mount(destination: str, kind: str, source: str, *options: str) -> Json:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def bind(source: str | pathlib.Path, destination: str, *options: str) -> Json:
    return mount(destination, "bind", str(source), "rbind", "rprivate", *(options or ("rw",)))


def in_guest() -> bool:
    """In the guest (vm/) there are all capabilities and systemd, so containers get what CRI-O really gives them."""
    return bool(os.environ.get("LPM_GUEST"))


def cgroup_path(cid: str) -> str:
    return f"kubepods-besteffort.slice:crio:{cid}" if in_guest() else f"/kubepods/besteffort/crio-{cid}"


def device(path: str | pathlib.Path) -> Json:
    """A character device of the node, for a container to have."""
    number = os.stat(path).st_rdev
    return {"path": str(path), "type": "c", "major": os.major(number), "minor": os.minor(number), "fileMode": 0o666}


def make_spec(args: Collection[str], rootfs: str | pathlib.Path, cgroup: str, *, netns: str | None = None,
              pidns: str | None = None, ipcns: str | None = None, terminal: bool = False, mounts: Collection[Json] = (),
              annotations: dict[str, str] | None = None, env: Collection[str] = (), resources: Json | None = None,
              capabilities: Collection[str] = (), shared: Collection[str] = (), devices: Collection[str | pathlib.Path] = (),
              users: bool = False, denied: Collection[str] = ()) -> Json:
    """config.json of one container. A node has no CAP_SYS_RESOURCE: no rlimits, no negative oom score there.
    `netns`, `pidns`, `ipcns`: paths of namespaces that it joins. `shared`: namespaces that stay the node's. `devices`:
    paths. `users`: in a user namespace of its own. `denied`: system calls that a seccomp profile refuses. A mount
    takes the place of a default one."""
    paths = {"network": netns, "pid": pidns, "ipc": ipcns}
    nodes = [device(path) for path in devices]
    allowed = [{"allow": True, "access": "rwm", "type": "c", "major": d["major"], "minor": d["minor"]}
               for d in nodes]
    capabilities = [*CAPABILITIES, *capabilities]
    replaced = {m["destination"] for m in mounts}
    types = ("network", "pid", "ipc", "uts", "mount", *(("user",) if users else ()))
    defaults = [
        mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
        mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
        mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
    ]
    seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
               "syscalls": [{"names": list(denied), "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
    privileged = {
        "oomScoreAdj": -997,
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1048576, "soft": 1048576}],
    }
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": terminal,
            "user": {"uid": 0, "gid": 0},
            "args": list(args),
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", *env],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
            "noNewPrivileges": True,
            **(privileged if in_guest() else {"oomScoreAdj": 100}),
        },
        "root": {"path": str(rootfs), "readonly": False},
        "hostname": "test",
        "mounts": [*(m for m in defaults if m["destination"] not in replaced), *mounts],
        "annotations": dict(annotations or {}),
        "linux": {
            "cgroupsPath": cgroup,
            "namespaces": [{"type": t, **({"path": str(paths[t])} if paths.get(t) else {})}
                           for t in types if t not in shared],
            **({"uidMappings": IDENTITY, "gidMappings": IDENTITY} if users else {}),
            "devices": nodes,
            "resources": {"devices": [{"allow": False, "access": "rwm"}, *allowed], **(resources or {})},
            **({"seccomp": seccomp} if denied else {}),
            "maskedPaths": MASKED,
            "readonlyPaths": READONLY,
        },
    }
