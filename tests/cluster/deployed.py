# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What is in deploy/ and how it gets into the cluster: as people do it, but for the Deployment, whose image is not here."""
import contextlib
import fcntl
import functools
import pathlib
from collections.abc import Iterator

import suite
from api import path_of
from e2e import run, wait_for
from oci_spec import Json

DEPLOY = "/opt/lpm/deploy"
SPACE = "lpm-system"
CHECKPOINT = {"apiVersion": "lpm.my.domain/v1", "kind": "ContainerCheckpoint"}
CONTENT = {"apiVersion": "lpm.my.domain/v1", "kind": "ContainerCheckpointContent"}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace"}
CRD = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
NAMES = ("containercheckpoints.lpm.my.domain", "containercheckpointcontents.lpm.my.domain")
DONE = pathlib.Path("/run/lpm-deployed")
LOCK = pathlib.Path("/run/lpm-deployed.lock")


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """One process of all."""
    with open(LOCK, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_kept(kind: Json) -> bool:
    return suite.CLUSTER.admin.request("GET", path_of(kind))[0] == 200


def install_crds() -> None:
    """They are there when it returns."""
    run("kubectl", "apply", "-f", f"{DEPLOY}/crd.yaml")
    run("kubectl", "wait", "--for=condition=Established", *(f"crd/{name}" for name in NAMES), "--timeout=30s")
    for thing in (CHECKPOINT, CONTENT):  # 429 for a moment, while their storage is made
        wait_for(f"{thing['kind']}s are kept", functools.partial(is_kept, thing))


def install() -> None:
    """Once for all tests, until one removes it."""
    with locked():
        if DONE.exists():
            return
        install_crds()
        wait_for("what was removed is gone", lambda: not run(  # a namespace takes nothing while it ends
            "kubectl", "get", "namespace", SPACE, "-o", "jsonpath={.metadata.deletionTimestamp}", check=False).stdout, 60)
        run("kubectl", "apply", "-f", f"{DEPLOY}/rbac.yaml")
        wait_for("a ServiceAccount has tokens", lambda: run("kubectl", "create", "token", "lpm-controller",
                                                            f"--namespace={SPACE}", check=False).returncode == 0, 30)
        DONE.touch()


def is_removed() -> None:
    """For who removes it."""
    DONE.unlink()
    kubeconfig.cache_clear()


@functools.cache
def kubeconfig() -> str:
    """Of the controller's identity."""
    return run(f"{DEPLOY}/kubeconfig", "24h").stdout
