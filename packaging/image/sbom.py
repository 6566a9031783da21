# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What the image is made of, as SPDX 2.3: each file, whose package it is, and under which licence that is."""
import hashlib
import re
import time
from typing import Any

import debian
from contents import NAME, File

Json = dict[str, Any]
UNKNOWN = "NOASSERTION"


def identifier(kind: str, name: str) -> str:
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def instant(epoch: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


class Licences:
    """Those that SPDX has no name for get one in this document, with their text."""

    def __init__(self) -> None:
        self.own: dict[str, Json] = {}

    def declared(self, package: debian.Package) -> str:
        words = []
        for name, text in debian.licences(package.copyright_text()).items():
            known = debian.spdx_of(name)
            words.append(known or self.reference(package, name, text))
        return " AND ".join(dict.fromkeys(words)) or UNKNOWN

    def reference(self, package: debian.Package, name: str, text: str) -> str:
        # Two packages may mean different texts by one name.
        key = "LicenseRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", f"{package.source}-{name}").strip("-")
        self.own[key] = {"licenseId": key, "name": name,
                         "extractedText": text or f"see /usr/share/doc/{package.name}/copyright"}
        return key


def verification_code(files: list[File]) -> Json:
    sums = "".join(sorted(file.digest("sha1") for file in files))
    return {"packageVerificationCodeValue": hashlib.sha1(sums.encode()).hexdigest()}


def package_entry(name: str, version: str, licence: str, files: list[File], **more: object) -> Json:
    return {"SPDXID": identifier("Package", name), "name": name, "versionInfo": version, "downloadLocation": UNKNOWN,
            "filesAnalyzed": True, "packageVerificationCode": verification_code(files), "licenseConcluded": UNKNOWN,
            "licenseDeclared": licence, "copyrightText": UNKNOWN, **more}


def file_entry(path: str, file: File) -> Json:
    return {"SPDXID": identifier("File", path), "fileName": f"./{path}",
            "checksums": [{"algorithm": kind.upper(), "checksumValue": file.digest(kind)} for kind in ("sha1", "sha256")],
            "licenseConcluded": UNKNOWN, "licenseInfoInFiles": [UNKNOWN], "copyrightText": UNKNOWN}


def of_debian(package: debian.Package, licence: str, files: list[File]) -> Json:
    version = package.version.replace("+", "%2B").replace(":", "%3A")
    locator = f"pkg:deb/debian/{package.name.replace('+', '%2B')}@{version}?arch={package.architecture}"
    return package_entry(package.name, package.version, licence, files, supplier="Organization: Debian",
                         sourceInfo=f"built from {package.source} {package.source_version}",
                         externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                        "referenceLocator": locator}])


def document(files: dict[str, File], version: str, architecture: str, epoch: int) -> Json:
    plain = {path: file for path, file in files.items() if not file.link}
    owners = sorted({file.owner for file in plain.values() if file.owner}, key=lambda package: package.name)
    known = Licences()
    packages = [package_entry(NAME, version, "Apache-2.0", [f for f in plain.values() if not f.owner],
                              supplier="Organization: The lpm authors", primaryPackagePurpose="CONTAINER")]
    packages += [of_debian(package, known.declared(package), [f for f in plain.values() if f.owner == package])
                 for package in owners]
    whole = identifier("Package", NAME)
    links = [("SPDXRef-DOCUMENT", "DESCRIBES", whole)]
    links += [(whole, "CONTAINS", identifier("Package", package.name)) for package in owners]
    links += [(identifier("Package", file.owner.name if file.owner else NAME), "CONTAINS", identifier("File", path))
              for path, file in plain.items()]
    content = hashlib.sha256("".join(f"{path} {f.digest('sha256')}\n" for path, f in plain.items()).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{NAME}-{version}-{architecture}",
        "documentNamespace": f"https://lpm.my.domain/spdx/{NAME}-{version}-{architecture}-{content}",
        "creationInfo": {"created": instant(epoch), "creators": ["Organization: The lpm authors", f"Tool: lpm-{version}"]},
        "packages": packages,
        "files": [file_entry(path, file) for path, file in plain.items()],
        "hasExtractedLicensingInfos": [known.own[key] for key in sorted(known.own)],
        "relationships": [{"spdxElementId": a, "relationshipType": how, "relatedSpdxElement": b} for a, how, b in links],
    }
