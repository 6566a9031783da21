# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What Debian's packages of this root say: whose a file is, and under which licence."""
import functools
import pathlib
import re
import subprocess
from dataclasses import dataclass

TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
DOC = pathlib.Path("/usr/share/doc")
COMMON = pathlib.Path("/usr/share/common-licenses")
# Debian's short names that SPDX spells in another way; what is in neither is named by a reference of the document.
SPDX = {"Apache-2": "Apache-2.0", "Apache-2.0": "Apache-2.0", "BSD-2-clause": "BSD-2-Clause", "BSD-3-clause": "BSD-3-Clause",
        "Expat": "MIT", "MIT": "MIT", "curl": "curl", "ISC": "ISC", "zlib": "Zlib", "Zlib": "Zlib", "BSL-1.0": "BSL-1.0",
        "OpenSSL": "OpenSSL", "PSF-2": "PSF-2.0", "Unicode": "Unicode-3.0", "OLDAP-2.8": "OLDAP-2.8"}


def output(*command: str | pathlib.Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    source: str
    source_version: str
    architecture: str

    def copyright_text(self) -> str:
        return (DOC / self.name / "copyright").read_text(encoding="utf-8", errors="replace")


@functools.cache
def packages() -> dict[str, Package]:
    form = "${binary:Package}\t${Package}\t${Version}\t${source:Package}\t${source:Version}\t${Architecture}\n"
    rows = (line.split("\t") for line in output("dpkg-query", "-W", "-f", form).splitlines())
    return {row[0]: Package(*row[1:]) for row in rows}


@functools.cache
def owners() -> dict[str, str]:
    return {line: file.stem for file in pathlib.Path("/var/lib/dpkg/info").glob("*.list")
            for line in file.read_text().splitlines()}


def owner(path: pathlib.Path) -> Package:
    """Of the package that has brought this file, or the one that it leads to."""
    name = owners().get(str(path)) or owners().get(str(path.resolve()))
    if name is None:
        raise SystemExit(f"image: no package of Debian has {path}")
    return packages().get(name) or packages()[name.partition(":")[0]]


def needed(program: pathlib.Path, triplet: str) -> dict[str, pathlib.Path]:
    """The libraries that the loader of `program` will look for, with theirs, and the loader itself, by name."""
    found: dict[str, pathlib.Path] = {}
    left = [program]
    while left:
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-dW", left.pop())):
            if name not in found:
                found[name] = pathlib.Path("/usr/lib", triplet, name)
                left.append(found[name])
    return dict(sorted(found.items()))


def interpreter(program: pathlib.Path) -> str:
    found = re.search(r"Requesting program interpreter: ([^]]+)\]", output("readelf", "-lW", program))
    if found is None:
        raise SystemExit(f"image: {program} has no loader")
    return found[1]


def common_licences(text: str) -> list[str]:
    """The licences that a copyright file does not repeat, as every Debian has them."""
    names = {name.rstrip(".") for name in re.findall(re.escape(str(COMMON)) + r"/([\w.+-]+)", text)}
    return sorted(name for name in names if (COMMON / name).is_file())


def spdx_of(short: str) -> str | None:
    if short in SPDX:
        return SPDX[short]
    gnu = re.fullmatch(r"(A?GPL|LGPL)-(\d)(?:\.(\d))?(\+?)", short)
    if gnu:
        return f"{gnu[1]}-{gnu[2]}.{gnu[3] or 0}-{'or-later' if gnu[4] else 'only'}"
    return None


def licences(text: str) -> dict[str, str]:
    """Short names of a copyright file that a machine can read, each with its text; none where it is not one. What only the
    packaging is under is not in a library."""
    if not text.startswith("Format:"):
        return {}
    names: set[str] = set()
    texts: dict[str, str] = {}
    for stanza in re.split(r"\n[ \t]*\n(?=\S)", text):
        files = re.search(r"^Files:\s*(.*)", stanza, re.M)
        licence = re.search(r"^License:[ \t]*(.*)((?:\n[ \t].*)*)", stanza, re.M)
        if not licence or not licence[1].strip():
            continue
        name = licence[1].strip()
        if licence[2].strip():
            texts.setdefault(name, licence[2].strip("\n"))
        if files and not files[1].startswith("debian/"):
            names.add(name)
    return {name: texts.get(name, "") for name in sorted(names)}
