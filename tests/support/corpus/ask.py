# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""One request over HTTP, whose answer is printed: ask.py PORT|/PATH/OF/A/SOCKET PATH."""
import http.client
import socket
import sys

address, path = sys.argv[1:]


class UnixConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(address)


connection = (UnixConnection("localhost", timeout=30) if address.startswith("/")
              else http.client.HTTPConnection("127.0.0.1", int(address), timeout=30))
connection.request("GET", path, headers={"Connection": "close"})
answer = connection.getresponse()
print(answer.read().decode(), end="")
sys.exit(answer.status != 200)
