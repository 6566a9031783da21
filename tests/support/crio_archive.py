# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""CRI-O's checkpoint archive: what goes in, and what comes out of it at a restore."""
import io
import json
import pathlib
import tarfile
import time
from collections.abc import Callable, Mapping
from typing import Any

# Everything else in the container's folder stays out of the archive.
INCLUDED = ("artifacts", "checkpoint", "config.dump", "spec.dump", "bind.mounts", "dump.log", "stats-dump",
            "rootfs-diff.tar", "deleted.files", "io.kubernetes.cri-o.LogPath")
NOT_UNPACKED = ("config.dump", "spec.dump")

Changes = Mapping[str, Callable[[bytes], bytes]]  # of members, by their names


def timestamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def write_metadata(folder: pathlib.Path, container: dict[str, Any], spec: dict[str, Any]) -> None:
    """config.dump, spec.dump and, when the container has any, bind.mounts."""
    config = {
        "id": container["id"],
        "name": container["name"],
        "rootfsImage": "localhost/test:latest",
        "rootfsImageRef": "0" * 64,
        "rootfsImageName": "localhost/test:latest",
        "runtime": "runc",
        "createdTime": container["created"],
        "checkpointedTime": timestamp(),
        "restoredTime": "0001-01-01T00:00:00Z",
        "restored": False,
    }
    (folder / "config.dump").write_text(json.dumps(config))
    (folder / "spec.dump").write_text(json.dumps(spec))
    binds = [{"source": m["source"], "destination": m["destination"],
              "file_type": "directory" if pathlib.Path(m["source"]).is_dir() else "file",
              "permissions": pathlib.Path(m["source"]).stat().st_mode & 0o7777}
             for m in spec["mounts"] if m["type"] == "bind"]
    if binds:
        (folder / "bind.mounts").write_text(json.dumps(binds))


def pack(folder: pathlib.Path, target: pathlib.Path) -> None:
    with tarfile.open(target, "w") as tar:
        for name in INCLUDED:
            if (folder / name).exists():
                tar.add(folder / name, arcname=name)


def unpack(archive: pathlib.Path, folder: pathlib.Path) -> None:
    with tarfile.open(archive) as tar:
        wanted = [m for m in tar.getmembers() if m.name not in NOT_UNPACKED]
        tar.extractall(folder, members=wanted, filter="fully_trusted")


def read(archive: pathlib.Path, name: str) -> bytes:
    with tarfile.open(archive) as tar:
        file = tar.extractfile(name)
        if file is None:
            raise KeyError(f"{archive}: {name} is no file")
        return file.read()


def remade(archive: pathlib.Path, word: str, changes: Changes) -> pathlib.Path:
    """Another archive beside it, root's alone, in which these members have another content; one that is not there is
    empty before. It is to be removed."""
    to = archive.with_name(f"made-{word}-{archive.name.removeprefix('checkpoint-')}")
    left = dict(changes)
    with tarfile.open(archive) as old, tarfile.open(to, "w") as new:
        for info in old:
            file = old.extractfile(info) if info.isreg() else None
            content = file.read() if file else b""
            if info.name in left:
                content = left.pop(info.name)(content)
                info.size = len(content)
            new.addfile(info, io.BytesIO(content))
        for name, change in left.items():
            info = tarfile.TarInfo(name)
            content = change(b"")
            info.size = len(content)
            new.addfile(info, io.BytesIO(content))
    to.chmod(0o600)
    return to


def of_another_processor(manifest: bytes) -> bytes:
    """lpm.json, as of one with instructions that none has."""
    fields = json.loads(manifest)
    return json.dumps({**fields, "cpu": fields["cpu"] + " avx1024 amx_fp4"}).encode()


def read_json(archive: pathlib.Path, name: str) -> Any:
    return json.loads(read(archive, name))
