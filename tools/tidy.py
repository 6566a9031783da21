# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""clang-tidy over sources of a build tree, some four seconds of CPU time each. One in which it found nothing is not read
again, in any checkout, while nothing has changed that it sees (tools/node lends the folder for it)."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
from collections.abc import Iterator

REPO = pathlib.Path(__file__).resolve().parent.parent
CLEAN = pathlib.Path("/var/cache/lpm-tidy")  # an empty file for each source that was, named by its key
PACKAGES = pathlib.Path("/var/lib/dpkg/status")  # says which clang-tidy, and which headers of others
# g++ finds the compiled form of the precompiled header beside its objects; clang-tidy needs the header itself.
HEADERS = REPO / "kube/pch"


class Source:
    """One of the entries of compile_commands.json."""

    def __init__(self, entry: dict[str, str]) -> None:
        self.folder = pathlib.Path(entry["directory"])
        self.path = pathlib.Path(os.path.normpath(self.folder / entry["file"]))
        self.entry = entry

    def sees(self) -> set[pathlib.Path]:
        """Itself and all of ours that it includes."""
        words = shlex.split(self.entry["command"])
        folders = [self.folder / word[2:] for word in words if word.startswith("-I")] + [HEADERS]
        named = [word for before, word in zip(words, words[1:]) if before == "-include"]
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

    def key(self) -> str:
        """Of all that clang-tidy sees."""
        found = hashlib.sha256(self.entry["command"].encode())
        for path in (PACKAGES, REPO / ".clang-tidy", REPO / "tools/tidy.py", *sorted(self.sees())):
            found.update(f"\n{path}\n".encode() + path.read_bytes())
        return found.hexdigest()

    def findings(self, commands: pathlib.Path) -> list[str]:
        done = subprocess.run(["clang-tidy-19", "--quiet", "-p", commands, f"--extra-arg=-I{HEADERS}", self.path],
                              capture_output=True, text=True, check=False)
        found = [line.split(":", 1) for line in done.stdout.splitlines() if re.search(r"(warning|error):", line)]
        if done.returncode != 0 and not found:
            return [f"{self.path.relative_to(REPO)}: {done.stderr.strip()[-300:]}"]
        # Some paths are relative to the build tree, where the compiler runs.
        return [os.path.relpath(os.path.normpath(self.folder / file), REPO) + ":" + rest for file, rest in found]

    def findings_unless_clean(self, commands: pathlib.Path) -> list[str]:
        clean = CLEAN / self.key()
        if clean.exists():
            return []
        found = self.findings(commands)
        if not found and CLEAN.is_dir():
            clean.touch()
        return found


def findings(build: pathlib.Path, names: re.Pattern[str]) -> Iterator[str]:
    """Of the sources of that build tree whose path in the checkout matches."""
    commands = build / "compile_commands.json"
    if not commands.exists():
        yield f"{commands}: build first (./dev build)"
        return
    sources: dict[pathlib.Path, Source] = {}
    for source in map(Source, json.loads(commands.read_text())):
        if names.match(os.path.relpath(source.path, REPO)) and source.path.is_file():
            sources.setdefault(source.path, source)
    if not sources:
        yield f"{commands}: names no source of this checkout"
    once = build / "tidy"  # a source that several programs have stands in the tree's own file several times
    once.mkdir(exist_ok=True)
    (once / "compile_commands.json").write_text(json.dumps([source.entry for source in sources.values()]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda source: source.findings_unless_clean(once), sources.values()):
            yield from found
