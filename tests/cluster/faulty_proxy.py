# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A proxy that stands before the API server or a kubelet, notes every request, and does to some what networks do."""
import dataclasses
import http.client
import http.server
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable

from e2e import run
from parts import ADDRESS
from pki import Pki

OBJECTS = "/apis/lpm.my.domain/v1/containercheckpoints"
KEPT_IDLE = 30  # seconds: less than servers keep an idle connection
DROPPED = ("connection", "transfer-encoding", "content-length", "host")


Headers = tuple[tuple[str, str], ...]


@dataclasses.dataclass
class Seen:
    number: int  # from 1
    method: str
    path: str
    body: bytes
    client: tuple[str, int]  # its end of the connection


@dataclasses.dataclass(frozen=True)
class Fault:
    """What becomes of one request."""
    # pass, hang (it is sent on, no answer), cut (it is sent on, the connection ends), lose (it is not sent on, the
    # connection ends), half (it is sent on, the connection ends in the middle of the answer), answer (status and body in
    # its place), raw (body as it is, status line and all), endless (an answer without end)
    kind: str = "pass"
    delay: float = 0.0  # before it is sent on
    hold: float = 600.0  # how long it hangs
    status: int = 200
    body: bytes = b""
    headers: Headers = ()
    ask: dict[str, str] = dataclasses.field(default_factory=dict)  # sent on with another "method" or "path", or other headers
    after: Callable[[], object] = lambda: None  # is called once the answer is there, and before any of it is handed on


Choose = Callable[[Seen], Fault | None]


def pass_all(_seen: Seen) -> None:
    """No fault."""


def always(fault: Fault) -> Choose:
    """The same for every request."""
    return lambda seen: fault


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection to the proxy."""

    protocol_version = "HTTP/1.1"
    proxy: "FaultyProxy"
    kept: http.client.HTTPSConnection | None = None  # a connection to upstream
    used = 0.0  # when it was

    def handle(self) -> None:
        self.proxy.clients.add(self.connection)
        try:
            super().handle()
        except (OSError, http.client.HTTPException, ssl.SSLError):
            pass
        finally:
            self.proxy.clients.discard(self.connection)
            if self.kept is not None:
                self.kept.close()

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.proxy.serve(self)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET


class FaultyProxy:
    """`choose(seen)` -> Fault, or None to pass. Forwards to ADDRESS:port with the same headers. With a `label` (key=value)
    a controller behind it sees the ContainerCheckpoints that have it, and no others: so several tests can have controllers
    of their own in one cluster."""

    def __init__(self, pki: Pki, port: int, choose: Choose = pass_all, names: tuple[str, ...] = ("DNS:node1",),
                 label: str | None = None) -> None:
        self.upstream, self.choose, self.label = port, choose, label
        self.ca = ssl.create_default_context(cafile=pki / "ca.crt")
        self.seen: list[Seen] = []
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.watches: set[socket.socket] = set()  # connections to upstream that bring one
        self.clients: set[socket.socket] = set()  # connections to us

        class OwnHandler(Handler):
            proxy = self

        self.server = http.server.ThreadingHTTPServer((ADDRESS, 0), OwnHandler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        name = f"proxy-{self.port}"
        pki.certificate(name, "system:node:node1", names=(f"IP:{ADDRESS}", *names))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / f"{name}.crt", pki / f"{name}.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.1,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://{ADDRESS}:{self.port}"

    def close(self) -> None:
        """And the connections that a client keeps, or its next request would come here still."""
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.end(self.clients)

    def posts(self) -> list[Seen]:
        """Requests for checkpoints."""
        with self.lock:
            return [one for one in self.seen if one.method == "POST" and one.path.startswith("/checkpoint/")]

    def end_watches(self) -> None:
        """Those under way, as API servers do now and then."""
        with self.lock:
            watches, self.watches = self.watches, set()
        self.end(watches)

    @staticmethod
    def end(connections: Iterable[socket.socket]) -> None:
        for connection in tuple(connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve(self, handler: Handler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length)
        with self.lock:
            seen = Seen(len(self.seen) + 1, handler.command, handler.path, body, handler.client_address)
            self.seen.append(seen)
        fault = self.choose(seen) or Fault()
        time.sleep(fault.delay)
        handler.close_connection = fault.kind not in ("pass", "answer")
        if fault.kind == "answer":
            self.reply(handler, fault.status, fault.headers or (("Content-Type", "text/plain"),), fault.body)
        elif fault.kind == "raw":
            handler.wfile.write(fault.body)
        elif fault.kind == "endless":
            handler.wfile.write(b"HTTP/1.1 %d OK\r\n\r\n" % fault.status)
            while not self.ended.is_set():
                handler.wfile.write(b"x" * 65536)
        elif fault.kind != "lose":
            self.send_on(handler, fault, body)

    def send_on(self, handler: Handler, fault: Fault, body: bytes) -> None:
        change = dict(fault.ask)
        method, path = change.pop("method", handler.command), self.limited(change.pop("path", handler.path))
        upstream = self.connection(handler)
        try:
            headers = {key: value for key, value in handler.headers.items() if key.lower() not in DROPPED}
            upstream.request(method, path, body=body or None, headers={**headers, **change})
            if "watch=1" in path:
                with self.lock:
                    self.watches.add(upstream.sock)
            answer = upstream.getresponse()
            fault.after()
            if fault.kind in ("pass", "half"):
                self.hand_on(handler, answer, fault.kind == "half")
                if fault.kind == "pass" and "watch=1" not in path and answer.isclosed():
                    handler.kept, handler.used = upstream, time.monotonic()
            elif fault.kind == "cut":
                answer.read()
            else:
                self.ended.wait(fault.hold)
        finally:
            if handler.kept is None:
                upstream.close()

    def connection(self, handler: Handler) -> http.client.HTTPSConnection:
        """To upstream: the one that was used last for this client, unless that was long ago."""
        kept, handler.kept = handler.kept, None
        if kept is not None:
            if time.monotonic() < handler.used + KEPT_IDLE:
                return kept
            kept.close()
        return http.client.HTTPSConnection(ADDRESS, self.upstream, context=self.ca, timeout=700)

    def limited(self, path: str) -> str:
        """A list or watch of all ContainerCheckpoints: of those with the label."""
        place, _, query = path.partition("?")
        if self.label is None or place != OBJECTS:
            return path
        return f"{place}?{query}&labelSelector={urllib.parse.quote(self.label, safe='')}"

    @staticmethod
    def reply(handler: Handler, status: int, headers: Headers, body: bytes) -> None:
        handler.send_response(status)
        for key, value in headers:
            handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def hand_on(self, handler: Handler, answer: http.client.HTTPResponse, half: bool) -> None:
        """In pieces as they come: a watch never ends."""
        handler.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in DROPPED:
                handler.send_header(key, value)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while piece := self.read(answer):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece[:len(piece) // 2] if half else piece))
            handler.wfile.flush()
            if half:
                return
        handler.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def read(answer: http.client.HTTPResponse) -> bytes:
        """Nothing at its end, whichever it is."""
        try:
            return answer.read1(65536)
        except (OSError, ValueError, http.client.HTTPException):
            return b""


class Redirect:
    """What a user of the node sends to a port of the kubelet or API server goes to a proxy instead."""

    def __init__(self, uid: int, port: int, proxy: FaultyProxy) -> None:
        self.rule = ["OUTPUT", "-p", "tcp", "-d", ADDRESS, "--dport", str(port), "-m", "owner", "--uid-owner", str(uid),
                     "-j", "DNAT", "--to-destination", f"{ADDRESS}:{proxy.port}"]
        run("iptables", "-t", "nat", "-A", *self.rule)

    def close(self) -> None:
        run("iptables", "-t", "nat", "-D", *self.rule)
