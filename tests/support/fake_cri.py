#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Something that listens where a container runtime would: fake_cri.py SOCKET KIND

Prints a line when it listens. Kinds without gRPC: deaf (accepts nobody), mute (says nothing), garbage, hanging-up, datagram.
Kinds that speak gRPC: good, hang (answers nothing), slow-status (not that one), huge (100 MiB), bomb (64 KiB that
unpack to 64 MiB), old (a CRI that is no v1), no-checkpoint (without that call), disabled, strange (answers that no
runtime gives), many (handlers).
"""
import concurrent.futures
import importlib
import json
import pathlib
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

MIB = 1 << 20
FOR_EVER = 600  # seconds: whoever starts it ends it
DISABLED = "checkpoint/restore support not available"


def listen(path: str, kind: str) -> None:
    """Those that speak no gRPC."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM) as server:
        server.bind(path)
        if kind != "datagram":
            server.listen(0)
        kept = []
        if kind == "deaf":  # as many as the kernel lets wait
            for _ in range(8):
                waiting = socket.socket(socket.AF_UNIX)
                waiting.setblocking(False)
                waiting.connect_ex(path)
                kept.append(waiting)
        print("listens", flush=True)
        while kind not in ("deaf", "datagram"):
            peer, _ = server.accept()
            if kind == "garbage":
                peer.sendall(b"HTTP/1.0 200 OK\r\n\r\nno frames \xff\x00\xff" * 100)
            if kind == "hanging-up":
                peer.close()
            kept.append(peer)
        time.sleep(FOR_EVER)


class Runtime:
    """Answers as bytes: some of them are none of the CRI's."""

    def __init__(self, kind: str, grpc: Any, pb: Any) -> None:
        self.kind, self.grpc, self.pb = kind, grpc, pb

    def version(self, _request: bytes, _context: Any) -> bytes:
        if self.kind == "hang":
            time.sleep(FOR_EVER)
        if self.kind in ("huge", "bomb"):
            return bytes(self.pb.VersionResponse(runtime_name="x" * (100 if self.kind == "huge" else 64) * MIB)
                         .SerializeToString())
        if self.kind == "strange":
            return b"\xff\xff\xff\xff"
        return bytes(self.pb.VersionResponse(runtime_name="fake", runtime_version="1.2.3\n\x1b[31m",
                                             runtime_api_version="v1").SerializeToString())

    def status(self, request: bytes, _context: Any) -> bytes:
        assert self.pb.StatusRequest.FromString(request).verbose
        if self.kind == "slow-status":
            time.sleep(FOR_EVER)
        answer = self.pb.StatusResponse()
        answer.status.conditions.add(type="RuntimeReady", status=True)
        answer.runtime_handlers.add(name="").features.user_namespaces = True
        if self.kind == "many":
            for n in range(1001):
                answer.runtime_handlers.add(name=str(n))
        answer.info["config"] = json.dumps({"sandboxImage": "pause", "registry": {"password": "secret"}})
        return bytes(answer.SerializeToString())

    def checkpoint(self, request: bytes, context: Any) -> bytes:
        asked = self.pb.CheckpointContainerRequest.FromString(request)
        if self.kind == "disabled":
            context.abort(self.grpc.StatusCode.UNIMPLEMENTED, DISABLED)
        assert asked.container_id == "0" * 64 and asked.location == "/dev/null/checkpoint.tar"
        context.abort(self.grpc.StatusCode.NOT_FOUND, f'could not find container "{asked.container_id}"')
        return b""


def serve(path: str, kind: str) -> None:
    grpc: Any = importlib.import_module("grpc")
    sys.path.insert(0, "/opt/lpm/python")
    runtime = Runtime(kind, grpc, importlib.import_module("cri_pb2"))
    methods: dict[str, Callable[[bytes, Any], bytes]] = {"Version": runtime.version, "Status": runtime.status}
    if kind != "no-checkpoint":
        methods["CheckpointContainer"] = runtime.checkpoint
    service = f"runtime.{'v1alpha2' if kind == 'old' else 'v1'}.RuntimeService"
    options = [("grpc.max_send_message_length", -1)]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), options=options,
                         compression=grpc.Compression.Gzip if kind == "bomb" else None)
    handlers = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    server.add_insecure_port(f"unix:{path}")
    server.start()
    print("listens", flush=True)
    server.wait_for_termination()


def main() -> None:
    path, kind = sys.argv[1:]
    pathlib.Path(path).unlink(missing_ok=True)
    plain = kind in ("deaf", "mute", "garbage", "hanging-up", "datagram")
    (listen if plain else serve)(path, kind)


if __name__ == "__main__":
    main()
