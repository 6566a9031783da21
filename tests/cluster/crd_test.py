# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""deploy/crd.yaml in a real API server: what it takes, what it refuses, what it keeps and how it is shown."""
import json
import os
from collections.abc import Iterator
from typing import Any

import deployed
import pytest
import suite
from api import Answer, path_of
from deployed import CHECKPOINT, CONTENT, CRD, DEPLOY, NAMES
from e2e import run
from oci_spec import Json
from suite import ClusterTest

VERSIONS = dict(zip(NAMES, ("2", "1"), strict=True))
MERGE = "application/merge-patch+json"
BARE: Json = {"podName": "web", "containerName": "ctr"}
FULL: Json = {**BARE, "timeoutSeconds": 60, "options": {"tcp": "close"}, "dryRun": True, "deletionPolicy": "Retain",
              "ttlSecondsAfterFinished": 60}
CONTENT_BARE: Json = {"containerCheckpointRef": {"kind": "ContainerCheckpoint", "namespace": "default", "name": "a"},
                      "podNamespace": "default", "podName": "web", "containerName": "ctr", "artifactURI": "file:///a.tar"}
CONTENT_FULL: Json = {**CONTENT_BARE, "nodeName": "node1", "podUID": "u", "containerID": "cri-o://a", "image": "nginx",
                      "imageDigest": "sha256:a", "recordID": "01J", "deletionPolicy": "Retain",
                      "containerCheckpointRef": {"apiVersion": "lpm.my.domain/v1", "kind": "ContainerCheckpoint", "name": "a",
                                                 "namespace": "default", "uid": "u", "resourceVersion": "1",
                                                 "fieldPath": "spec"}}
TIME = "2026-01-02T15:04:05Z"
STATUS: Json = {
    "phase": "Completed", "reason": "Completed", "message": "taken", "boundContentName": "default.a.01234567",
    "ready": True, "startTime": TIME, "completionTime": TIME, "observedGeneration": 1,
    "conditions": [{"type": kind, "status": status, "reason": "NoSidecar", "message": "", "lastTransitionTime": TIME,
                    "observedGeneration": 1}
                   for kind, status in (("Accepted", "True"), ("PreflightPassed", "Unknown"), ("Ready", "False"))],
    "checks": [{"id": "TcpEstablished", "verdict": "warn", "message": "one"}, {"id": "ExecSession", "verdict": "pass"}],
    "logExcerpt": "Error (criu/sk-inet.c:191)", "nodeName": "node1", "podUID": "u", "containerName": "ctr",
    "containerID": "cri-o://a", "image": "nginx", "imageDigest": "sha256:a", "archivePath": "/var/lib/a.tar",
    "archiveDigest": "sha256:a", "sizeBytes": 2**40, "recordID": "01J",
    "restores": [{"podName": "web-2", "podUID": "v", "containerName": "ctr", "nodeName": "node1", "time": TIME,
                  "recordID": "01K", "outcome": "refused", "reason": "ArchiveMissing"}],
    "attempt": {"uid": "u", "number": 2, "holder": "h", "startTime": TIME, "notBefore": TIME},
    "timings": {"queuedMilliseconds": 1, "checkpointMilliseconds": 2, "frozenMilliseconds": 2**33,
                "dumpMilliseconds": 4, "archiveMilliseconds": 0}}
CONTENT_STATUS: Json = {"ready": True, "message": "", "creationTime": TIME}


def fields(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """(path, schema) of every field below."""
    for name, field in schema.get("items", schema).get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields(field, f"{path}.{name}")


def paths_in(value: object, path: str = "") -> Iterator[str]:
    """The fields that a value has, named like those of a schema."""
    for item in value if isinstance(value, list) else [value]:
        for name, field in item.items() if isinstance(item, dict) else ():
            yield f"{path}.{name}"
            yield from paths_in(field, f"{path}.{name}")


@pytest.mark.parallel
@pytest.mark.xdist_group("controller")
class Crd(ClusterTest):
    schemas: dict[str, Json]  # {kind: of its objects}

    @classmethod
    def setUpClass(cls) -> None:
        deployed.install()
        cls.schemas = {}
        for name in NAMES:
            crd = suite.CLUSTER.get(CRD, name)
            cls.schemas[crd["spec"]["names"]["kind"]] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    def put(self, spec: Json, kind: Json | None = None, **more: Any) -> Json:
        """An object with this spec, gone when the test ends."""
        name = f"c-{os.urandom(3).hex()}"
        thing = {**(kind or CHECKPOINT), "metadata": {"name": name}, "spec": spec, **more}
        self.addCleanup(self.cluster.delete, thing, name, wait=False)
        return self.cluster.create(thing)

    def change(self, thing: Json, change: Json, below: str = "") -> tuple[int, Json]:
        """(status, answer) of a merge patch; members that the kind does not have are refused."""
        path = f"{path_of(thing, thing['metadata']['name'])}{below}?fieldValidation=Strict"
        status, text = self.admin.request("PATCH", path, change, kind=MERGE)
        return status, json.loads(text)

    def try_spec(self, spec: Json | None, kind: Json | None = None) -> Answer:
        """(status, text) of a creation that is not carried out."""
        thing = {**(kind or CHECKPOINT), "metadata": {"name": "tried"}, **({} if spec is None else {"spec": spec})}
        return self.admin.request("POST", f"{path_of(thing)}?dryRun=All&fieldValidation=Strict", thing)

    def assert_refused(self, thing: Json, spec: Json, field: str) -> None:
        status, answer = self.change(thing, {"spec": spec})
        self.assertEqual(status, 422, f"{spec}: {answer}")
        told = [f"{cause['field']}: {cause['message']}" for cause in answer["details"]["causes"]]
        self.assertTrue(any(field in text for text in told), f"{spec}: {told}")

    def test_established(self) -> None:
        """Structural, and it says its version."""
        for name in NAMES:
            crd = self.cluster.get(CRD, name)
            conditions = {c["type"]: c["status"] for c in crd["status"]["conditions"]}
            self.assertEqual(conditions, {"NamesAccepted": "True", "Established": "True"})
            self.assertEqual(crd["metadata"]["labels"]["lpm.my.domain/schema-version"], VERSIONS[name])
        self.assertEqual(run("kubectl", "apply", "-f", f"{DEPLOY}/crd.yaml").stdout.count("unchanged"), 2)

    def test_explained(self) -> None:
        """Every field says what it is, and kubectl shows it."""
        for kind, schema in self.schemas.items():
            for path, field in fields({"properties": {k: schema["properties"][k] for k in ("spec", "status")}}):
                self.assertGreater(len(field.get("description", "")), 7, f"{kind}{path}")
        for path, told in (("containercheckpoint", "asks for one checkpoint"), ("cckptc.spec.artifactURI", "file URI"),
                           ("containercheckpoint.spec.timeoutSeconds", "timeout of each"),
                           ("ckpt.status.attempt.notBefore", "next attempt")):
            self.assertIn(told, " ".join(self.cluster.kubectl("explain", path).stdout.split()))

    def test_what_cannot_be_changed(self) -> None:
        """Also not where a field is added or taken away: the API server names the field."""
        bare, full = self.put(BARE), self.put(FULL)
        for thing, change, field in (
                (bare, {"podName": "other"}, "podName"), (bare, {"podName": None}, "podName"),
                (bare, {"containerName": "other"}, "containerName"), (bare, {"containerName": None}, "containerName"),
                (bare, {"timeoutSeconds": 60}, "timeoutSeconds"), (full, {"timeoutSeconds": 61}, "timeoutSeconds"),
                (full, {"timeoutSeconds": None}, "timeoutSeconds"),
                (bare, {"options": {"tcp": "close"}}, "options"), (bare, {"options": {}}, "options"),
                (full, {"options": {"tcp": "refuse"}}, "options"), (full, {"options": {"more": "1"}}, "options"),
                (full, {"options": {"tcp": None}}, "options"), (full, {"options": None}, "options"),
                (bare, {"dryRun": True}, "dryRun"), (bare, {"dryRun": False}, "dryRun"),
                (full, {"dryRun": False}, "dryRun"), (full, {"dryRun": None}, "dryRun"),
                (full, {"podName": "other", "deletionPolicy": "Delete"}, "podName")):
            self.assert_refused(thing, change, field)
        self.assertEqual(self.change(full, {"spec": None})[0], 422)
        for thing in (bare, full):
            now = self.cluster.get(CHECKPOINT, thing["metadata"]["name"])
            self.assertEqual((now["spec"], now["metadata"]["generation"]), (thing["spec"], 1))

    def test_what_may_be_changed(self) -> None:
        for first in (BARE, FULL):
            thing = self.put(first)
            for change in ({"deletionPolicy": "Delete"}, {"deletionPolicy": "Retain"}, {"deletionPolicy": None},
                           {"ttlSecondsAfterFinished": 5}, {"ttlSecondsAfterFinished": 0},
                           {"ttlSecondsAfterFinished": None}):
                status, answer = self.change(thing, {"spec": change})
                self.assertEqual(status, 200, f"{change}: {answer}")
                field, value = next(iter(change.items()))
                self.assertEqual(answer["spec"].get(field), value)

    def test_the_content_cannot_be_changed(self) -> None:
        bare, full = self.put(CONTENT_BARE, CONTENT), self.put(CONTENT_FULL, CONTENT)
        for field in CONTENT_FULL.keys() - {"deletionPolicy", "containerCheckpointRef"}:
            for thing, value in ((full, "other"), (full, None), (bare, "other")):
                self.assert_refused(thing, {field: value}, field)
        for change in ({"name": "other"}, {"uid": None}, None):
            self.assert_refused(full, {"containerCheckpointRef": change}, "containerCheckpointRef")
        for value in ("Delete", None, "Retain"):
            self.assertEqual(self.change(full, {"spec": {"deletionPolicy": value}})[0], 200)

    def test_values(self) -> None:
        change: Json
        for change in ({}, {"timeoutSeconds": 1}, {"timeoutSeconds": 3600}, {"ttlSecondsAfterFinished": 0},
                       {"podName": "p" * 253, "containerName": "c" * 63}, {"containerName": "my_image"},
                       {"options": {str(n): "" for n in range(16)}}, {"deletionPolicy": "Delete"}):
            status, text = self.try_spec({**BARE, **change})
            self.assertEqual(status, 201, f"{change}: {text}")
        for change, field in (({"timeoutSeconds": 0}, "timeoutSeconds"), ({"timeoutSeconds": 3601}, "timeoutSeconds"),
                              ({"timeoutSeconds": "60"}, "timeoutSeconds"), ({"timeoutSeconds": 1.5}, "timeoutSeconds"),
                              ({"ttlSecondsAfterFinished": -1}, "ttlSecondsAfterFinished"),
                              ({"deletionPolicy": "Keep"}, "deletionPolicy"),
                              ({"deletionPolicy": ""}, "deletionPolicy"),
                              ({"podName": ""}, "podName"), ({"podName": "p" * 254}, "podName"),
                              ({"containerName": ""}, "containerName"), ({"containerName": "c" * 64}, "containerName"),
                              ({"options": {str(n): "" for n in range(17)}}, "options"),
                              ({"options": {"tcp": 1}}, "options"), ({"options": {"tcp": "x" * 257}}, "options"),
                              ({"dryRun": "yes"}, "dryRun"), ({"timeout": 5}, "timeout")):
            status, text = self.try_spec({**BARE, **change})
            self.assertIn(status, (400, 422), f"{change}: {text}")
            self.assertIn(f"spec.{field}", json.loads(text)["message"])
        for spec in (None, {}, {"podName": "a"}, {"containerName": "a"}):
            self.assertEqual(self.try_spec(spec)[0], 422, spec)
        for field in CONTENT_BARE:
            spec = {k: v for k, v in CONTENT_BARE.items() if k != field}
            self.assertEqual(self.try_spec(spec, CONTENT)[0], 422, field)

    def test_upstreams_manifests(self) -> None:
        """Of programs that know this group's first fields only, and what the user's document applies."""
        for spec, kind in ((BARE, CHECKPOINT), (CONTENT_BARE, CONTENT)):
            self.assertEqual(self.put(spec, kind)["spec"], spec)
        for file, name in (("checkpoint", "test-checkpoint"), ("checkpoint-full", "test-checkpoint-full")):
            self.addCleanup(self.cluster.delete, CHECKPOINT, name, wait=False)
            done = self.cluster.kubectl("apply", "-f", f"{DEPLOY}/samples/{file}.yaml")
            self.assertEqual((done.stdout, done.stderr), (f"containercheckpoint.lpm.my.domain/{name} created\n", ""))
        self.assertEqual(self.cluster.get(CHECKPOINT, "test-checkpoint")["spec"],
                         {"podName": "test-pod", "containerName": "nginx"})

    def test_the_status_is_kept(self) -> None:
        """All that the schema has, nothing pruned; by /status alone."""
        for kind, spec, status in ((CHECKPOINT, BARE, STATUS), (CONTENT, CONTENT_BARE, CONTENT_STATUS)):
            known = {path for path, _ in fields(self.schemas[kind["kind"]]["properties"]["status"])}
            self.assertEqual(known, set(paths_in(status)))
            thing = self.put(spec, kind, status=status)
            self.assertNotIn("status", thing)
            code, answer = self.change(thing, {"status": status}, "/status")
            self.assertEqual((code, answer.get("status")), (200, status), answer)
            self.assertEqual(answer["metadata"]["generation"], 1)
            for change in ({"ready": None}, {"message": "x" * 30000}):
                self.assertEqual(self.change(thing, {"status": change}, "/status")[0], 200)
        self.assertEqual(self.change(self.put(BARE), {"status": {"phase": "Succeeded"}}, "/status")[0], 200)

    def test_a_status_that_is_wrong(self) -> None:
        thing = self.put(BARE)
        condition = STATUS["conditions"][0]
        for change in ({"unknown": 1}, {"startTime": "yesterday"}, {"sizeBytes": -1}, {"attempt": {"unknown": 1}},
                       {"conditions": [{**condition, "reason": ""}]}, {"conditions": [{**condition, "status": "Yes"}]},
                       {"conditions": [{**condition, "reason": "two words"}]}, {"conditions": [condition, condition]},
                       {"conditions": [{k: v for k, v in condition.items() if k != "message"}]},
                       {"timings": {"frozenMilliseconds": 0.5}}, {"checks": [{"id": "A"}]}):
            code, answer = self.change(thing, {"status": change}, "/status")
            self.assertIn(code, (400, 422), f"{change}: {answer}")

    def test_how_it_is_shown(self) -> None:
        thing, content = self.put(BARE), self.put(CONTENT_FULL, CONTENT)
        for it, status in ((thing, STATUS), (content, CONTENT_STATUS)):
            self.assertEqual(self.change(it, {"status": status}, "/status")[0], 200)
        name = thing["metadata"]["name"]

        def columns(*args: str) -> dict[str, str]:
            lines = self.cluster.kubectl("get", *args).stdout.splitlines()
            return dict(zip(lines[0].split(), lines[1].split()))
        shown = {"NAME": name, "POD": "web", "CONTAINER": "ctr", "PHASE": "Completed", "REASON": "Completed",
                 "READY": "true"}
        seen = columns("ckpt", name)
        self.assertEqual({**shown, "AGE": seen["AGE"]}, seen)
        seen = columns("cckpt", name, "-o", "wide")
        self.assertEqual({**shown, "NODE": "node1", "ARCHIVE": "/var/lib/a.tar", "AGE": seen["AGE"]}, seen)
        seen = columns("cckptc", content["metadata"]["name"])
        self.assertEqual({"NAME": content["metadata"]["name"], "NAMESPACE": "default", "POD": "web", "CONTAINER": "ctr",
                          "READY": "true", "NODE": "node1", "AGE": seen["AGE"]}, seen)
        both = self.cluster.kubectl("get", "lpm", "-o", "name").stdout
        for kind, it in (("containercheckpoint", thing), ("containercheckpointcontent", content)):
            self.assertIn(f"{kind}.lpm.my.domain/{it['metadata']['name']}\n", both)
        described = self.cluster.kubectl("describe", "containercheckpoint", name).stdout
        self.assertRegex(described, r"\n  Phase: +Completed\n")
