# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A checkpoint archive as an image in the node's registry, as CRI-O knows it: one layer, the archive itself, and the
annotation on the manifest."""
import hashlib
import http.client
import json
import pathlib

from images import ADDRESS
from oci_spec import Json

CHECKPOINT = "io.kubernetes.cri-o.annotations.checkpoint.name"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def request(method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(ADDRESS, timeout=60)
    connection.request(method, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status >= 300:
        raise AssertionError(f"registry: {method} {path}: {answer.status} {text!r}")
    return answer


def push_blob(name: str, content: bytes) -> None:
    place = request("POST", f"/v2/{name}/blobs/uploads/").getheader("Location", "").partition(ADDRESS)[2]
    request("PUT", f"{place}&digest={digest(content)}", content, Content_Type="application/octet-stream")


def push_checkpoint(archive: pathlib.Path, name: str, container: str) -> None:
    """Pushed as NAME:latest."""
    layer = archive.read_bytes()
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}).encode()
    for blob in (layer, config):
        push_blob(name, blob)

    def described(content: bytes, kind: str) -> Json:
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest(content), "size": len(content)}

    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": described(config, "config.v1+json"),
                "layers": [described(layer, "layer.v1.tar")], "annotations": {CHECKPOINT: container}}
    request("PUT", f"/v2/{name}/manifests/latest", json.dumps(manifest).encode(), Content_Type=kind)
