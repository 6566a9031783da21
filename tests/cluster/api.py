# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""HTTPS as one identity of the cluster: the API server's objects, and the kubelet's own port."""
import contextlib
import http.client
import json
import ssl
import threading
import time
import urllib.parse
from typing import Any

from oci_spec import Json
from parts import ADDRESS
from pki import Pki

Answer = tuple[int, str]  # status and body
KUBELET_PORT = 10250
API_PORT = 6443


class ApiError(Exception):
    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body.strip()}")
        self.status, self.body = status, body


class Client:
    """`name` is the identity of pki that it shows; None with a `token` for a ServiceAccount."""

    def __init__(self, pki: Pki, name: str | None, token: str | None = None) -> None:
        self.context = ssl.create_default_context(cafile=pki / "ca.crt")
        if name:
            self.context.load_cert_chain(pki / f"{name}.crt", pki / f"{name}.key")
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.kept = threading.local()  # a connection to the API server

    def request(self, method: str, path: str, body: Json | None = None, *, port: int = API_PORT, kind: str = "application/json",
                timeout: float = 180) -> Answer:
        """(status, text), whatever the status is. A GET of the API server goes out on a connection that is kept: tests
        poll, and TLS costs more than the answer."""
        if method == "GET" and port == API_PORT:
            return self._get(path)
        connection = self._connection(port, timeout)
        try:
            return self._exchange(connection, method, path, None if body is None else json.dumps(body), kind)
        finally:
            connection.close()

    def _connection(self, port: int, timeout: float = 180) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(ADDRESS, port, context=self.context, timeout=timeout)

    def _exchange(self, connection: http.client.HTTPSConnection, method: str, path: str, body: str | None = None,
                  kind: str = "application/json") -> Answer:
        connection.request(method, path, body=body, headers={**self.headers, "Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")

    def _get(self, path: str) -> Answer:
        kept = self.kept.__dict__.pop("connection", None)
        if kept is not None:  # the API server may have ended it meanwhile, or itself
            with contextlib.suppress(ConnectionError, ssl.SSLError, http.client.HTTPException):
                return self._exchange_and_keep(kept, path)
        return self._exchange_and_keep(self._connection(API_PORT), path)

    def _exchange_and_keep(self, connection: http.client.HTTPSConnection, path: str) -> Answer:
        try:
            answer = self._exchange(connection, "GET", path)
        except BaseException:
            connection.close()
            raise
        self.kept.connection = connection
        return answer

    def call(self, method: str, path: str, body: Json | None = None, **how: Any) -> Any:
        """The object. An API server that asks to come again (its watch cache is being filled, say) has done nothing."""
        for _ in range(30):
            status, text = self.request(method, path, body, **how)
            if status != 429:
                break
            time.sleep(1)
        if status >= 300:
            raise ApiError(status, text)
        return json.loads(text) if text.startswith("{") else text

    def get(self, path: str, **query: str) -> Any:
        return self.call("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path)

    def checkpoint(self, pod: str, container: str, namespace: str = "default", *, node: str = "node1", direct: bool = False,
                   timeout: int | None = None) -> Answer:
        """The kubelet's answer to a checkpoint, through the API server's proxy or directly: (status, text)."""
        place = f"/checkpoint/{namespace}/{pod}/{container}" + (f"?timeout={timeout}" if timeout else "")
        if direct:
            return self.request("POST", place, port=KUBELET_PORT)
        return self.request("POST", f"/api/v1/nodes/{node}/proxy{place}")


PLURALS = {"Pod": "pods", "Event": "events", "ConfigMap": "configmaps", "ServiceAccount": "serviceaccounts",
           "ResourceQuota": "resourcequotas", "Deployment": "deployments", "Role": "roles", "RoleBinding": "rolebindings",
           "ContainerCheckpoint": "containercheckpoints"}
CLUSTER_PLURALS = {"Node": "nodes", "Namespace": "namespaces", "ClusterRole": "clusterroles",
                   "ClusterRoleBinding": "clusterrolebindings", "CustomResourceDefinition": "customresourcedefinitions",
                   "ContainerCheckpointContent": "containercheckpointcontents",
                   "SubjectAccessReview": "subjectaccessreviews"}


def path_of(thing: Json, name: str | None = None) -> str:
    """Where an object, or one of that kind called `name`, is in the API."""
    version, kind = thing["apiVersion"], thing["kind"]
    base = f"/api/{version}" if version == "v1" else f"/apis/{version}"
    if kind not in CLUSTER_PLURALS:
        base += f"/namespaces/{thing.get('metadata', {}).get('namespace', 'default')}"
    return f"{base}/{CLUSTER_PLURALS.get(kind) or PLURALS[kind]}" + (f"/{name}" if name else "")
