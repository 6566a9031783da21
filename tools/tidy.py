# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""clang-tidy over sources of a build tree, several at a time: most of its time goes into the headers that they share.
Those in which it found nothing are not read again, in any checkout, while nothing has changed that it sees (tools/node
lends the folder for it)."""
import concurrent.futures
import hashlib
import itertools
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator

REPO = pathlib.Path(__file__).resolve().parent.parent
CONFIG = REPO / ".clang-tidy"
CLEAN = pathlib.Path("/var/cache/lpm-tidy")  # an empty file for each group that was, named by its key
PACKAGES = pathlib.Path("/var/lib/dpkg/status")  # says which clang-tidy, and which headers of others
# g++ finds the compiled form of the precompiled header beside its objects; clang-tidy needs the header itself.
HEADERS = REPO / "kube/pch"
AT_ONCE = 8


class Source:
    """One of the entries of compile_commands.json."""

    def __init__(self, entry: dict[str, str]) -> None:
        self.folder = pathlib.Path(entry["directory"])
        self.path = pathlib.Path(os.path.normpath(self.folder / entry["file"]))
        self.words = list(itertools.dropwhile(lambda word: not word.startswith("-"), shlex.split(entry["command"])))
        two = {"-o", "-c", "-MF", "-MQ", "-isystem", "-include"}
        pairs = zip(self.words, [*self.words[1:], ""], ["", *self.words])
        self.options = [(word, after) if word in two else (word,) for word, after, before in pairs if before not in two]

    def adds(self) -> list[tuple[str, ...]]:
        """Options that another source of the folder can bear as well."""
        return [one for one in self.options if one[0].startswith(("-I", "-D", "-isystem", "-include", "-fPI"))]

    def needs(self) -> list[tuple[str, ...]]:
        """Options that tell how it is read."""
        return [one for one in self.options if one not in self.adds() and one[0] not in ("-o", "-c", "-MF", "-MQ")]

    def sees(self) -> set[pathlib.Path]:
        """Itself and all of ours that it includes."""
        folders = [self.folder / word[2:] for word in self.words if word.startswith("-I")] + [HEADERS]
        named = [word for before, word in zip(self.words, self.words[1:]) if before == "-include"]
        seen: set[pathlib.Path] = set()
        to_see = [self.path, *(folder / name for folder in folders for name in named)]
        while to_see:
            path = pathlib.Path(os.path.normpath(to_see.pop()))
            if path in seen or not path.is_file():
                continue
            seen.add(path)
            included = re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.MULTILINE)
            to_see += [folder / name for folder in (path.parent, *folders) for name in included]
        return seen


class Group:
    """Sources that are read as if they were one."""

    def __init__(self, sources: list[Source]) -> None:
        self.sources = sources
        adds = dict.fromkeys(one for source in sources for one in source.adds())
        self.flags = [word for one in [*adds, *sources[0].needs()] for word in one]

    def key(self) -> str:
        """Of all that clang-tidy sees."""
        found = hashlib.sha256("\0".join(self.flags).encode())
        seen = set[pathlib.Path]().union(*(source.sees() for source in self.sources))
        for path in (PACKAGES, CONFIG, REPO / "tools/tidy.py", *sorted(seen)):
            found.update(f"\n{path}\n".encode() + path.read_bytes())
        return found.hexdigest()

    def findings(self, work: pathlib.Path) -> list[str]:
        folder = self.sources[0].folder
        whole = work / "whole.cpp"
        whole.write_text("".join(f'#include "{source.path}" // NOLINT(bugprone-suspicious-include)\n' for source in self.sources))
        (work / "compile_commands.json").write_text(json.dumps([
            {"directory": str(folder), "file": str(whole), "arguments": ["c++", *self.flags, "-c", str(whole)]}]))
        more = [f"-I{HEADERS}", "-Wno-shadow"]  # a name of one source may be a local one of another; g++ reads each alone
        done = subprocess.run(["clang-tidy-19", "--quiet", f"--config-file={CONFIG}", "-p", work,
                               *(f"--extra-arg={word}" for word in more), whole],
                              capture_output=True, text=True, check=False)
        if len(self.sources) > 1 and "[clang-diagnostic-error" in done.stdout:  # they have a name in common
            half = len(self.sources) // 2
            return [*Group(self.sources[:half]).findings_unless_clean(), *Group(self.sources[half:]).findings_unless_clean()]
        found = [line.split(":", 1) for line in done.stdout.splitlines() if re.search(r"(warning|error):", line)]
        if done.returncode != 0 and not found:
            return [f"{self.sources[0].path.relative_to(REPO)}: {done.stderr.strip()[-300:]}"]
        # Some paths are relative to the build tree, where the compiler runs.
        return [os.path.relpath(os.path.normpath(folder / file), REPO) + ":" + rest for file, rest in found]

    def findings_unless_clean(self) -> list[str]:
        clean = CLEAN / self.key()
        if clean.exists():
            return []
        with tempfile.TemporaryDirectory() as work:
            found = self.findings(pathlib.Path(work))
        if not found and CLEAN.is_dir():
            clean.touch()
        return found


def grouped(sources: list[Source]) -> Iterator[Group]:
    """Those of one program or library, as far as the folders tell; in each group one main at most."""
    alike: dict[tuple[object, ...], list[Source]] = {}
    for source in sorted(sources, key=lambda source: source.path):
        alike.setdefault((source.path.relative_to(REPO).parts[0], *source.needs()), []).append(source)
    for all_of_them in alike.values():
        mains = [source for source in all_of_them if source.path.name.endswith("main.cpp")]
        others = [source for source in all_of_them if source not in mains]
        while mains or others:
            yield Group(mains[:1] + others[:AT_ONCE - 1])
            del mains[:1], others[:AT_ONCE - 1]


def findings(build: pathlib.Path, names: re.Pattern[str]) -> Iterator[str]:
    """Of the sources of that build tree whose path in the checkout matches."""
    commands = build / "compile_commands.json"
    if not commands.exists():
        yield f"{commands}: build first (./dev build)"
        return
    sources: dict[pathlib.Path, Source] = {}  # one that several programs have stands in that file several times
    for source in map(Source, json.loads(commands.read_text())):
        if names.match(os.path.relpath(source.path, REPO)) and source.path.is_file():
            sources.setdefault(source.path, source)
    if not sources:
        yield f"{commands}: names no source of this checkout"
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(Group.findings_unless_clean, grouped(list(sources.values()))):
            yield from found
