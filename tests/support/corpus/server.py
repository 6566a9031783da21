# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Python's http.server: server.py PORT or server.py /PATH/OF/A/SOCKET. Answers who it is and how often it was asked."""
import http.server
import itertools
import json
import os
import socket
import socketserver
import sys

nonce, requests = os.urandom(8).hex(), itertools.count(1)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"nonce": nonce, "requests": next(requests)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class UnixServer(http.server.ThreadingHTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's own asks for the name of a host
        self.server_name, self.server_port = "localhost", 0


address = sys.argv[1]
if address.startswith("/"):
    UnixServer(address, Handler).serve_forever()  # type: ignore[arg-type] # typeshed knows AF_INET only
http.server.ThreadingHTTPServer(("127.0.0.1", int(address)), Handler).serve_forever()
