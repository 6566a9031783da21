# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Faults put into a program at its system calls, by strace: which calls there are, and a run with one of them spoilt."""
import pathlib
import re
import shlex
from collections.abc import Sequence
from typing import TypeVar

Point = tuple[str, int]  # a call, and its how many-th it is
T = TypeVar("T")

# What changes something outside of the process. openat is one only when it makes a file.
CHANGING = ("openat", "write", "pwrite64", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "linkat", "unlink",
            "unlinkat", "symlinkat", "fsync", "fdatasync", "fchmod", "ftruncate", "fallocate", "memfd_create", "mount",
            "umount2", "clone", "clone3", "vfork", "execve", "kill", "tgkill", "ptrace", "process_vm_readv", "sendmsg",
            "sendto", "vmsplice", "splice", "setns", "setsockopt", "sendfile", "copy_file_range", "writev", "pwritev",
            "pidfd_send_signal", "process_vm_writev", "unshare", "fchmodat", "fchownat", "mknodat", "wait4")
_CALL = re.compile(r"^(?:(\d+) +)?(\w+)\((.*)")


def strace(report: str | pathlib.Path, *inject: str, follow: bool = False, aside: bool = False) -> list[str]:
    """The words before a command. With `follow` its threads and children, up to where they become another program. With
    `aside` the command is its caller's child, not strace's."""
    words = ["strace", "-qq", "-o", str(report), "-e", "trace=" + ",".join(f"?{call}" for call in CHANGING), "-e", "signal=none"]
    injected = [word for spec in inject for word in ("-e", f"inject={spec}")]
    return words + (["-D"] if aside else []) + (["-f", "-b", "execve"] if follow else []) + injected


def points(report: str | pathlib.Path) -> list[Point]:
    """(call, its how many-th in one thread) for each call of the report that changes something, in order."""
    counts: dict[tuple[str, str], int] = {}
    found: list[Point] = []
    for line in pathlib.Path(report).read_text(errors="replace").splitlines():
        match = _CALL.match(line)
        if not match:
            continue
        thread, call, rest = match.groups()
        number = counts[thread, call] = counts.get((thread, call), 0) + 1
        if call == "openat" and not any(flag in rest for flag in ("O_CREAT", "O_TMPFILE")):
            continue
        if (call, number) not in found:
            found.append((call, number))
    return found


def thinned(everything: Sequence[T], most: int) -> Sequence[T]:
    """At most so many of them, evenly spread, with the last."""
    if len(everything) <= most:
        return everything
    return [everything[i * (len(everything) - 1) // (most - 1)] for i in range(most)]


def wrapper(path: pathlib.Path, program: str, words: list[str], verb: str = "") -> pathlib.Path:
    """A program that runs another one under strace; with a verb, only calls that have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""#!/bin/sh
case " $* " in
*" {verb} "*) exec {shlex.join(words)} -- {program} "$@" ;;
esac
exec {program} "$@"
""" if verb else f"#!/bin/sh\nexec {shlex.join(words)} -- {program} \"$@\"\n")
    path.chmod(0o755)
    return path
