# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A FUSE file system with one file, whose daemon can be stopped: whoever asks it something then waits for ever."""
import ctypes
import os
import pathlib
import signal
import stat
import struct
import time

from e2e import wait_for

FILE = "file"
CONTENT = b"content\n"
ROOT_NODE, FILE_NODE = 1, 2
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, RELEASEDIR, BATCH_FORGET = (
    1, 2, 3, 14, 15, 17, 18, 25, 26, 27, 29, 42)  # linux/fuse.h
HEAD = struct.Struct("=IIQQIIII")  # fuse_in_header
MS_NOSUID, MS_NODEV, MNT_DETACH = 2, 4, 2


def attributes(node: int) -> bytes:
    """fuse_attr."""
    mode, links = (stat.S_IFDIR | 0o755, 2) if node == ROOT_NODE else (stat.S_IFREG | 0o644, 1)
    return struct.pack("=6Q10I", node, len(CONTENT), 1, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)


def answer(opcode: int, node: int, body: bytes) -> bytes | int | None:
    """A reply, an errno, or nothing to be sent. Nothing may be cached: each lookup comes here."""
    if opcode == INIT:
        return struct.pack("=4I2H2I2HI7I", 7, 31, 4096, 0, 1, 1, 4096, 1, 0, 0, 0, *[0] * 7)
    if opcode == LOOKUP:
        if body.rstrip(b"\0").decode() != FILE:
            return 2  # ENOENT
        return struct.pack("=4Q2I", FILE_NODE, 0, 0, 0, 0, 0) + attributes(FILE_NODE)
    if opcode == GETATTR:
        return struct.pack("=QII", 0, 0, 0) + attributes(node)
    if opcode in (OPEN, OPENDIR):
        return struct.pack("=QII", 0, 0, 0)
    if opcode == READ:
        return CONTENT
    if opcode == STATFS:
        return struct.pack("=5Q4I6I", 1, 1, 1, 1, 1, 512, 255, 512, 0, *[0] * 6)
    if opcode in (RELEASE, RELEASEDIR, FLUSH):
        return b""
    return None if opcode in (FORGET, BATCH_FORGET) else 38  # ENOSYS


def serve(device: int, delay: float) -> None:
    while True:
        try:
            request = os.read(device, 1 << 17)
        except OSError:  # unmounted
            return
        time.sleep(delay)
        _, opcode, unique, node, *_ = HEAD.unpack(request[:HEAD.size])
        reply = answer(opcode, node, request[HEAD.size:])
        if reply is None:
            continue
        error, data = (-reply, b"") if isinstance(reply, int) else (0, reply)
        os.write(device, struct.pack("=IiQ", 16 + len(data), error, unique) + data)


class SilentFuse:
    """Mounted at `place`; its daemon answers until stop(), each time after `delay` seconds."""

    def __init__(self, place: pathlib.Path, delay: float = 0) -> None:
        self.place = place
        place.mkdir(parents=True)
        device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"silent", os.fsencode(place), b"fuse.silent", MS_NOSUID | MS_NODEV, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "mount a FUSE file system")
        self.daemon = os.fork()
        if self.daemon == 0:
            try:
                serve(device, delay)
            finally:
                os._exit(0)
        os.close(device)
        wait_for("the FUSE file system", (place / FILE).exists)

    def stop(self) -> None:
        os.kill(self.daemon, signal.SIGSTOP)

    def end(self) -> None:
        """Who waits gets an error."""
        os.kill(self.daemon, signal.SIGKILL)
        os.waitpid(self.daemon, 0)
        ctypes.CDLL(None).umount2(os.fsencode(self.place), MNT_DETACH)
