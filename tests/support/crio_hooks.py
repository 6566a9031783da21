# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Hooks of hooks.d (schema 1.0.0), as CRI-O and podman put them into a container's config.json."""
import json
import pathlib
import re
from collections.abc import Iterable
from typing import Any


def matches(when: dict[str, Any], annotations: dict[str, str]) -> bool:
    """The conditions that packages of ours use: `always`, and patterns for an annotation's name and value."""
    if "always" in when:
        return bool(when["always"])
    return any(re.search(name, key) and re.search(pattern, value)
               for name, pattern in when.get("annotations", {}).items() for key, value in annotations.items())


def add_hooks(spec: dict[str, Any], folders: Iterable[str | pathlib.Path]) -> dict[str, Any]:
    """A later folder's file replaces one of the same name; files go in the order of their names."""
    files = {path.name: path for folder in folders for path in pathlib.Path(folder).glob("*.json")}
    for name in sorted(files):
        entry = json.loads(files[name].read_text())
        if entry["version"] != "1.0.0":
            raise ValueError(f"{name}: version {entry['version']}")
        if matches(entry["when"], spec["annotations"]):
            for stage in entry["stages"]:
                spec.setdefault("hooks", {}).setdefault(stage, []).append(entry["hook"])
    return spec
