# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-sidecar and a client of it (proto/node.proto)."""
import contextlib
import importlib
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

# What grpc does before a fork waits for ever in a process with other threads of its own.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
# Neither comes with types.
grpc: Any = importlib.import_module("grpc")
sys.path.insert(0, "/opt/lpm/python")
pb: Any = importlib.import_module("node_pb2")

SIDECAR = "/usr/bin/lpm-sidecar"
GATE_SOCKET = "/run/lpm/gate.sock"
METHODS = {method.name: method for method in pb.DESCRIPTOR.services_by_name["Node"].methods}


class Client:
    """Calls by name: client.GetRecord(id=...); of a stream, an iterator that can be cancelled."""

    def __init__(self, target: str, credentials: Any = None, options: Sequence[tuple[str, str]] = ()) -> None:
        self.channel = grpc.secure_channel(target, credentials, options) if credentials else grpc.insecure_channel(target)

    def close(self) -> None:
        self.channel.close()

    def __getattr__(self, name: str) -> Any:
        method = METHODS[name]
        kind = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        call = kind(f"/lpm.node.v1.Node/{name}", request_serializer=lambda message: message.SerializeToString(),
                    response_deserializer=method.output_type._concrete_class.FromString)

        def run(timeout: float | None = None if method.server_streaming else 30, **fields: Any) -> Any:
            return call(method.input_type._concrete_class(**fields), timeout=timeout)
        return run


class Sidecar:
    """One that serves this node, on a socket of its own."""

    def __init__(self, socket: pathlib.Path, *options: str) -> None:
        self.log = socket.with_suffix(".log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([SIDECAR, "--socket", socket, *options], stderr=log, stdout=log)
        end = time.monotonic() + 10
        while not socket.exists() or " message=\"serves\"" not in self.log.read_text():
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)
        self.client = Client(f"unix:{socket}")

    def end(self) -> int:
        self.client.close()
        self.process.terminate()
        return self.process.wait(15)


@contextlib.contextmanager
def listening_gate() -> Iterator[None]:
    """What the socket unit does: a process of lpm-gate for each connection."""
    pathlib.Path(GATE_SOCKET).unlink(missing_ok=True)
    with subprocess.Popen(["systemd-socket-activate", "--accept", "--inetd", "--listen", GATE_SOCKET,
                           "/usr/libexec/lpm/lpm-gate", "--answer"], stderr=subprocess.DEVNULL) as listener:
        while not pathlib.Path(GATE_SOCKET).exists():
            time.sleep(0.02)
        yield
        listener.kill()
