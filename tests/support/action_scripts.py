# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Calls whose CRIU does something in the middle of its work."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess

from e2e import RUNTIME, wait_for
from oci_spec import make_rootfs
from refusals import RefusalTest

# CRIU runs it at several points of its work. `act` is what it does at the one that is wanted.
SCRIPT = """#!/bin/sh
[ "$CRTOOLS_SCRIPT_ACTION" = {hook} ] || exit 0
p=$$
while [ "$p" -gt 1 ]; do
    case $(cat /proc/$p/comm) in criu*) criu=$p ;; esac
    p=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$p/status)
done
echo $criu >{work}/criu
{act}
"""
KILL = "kill -KILL $criu; exit 1"
DURING_RESTORE = "post-setup-namespaces"  # of a restore


class ActionScriptTest(RefusalTest):
    def with_script(self, hook: str, act: str, *lines: str) -> dict[str, str]:
        """The environment of a call whose CRIU does this at that point."""
        script = self.work / "script"
        script.write_text(SCRIPT.format(hook=hook, act=act, work=self.work))
        script.chmod(0o755)
        config = self.work / "criu.conf"
        config.write_text("\n".join((f"action-script {script}", *lines)) + "\n")
        return {"CRIU_CONFIG_FILE": str(config)}

    def notes(self, operation: str = "checkpoint") -> str:
        return " | ".join(self.last_record(operation, "failed").get("notes", []))


class InterruptedRestoreTest(ActionScriptTest):
    """A checkpoint in self.images and its bundle, for restores that are interrupted."""

    def setUp(self) -> None:
        super().setUp()
        self.rootfs = make_rootfs(self.work / "rootfs")  # its own: it may be lost
        self.bundle = self.checkpointed()

    def slow_restore(self, act: str, runtime: str = RUNTIME) -> "subprocess.Popen[bytes]":
        """One that is under way, and has come to its middle, where it does this."""
        made = self.work / "made"
        made.unlink(missing_ok=True)
        process = self.begin_restore(self.bundle, runtime=runtime, env=self.with_script(DURING_RESTORE, f"touch {made}; {act}"))
        wait_for("the restore", made.exists)
        return process

    def cgroup(self) -> str:
        return str(json.loads((self.bundle / "config.json").read_text())["linux"]["cgroupsPath"])

    def rest(self) -> list[int]:
        """Processes in the container's cgroup that have not ended, whether or not anybody has asked how."""
        name = self.cgroup()
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cgroup"):
            with contextlib.suppress(OSError):
                if name in path.read_text() and (path.parent / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found.append(int(path.parent.name))
        return found

    def kill_rest(self) -> None:
        for pid in self.rest():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for("their end", lambda: not self.rest())
