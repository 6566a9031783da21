# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Becomes a program that gets a listening unix socket as systemd gives it: activated.py /PATH/OF/A/SOCKET COMMAND..."""
import os
import socket
import sys

path, *command = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
if listener.fileno() == 3:
    os.set_inheritable(3, True)
else:
    os.dup2(listener.fileno(), 3)
os.execve(command[0], command, {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
