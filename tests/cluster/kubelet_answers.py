# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What may come back in place of a kubelet's answer, and what a ContainerCheckpoint says of it."""
import json

from faulty_proxy import Fault


def text(status: int, body: str) -> Fault:
    return Fault("answer", status=status, body=body.encode())


def failed(what: str) -> Fault:
    return text(500, f"checkpointing of default/web/web failed ({what})")


def rpc(what: str) -> Fault:
    return failed(f"rpc error: code = {what}")


def status(code: int, message: str) -> Fault:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return Fault("answer", status=code, body=json.dumps(body).encode(), headers=(("Content-Type", "application/json"),))


def raw(body: bytes) -> Fault:
    return Fault("raw", body=body)


UNKNOWN = ("OutcomeUnknown", "look for the archive")
UNEXPECTED = ("KubeletAnswerUnexpected",)
STOPPED = ("ContainerNotRunning", "checkpoint a container that runs")
PAUSED = "cannot pause a paused container"
FORBIDDEN = "Forbidden (user=system:anonymous, verb=create, resource=nodes, subresource=checkpoint)\n"
TOO_OLD = 'CRIU binary not found or too old (<31600). Failed to checkpoint container "web"'

Says = tuple[Fault, tuple[str, ...]]  # what comes, (reason, words of the message)

# Directly and through the API server.
ANSWERS: list[Says] = [
    # kubernetes-contract §1.3
    (text(401, "Unauthorized"), ("KubeletUnauthorized", "authentication.webhook", "clientCAFile")),
    (text(403, FORBIDDEN), ("KubeletForbidden", "user=system:anonymous", "nodes/checkpoint")),
    (text(404, "pod does not exist"), ("PodNotOnNode", "does not know the pod", "1 attempt in 1 s")),
    (text(404, "container web does not exist"), ("ContainerNotFound", "container web")),
    (text(404, "cannot parse value of timeout parameter"), ("TimeoutInvalid",)),
    (text(404, "404: Page Not Found"), ("CheckpointApiDisabled", "ContainerCheckpoint: true", "config.yaml")),
    (text(405, "405: Method Not Allowed"), UNEXPECTED),
    (text(500, "Authorization error (user=u, verb=create, resource=nodes, subresource=checkpoint)"),
     ("KubeletAuthorizationFailed", "could not ask the API server")),
    (failed("container web not found"), STOPPED),
    (rpc("Unimplemented desc = unknown method CheckpointContainer for service runtime.v1.RuntimeService"),
     ("EngineWithoutCheckpoint", "CRI-O 1.25")),
    (rpc("Unknown desc = checkpoint/restore support not available"), ("CriuSupportDisabled", "enable_criu_support")),
    (rpc("Unknown desc = failed to checkpoint container 1: configured runtime does not support checkpoint/restore"),
     ("RuntimeWithoutCriu", "runtime_path")),
    (rpc("Unknown desc = check for CRIU runc: checkpoint/restore requires at least CRIU 31600, current version is 31500"),
     ("CriuTooOld", "31500")),
    (rpc("Unknown desc = failed to checkpoint container 1: container 1 is not running"), STOPPED),
    (rpc(f'Unknown desc = failed to pause container "1" before checkpointing: {PAUSED}'), ("ContainerPaused", "runc resume")),
    (rpc('Unknown desc = failed to pause container "1" before checkpointing: no'), ("PauseFailed", "CRI-O's log")),
    (rpc('Unknown desc = running "runc" ["checkpoint" "1"] failed: lpm: checkpoint of 1 failed: Task 7 is in unexpected '
         'state: 9; try again [ProcessEnded]; logs are kept in /var/lib/lpm/logs/1'), ("ProcessEnded", "Task 7", "1 attempt")),
    (rpc('Unknown desc = running "runc" ["checkpoint" "1"] failed: exit status 1'), ("CheckpointFailed", "dump.log")),
    (rpc(f"Unknown desc = {TOO_OLD}"), ("CriuTooOld", "install CRIU")),
    (rpc('Unknown desc = container "1" is in CONTAINER_EXITED state. only RUNNING containers can be checkpointed'), STOPPED),
    (rpc("DeadlineExceeded desc = context deadline exceeded"), UNKNOWN),
    (rpc("Canceled desc = context canceled"), UNKNOWN),
    (rpc('Unavailable desc = error reading from server: EOF'), ("OutcomeUnknown", "lost its container engine")),
    (rpc('Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/crio/crio.sock: '
         'connect: connection refused"'), ("EngineUnreachable", "see that it runs")),
    (failed("CheckpointContainer requires the timeout value to be > 0"), ("TimeoutInvalid",)),
    (failed("what nobody has seen yet"), ("CheckpointFailed", "what nobody has seen yet")),
    # of what stands between
    (text(302, "elsewhere"), UNEXPECTED), (text(408, "Request Timeout"), UNKNOWN), (text(520, "Web server"), UNKNOWN),
    (text(429, "Too many requests"), ("KubeletBusy", "Too many requests")),
    (text(500, "Internal Server Error"), UNKNOWN), (text(502, "Bad Gateway"), UNKNOWN),
    (text(503, "Service Unavailable"), UNKNOWN), (text(504, "Gateway Timeout"), UNKNOWN),
    # that do not end well
    (text(200, '{"items":["/var/lib/kubelet/che'), UNKNOWN), (text(200, "<html>Welcome</html>"), UNKNOWN),
    (text(200, ""), UNKNOWN), (text(200, '{"items":["checkpoint.tar"]}'), UNKNOWN), (text(200, '{"items":[]}'), UNKNOWN),
    (text(200, '{"items":["/a.tar","/b.tar"]}'), UNKNOWN), (text(204, ""), UNKNOWN),
    (Fault("endless"), UNKNOWN), (Fault("endless", status=500), UNKNOWN), (Fault("lose"), UNKNOWN),
    (raw(b"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n"), UNKNOWN), (raw(b"\0\1\2 garbage\r\n\r\n"), UNKNOWN),
    (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"), UNKNOWN), (raw(b"HTTP/1.1 200"), UNKNOWN),
    (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"), UNKNOWN),
]

# Objects of kind Status: what an API server says itself. Directly, nobody knows who says it.
DIRECTLY: list[Says] = [
    (status(401, "Unauthorized"), ("KubeletUnauthorized",)), (status(403, "no"), ("KubeletForbidden", "rbac.yaml")),
    (status(404, "the server could not find the requested resource"), ("CheckpointApiDisabled",)),
    (status(405, "no"), UNEXPECTED), (status(429, "slowly"), ("KubeletBusy", "slowly")),
    *[(status(code, "no"), UNKNOWN) for code in (500, 502, 503, 504)],
]
PROXIED: list[Says] = [
    (status(401, "Unauthorized"), ("ApiServerUnauthorized", "Unauthorized")),
    (status(403, "no"), ("ProxyForbidden", "rbac-proxy.yaml", 'mode = "direct"')),
    (status(404, 'nodes "n" not found'), ("NodeNotFound",)), (status(405, "no"), ("ApiServerRefused",)),
    (status(400, "address not allowed"), ("ApiServerRefused", "address not allowed")),
    (status(429, "slowly"), ("ApiServerBusy", "slowly")),
    *[(status(code, "no"), UNKNOWN) for code in (500, 502, 503, 504)],
]
