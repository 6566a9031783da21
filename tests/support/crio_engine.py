# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The container operations of CRI-O, as far as the runtime, conmon and the disk can tell."""
import json
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

import crio_archive
from crio_hooks import add_hooks
from crio_runtime import DAEMON_ENV, CrioError, Runtime
from oci_spec import Json, cgroup_path, in_guest, make_spec

SOCKETS = pathlib.Path("/run/crio")
# runc 1.1 seals a copy of itself, which the kernel refuses while something else looks at these pages (F_ADD_SEALS in
# fcntl(2)), as its own memory management may. Seen once in thousands of containers.
NOT_SEALED = "could not ensure we are a cloned binary: Device or resource busy"


class Crio:
    """One CRI-O. Containers live in folders below `base`, so every call may come from a new process."""

    def __init__(self, release: str = "1.36", path: str = "/etc/lpm/bin/runc",
                 base: str | pathlib.Path = "/var/lib/containers/fake-crio", systemd_cgroup: bool | None = None,
                 root: str | None = None) -> None:
        """`root`: the handler's runtime_root, where it is not the default of the release."""
        self.runtime = Runtime(release, path, in_guest() if systemd_cgroup is None else systemd_cgroup)
        self.runtime.root = root or self.runtime.root
        self.base = pathlib.Path(base)
        # What CRI-O never passes; for tests of what would happen if it did.
        self.checkpoint_options: list[str] = []
        self.restore_options: list[str] = []
        self.hooks_dirs: list[str | pathlib.Path] = []  # its hooks_dir; none, so that a test sees what it asks for
        for folder in (SOCKETS, self.exits, self.base / "logs"):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def exits(self) -> pathlib.Path:
        return self.base / "exits"

    def folder(self, cid: str) -> pathlib.Path:
        """CRI-O's persistent folder of the container: images and metadata of a checkpoint."""
        return self.base / "storage/overlay-containers" / cid / "userdata"

    def bundle(self, cid: str) -> pathlib.Path:
        return self.base / "run/overlay-containers" / cid / "userdata"

    def log(self, cid: str) -> pathlib.Path:
        return self.base / "logs" / f"{cid}.log"

    def saved(self, cid: str) -> Json:
        saved: Json = json.loads((self.folder(cid) / "fake-crio.json").read_text())
        return saved

    def _save(self, cid: str, meta: Json) -> None:
        (self.folder(cid) / "fake-crio.json").write_text(json.dumps(meta))

    def _ask_state(self, cid: str) -> None:
        """ContainerStateToDisk: after most requests. That the runtime does not answer is no failure of these."""
        try:
            status = self.state(cid)["status"]
        except CrioError:
            status = "stopped"
        self._save(cid, {**self.saved(cid), "status": status})

    def _status(self, cid: str) -> str:
        """What a request goes by: what was told last, without another question."""
        return "stopped" if (self.exits / cid).exists() else str(self.saved(cid)["status"])

    def _conmon_args(self, cid: str, name: str) -> list[str]:
        bundle = self.bundle(cid)
        args = ["-b", str(bundle), "-c", cid, "--exit-dir", str(self.exits), "-l", str(self.log(cid)),
                "--log-level", "info", "-n", name, "-P", str(bundle / "conmon-pidfile"),
                "-p", str(bundle / "pidfile"), "--persist-dir", str(self.folder(cid)),
                "-r", self.runtime.path, "--runtime-arg", f"--root={self.runtime.root}",
                "--socket-dir-path", str(SOCKETS), "--syslog", "-u", cid]
        return args + (["-s"] if self.runtime.systemd_cgroup else [])

    def _lay_out(self, cid: str, spec: Json) -> None:
        """Both copies of config.json, as CRI-O keeps them."""
        created = spec["annotations"].setdefault("io.kubernetes.cri-o.Created", crio_archive.timestamp())
        for folder in (self.folder(cid), self.bundle(cid)):
            folder.mkdir(parents=True)
            (folder / "config.json").write_text(json.dumps(spec))
        self._save(cid, {"id": cid, "name": f"k8s_ctr_pod_default_{cid}_0", "created": created})

    def _launch(self, cid: str, what: str, *, restore: bool = False, extra: Iterable[str] = ()) -> int:
        args = [*self._conmon_args(cid, self.saved(cid)["name"]), *extra]
        try:
            message = self.runtime.conmon(args, self.bundle(cid), restore)
            if message.get("pid", -1) <= 0:
                raise CrioError(f"container {what} failed: {message.get('message', '')}")
        except CrioError:
            self.runtime.direct("delete", "--force", cid)
            shutil.rmtree(self.bundle(cid).parent)
            shutil.rmtree(self.folder(cid).parent)
            raise
        self._ask_state(cid)
        return int(message["pid"])

    def create(self, cid: str, rootfs: str | pathlib.Path, args: Collection[str], **options: Any) -> int:
        """CreateContainer; `options` go to make_spec. `change`: what it does to config.json beside."""
        notes = {
            "io.kubernetes.cri-o.ContainerID": cid,
            "io.kubernetes.cri-o.ContainerType": "container",
            "io.kubernetes.cri-o.Metadata": json.dumps({"name": "ctr"}),
            "io.kubernetes.cri-o.LogPath": str(self.log(cid)),
            "io.container.manager": "cri-o",
        }
        notes.update(options.pop("annotations", {}))
        change: Callable[[Json], object] = options.pop("change", lambda spec: None)
        spec = add_hooks(make_spec(args, rootfs, cgroup_path(cid), annotations=notes, **options), self.hooks_dirs)
        change(spec)
        extra = ["-t"] if spec["process"]["terminal"] else []
        self._lay_out(cid, spec)
        try:
            return self._launch(cid, "create", extra=extra)
        except CrioError as error:
            if NOT_SEALED not in str(error):
                raise
        self._lay_out(cid, spec)
        return self._launch(cid, "create", extra=extra)

    def start(self, cid: str) -> None:
        self.runtime.direct("start", cid)
        self._ask_state(cid)

    def state(self, cid: str) -> Json:
        state: Json = json.loads(self.runtime.direct("state", cid))
        return state

    def pause(self, cid: str) -> None:
        """As through CRI-O's own socket; the kubelet cannot ask for it."""
        self.runtime.direct("pause", cid)
        self._ask_state(cid)

    def resume(self, cid: str) -> None:
        self.runtime.direct("resume", cid)
        self._ask_state(cid)

    def update(self, cid: str, resources: Json) -> None:
        """UpdateContainerResources; `resources` as in config.json."""
        if self._status(cid) not in ("created", "running"):
            raise CrioError(f"container {cid} is not running or created state: {self._status(cid)}")
        self.runtime.update(cid, resources)

    def wait_exit(self, cid: str, seconds: float = 90) -> int | None:
        end = time.monotonic() + seconds
        while not (self.exits / cid).exists():
            if time.monotonic() > end:
                return None
            time.sleep(0.02)
        return int((self.exits / cid).read_text())

    def stop(self, cid: str, seconds: float = 10) -> int | None:
        """StopContainer: the stop signal, then KILL."""
        if self._status(cid) == "paused":
            self.runtime.direct("resume", cid)
        self._signal(cid, "15")
        code = self.wait_exit(cid, seconds)
        if code is None:
            self._signal(cid, "KILL")
            code = self.wait_exit(cid)
        self._ask_state(cid)
        return code

    def kill(self, cid: str) -> int | None:
        """StopContainer with no time to end in: KILL, and even then the stop signal before it."""
        return self.stop(cid, 0)

    def _signal(self, cid: str, number: str) -> None:
        """It may have ended before: no failure."""
        try:
            self.runtime.direct("kill", cid, number)
        except CrioError:
            if self.wait_exit(cid, 1) is None:
                raise

    def delete(self, cid: str) -> None:
        self.runtime.direct("delete", "--force", cid)
        shutil.rmtree(self.bundle(cid).parent, ignore_errors=True)
        shutil.rmtree(self.folder(cid).parent, ignore_errors=True)
        (self.exits / cid).unlink(missing_ok=True)

    def _process(self, cid: str, args: Iterable[str]) -> pathlib.Path:
        spec = json.loads((self.bundle(cid) / "config.json").read_text())
        process = dict(spec["process"], args=list(args), terminal=False)
        fd, path = tempfile.mkstemp(prefix="exec-process-")
        with os.fdopen(fd, "w") as file:
            json.dump(process, file)
        return pathlib.Path(path)

    def exec(self, cid: str, *args: str) -> str:
        """Streaming exec: the runtime itself, in the foreground, with the daemon's environment in all releases."""
        process = self._process(cid, args)
        try:
            return self.runtime.direct("exec", "--process", str(process), cid, env=DAEMON_ENV)
        finally:
            process.unlink()

    def execsync(self, cid: str, *args: str) -> tuple[int, str]:
        """ExecSync, as probes use it: through conmon. Returns exit code and conmon's log of the output."""
        process = self._process(cid, args)
        log = pathlib.Path(tempfile.mkstemp(prefix="crio-log-")[1])
        pid = pathlib.Path(tempfile.mkstemp(prefix="pidfile-")[1])
        try:
            message = self.runtime.conmon(
                ["-c", cid, "-n", self.saved(cid)["name"], "-r", self.runtime.path, "-p", str(pid), "-e",
                 "-l", str(log), "--socket-dir-path", str(SOCKETS), "--log-level", "info", "--sync",
                 "--exec-process-spec", str(process), "--runtime-arg", f"--root={self.runtime.root}"], "/")
            if message.get("exit_code", -1) < 0:
                raise CrioError(f"command error: {message.get('message', '')}")
            return message["exit_code"], log.read_text()
        finally:
            for path in (process, log, pid):
                path.unlink(missing_ok=True)

    def checkpoint(self, cid: str, target: pathlib.Path) -> None:
        """CheckpointContainer, in CRI-O's order; the container runs on, also after a failure."""
        folder = self.folder(cid)
        images = folder / "checkpoint"
        if self._status(cid) != "running":
            raise CrioError(f"container {cid} is not running")
        self.runtime.direct("pause", cid)
        try:
            spec = json.loads((self.bundle(cid) / "config.json").read_text())
            crio_archive.write_metadata(folder, self.saved(cid), spec)
            if not shutil.which("criu") or not self.runtime.supports_checkpoint():
                raise CrioError("configured runtime does not support checkpoint/restore")
            (folder / "dump.log").touch(0o600)
            self.runtime.direct("checkpoint", "--file-locks", "--image-path", str(images),
                                "--work-path", str(folder), "--leave-running", *self.checkpoint_options, cid)
            shutil.copy(self.log(cid), folder / "io.kubernetes.cri-o.LogPath")
            crio_archive.pack(folder, target)
            for name in ("dump.log", "stats-dump", "config.dump", "spec.dump", "io.kubernetes.cri-o.LogPath"):
                (folder / name).unlink(missing_ok=True)
            shutil.rmtree(images)
        except CrioError:
            if self.runtime.release == "1.36":  # 1.30 leaves the folder behind, and uses it again
                shutil.rmtree(images, ignore_errors=True)
            raise
        finally:
            self._ask_state(cid)
            if self._status(cid) == "paused":
                self.runtime.direct("resume", cid)
            self._ask_state(cid)  # to disk, now that it runs again

    def restore(self, cid: str, archive: pathlib.Path, rootfs: str | pathlib.Path) -> int:
        """CreateContainer from an archive (no call to the runtime), then StartContainer."""
        spec = crio_archive.read_json(archive, "spec.dump")
        spec["root"]["path"] = str(rootfs)
        spec["linux"]["cgroupsPath"] = cgroup_path(cid)
        spec["annotations"].update({"io.kubernetes.cri-o.ContainerID": cid,
                                    "io.kubernetes.cri-o.LogPath": str(self.log(cid))})
        self._lay_out(cid, spec)
        folder, bundle = self.folder(cid), self.bundle(cid)
        crio_archive.unpack(archive, folder)
        if (folder / "io.kubernetes.cri-o.LogPath").exists() and self.runtime.release == "1.36":
            shutil.copy(folder / "io.kubernetes.cri-o.LogPath", self.log(cid))
        if not shutil.which("criu") or not self.runtime.supports_checkpoint():
            raise CrioError("configured runtime does not support checkpoint/restore")
        if not (folder / "checkpoint/inventory.img").exists():
            raise CrioError(f"unable to read {folder}/checkpoint/inventory.img")
        (bundle / "restore.log").touch(0o600)
        pid = self._launch(cid, "restore", restore=True, extra=["--restore", str(folder / "checkpoint"),
                                                                *(w for o in self.restore_options
                                                                  for w in ("--runtime-opt", o))])
        shutil.rmtree(folder / "checkpoint")
        for path in (folder / "dump.log", folder / "stats-dump", bundle / "restore.log",
                     bundle / "stats-restore", folder / "io.kubernetes.cri-o.LogPath"):
            path.unlink(missing_ok=True)
        return pid
