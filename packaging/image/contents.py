# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What is in the image: the program, the libraries that it loads, their licences, and the user that it runs as."""
import hashlib
import io
import pathlib
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass

import debian

REPO = pathlib.Path(__file__).resolve().parents[2]
NAME = "lpm-controller"
PROGRAM = f"usr/bin/{NAME}"
USER = 65532
SBOM = f"usr/share/doc/{NAME}/sbom.spdx.json"


@dataclass(frozen=True)
class File:
    data: bytes
    owner: debian.Package | None = None  # none: ours
    mode: int = 0o644
    link: str = ""

    def digest(self, kind: str) -> str:
        return hashlib.new(kind, self.data).hexdigest()


def stripped(program: pathlib.Path, triplet: str) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([f"{triplet}-strip", "-o", file.name, program], check=True)
        return pathlib.Path(file.name).read_bytes()


def collect(program: pathlib.Path, architecture: str) -> dict[str, File]:
    triplet = debian.TRIPLETS[architecture]
    files = {
        PROGRAM: File(stripped(program, triplet), mode=0o755),
        "etc/passwd": File(f"{NAME}:x:{USER}:{USER}::/:/sbin/nologin\n".encode()),
        "etc/group": File(f"{NAME}:x:{USER}:\n".encode()),
        f"usr/share/doc/{NAME}/copyright": File((REPO / "packaging/deb/copyright").read_bytes()),
    }
    for name, path in debian.needed(program, triplet).items():
        files[f"usr/lib/{triplet}/{name}"] = File(path.read_bytes(), debian.owner(path), 0o755)
    loader = debian.interpreter(program).lstrip("/")
    up = "../" * loader.count("/")
    files[loader] = File(b"", link=f"{up}usr/lib/{triplet}/{pathlib.Path(loader).name}")
    owners = {file.owner for file in files.values() if file.owner}
    owners.add(debian.owner(debian.COMMON / "Apache-2.0"))  # whose the licences are that others only name
    for package in owners:
        files[f"usr/share/doc/{package.name}/copyright"] = File(package.copyright_text().encode(), package)
    for file in [file for path, file in files.items() if path.endswith("/copyright")]:
        for name in debian.common_licences(file.data.decode()):
            path = debian.COMMON / name
            files[str(path).lstrip("/")] = File(path.read_bytes(), debian.owner(path))
    return dict(sorted(files.items()))


def member(name: str, epoch: int, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mtime, info.mode, info.type = epoch, mode, kind
    return info


def layer(files: dict[str, File], epoch: int) -> bytes:
    """A tar that is the same whoever makes it, and when."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        folders = {str(parent) for path in files for parent in pathlib.PurePath(path).parents if str(parent) != "."}
        for path in sorted(folders | set(files)):
            if path in folders:
                tar.addfile(member(path, epoch, 0o755, tarfile.DIRTYPE))
                continue
            file = files[path]
            info = member(path, epoch, 0o777 if file.link else file.mode, tarfile.SYMTYPE if file.link else tarfile.REGTYPE)
            info.linkname, info.size = file.link, len(file.data)
            tar.addfile(info, io.BytesIO(file.data))
    return out.getvalue()
