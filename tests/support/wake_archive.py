# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Archives as CRI-O makes them of a checkpoint, and others that it would never make."""
import io
import json
import os
import pathlib
import stat
import tarfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Build = Callable[[tarfile.TarFile], None]
# What is the same of two trees: kind, mode, owner, content or target, time of a file, attributes.
Seen = dict[str, tuple[Any, ...]]

MANIFEST = b'{"version": 1}'
IMAGES = {"inventory.img": b"i" * 20, "core-1.img": b"c" * 5000, "pages-1.img": bytes(range(256)) * 4096, "lpm.json": MANIFEST}


def add(tar: tarfile.TarFile, name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: Any) -> None:
    """A member; fields of tarfile.TarInfo. Its type and name are as given, whatever they are."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    info.mode = fields.pop("mode", 0o755 if kind == tarfile.DIRTYPE else 0o644)
    info.mtime = fields.pop("mtime", 1_700_000_000)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(content))


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: Any) -> Build:
    return lambda tar: add(tar, name, content, kind, **fields)


def members(*builds: Build) -> Build:
    def build(tar: tarfile.TarFile) -> None:
        for each in builds:
            each(tar)
    return build


def tar_of(build: Build, form: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as tar:
        build(tar)
    return made.getvalue()


def nothing(tar: tarfile.TarFile) -> None:
    """No member."""


def archive(diff: bytes | None = None, deleted: Iterable[str] | None = None, images: Mapping[str, bytes] | None = None,
            more: Build = nothing) -> bytes:
    """With what a restore needs; `more` adds members at its end."""
    def build(tar: tarfile.TarFile) -> None:
        add(tar, "bind.mounts", b"[]")
        add(tar, "checkpoint/", kind=tarfile.DIRTYPE)
        for name, content in (IMAGES if images is None else images).items():
            add(tar, f"checkpoint/{name}", content)
        add(tar, "config.dump", b"{}")
        if deleted is not None:
            add(tar, "deleted.files", json.dumps(list(deleted)).encode())
        add(tar, "dump.log", b"log")
        if diff is not None:
            add(tar, "rootfs-diff.tar", diff)
        add(tar, "spec.dump", b'{"spec": 1}')
        more(tar)
    return tar_of(build)


def attributes(path: pathlib.Path) -> dict[str, bytes]:
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)
            if name.startswith("user.") or name == "security.capability"}


def look(root: pathlib.Path) -> Seen:
    """All below `root`."""
    seen: Seen = {}
    for path in sorted(root.rglob("*")):
        st = path.lstat()
        what: Any = None
        if path.is_symlink():
            what = os.readlink(path)
        elif stat.S_ISREG(st.st_mode):
            what = path.read_bytes()
        seen[str(path.relative_to(root))] = (stat.filemode(st.st_mode), st.st_uid, st.st_gid, what, int(st.st_mtime),
                                             attributes(path))
    return seen
