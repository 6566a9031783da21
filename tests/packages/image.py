#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What an image says of itself is so: image.py ARCHIVE PLATFORM... reads the oci-archive as whoever pulls it would, and holds
its list of contents (SPDX) against the files that are in it. Run by packages_test."""
import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile
from typing import Any

Json = dict[str, Any]
SBOM = "usr/share/doc/lpm-controller/sbom.spdx.json"


def blob(tar: tarfile.TarFile, descriptor: Json) -> bytes:
    kind, _, digest = descriptor["digest"].partition(":")
    file = tar.extractfile(f"blobs/{kind}/{digest}")
    assert file is not None
    data = file.read()
    assert hashlib.new(kind, data).hexdigest() == digest and len(data) == descriptor["size"], descriptor
    return data


def files_of(tar: tarfile.TarFile, manifest: Json, config: Json) -> dict[str, bytes]:
    [layer] = manifest["layers"]
    plain = gzip.decompress(blob(tar, layer))
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(plain).hexdigest()]
    files = {}
    with tarfile.open(fileobj=io.BytesIO(plain)) as content:
        for member in content:
            assert (member.uid, member.gid, member.mode & 0o7022) == (0, 0, 0 if not member.issym() else 0o022), member.name
            if member.isfile() and (file := content.extractfile(member)):
                files[member.name] = file.read()
    return files


def holds(files: dict[str, bytes], bill: Json) -> None:
    """Each file is listed, with its sum, as contained in one package; and each package has a version and its licence's text."""
    listed = {entry["fileName"].removeprefix("./"): entry for entry in bill["files"]}
    assert set(listed) == set(files) - {SBOM}, set(listed) ^ set(files)
    packages = {entry["SPDXID"]: entry for entry in bill["packages"]}
    holders: dict[str, list[str]] = {}
    for link in bill["relationships"]:
        if link["relationshipType"] == "CONTAINS" and link["spdxElementId"] in packages:
            holders.setdefault(link["relatedSpdxElement"], []).append(link["spdxElementId"])
    for path, entry in listed.items():
        sums = {one["algorithm"]: one["checksumValue"] for one in entry["checksums"]}
        assert sums["SHA256"] == hashlib.sha256(files[path]).hexdigest(), path
        assert len(holders[entry["SPDXID"]]) == 1, path
    named = {entry["licenseId"] for entry in bill["hasExtractedLicensingInfos"]}
    for entry in packages.values():
        assert entry["versionInfo"] and entry["licenseDeclared"], entry
        used = {word for word in entry["licenseDeclared"].split() if word.startswith("LicenseRef-")}
        assert used <= named, used - named
        assert files[f"usr/share/doc/{entry['name']}/copyright"], entry["name"]
    known = {entry["name"]: entry["licenseDeclared"] for entry in packages.values()}
    assert known["libssl3t64"] != "NOASSERTION"


def main() -> None:
    with tarfile.open(sys.argv[1]) as tar:
        outer = json.loads((tar.extractfile("index.json") or io.BytesIO()).read())
        index = json.loads(blob(tar, outer["manifests"][0]))
        found = []
        for descriptor in index["manifests"]:
            manifest = json.loads(blob(tar, descriptor))
            config = json.loads(blob(tar, manifest["config"]))
            assert config["architecture"] == descriptor["platform"]["architecture"]
            assert config["config"]["User"] == "65532:65532"
            assert manifest["annotations"]["org.opencontainers.image.licenses"] == "Apache-2.0"
            files = files_of(tar, manifest, config)
            bill = json.loads(files[SBOM])
            holds(files, bill)
            beside = pathlib.Path(sys.argv[1].removesuffix(".oci.tar") + f"_{config['architecture']}.spdx.json")
            assert beside.read_bytes() == files[SBOM]
            found.append(config["architecture"])
            print(f"{config['architecture']}: {len(files)} files of {len(bill['packages'])} packages")
    assert found == sys.argv[2:], found


if __name__ == "__main__":
    main()
