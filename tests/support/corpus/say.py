# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Says lines to a server and prints its answer, until the server hangs up: say.py PORT|/PATH/OF/A/SOCKET LINE..."""
import socket
import sys

address, *lines = sys.argv[1:]
if address.startswith("/"):
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
else:
    server = socket.create_connection(("127.0.0.1", int(address)))
server.settimeout(30)
server.sendall("".join(f"{line}\r\n" for line in lines).encode())
while answer := server.recv(4096):
    print(answer.decode(), end="")
