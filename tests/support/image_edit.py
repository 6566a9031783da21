# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Changes to CRIU's images, so that they are those of another node: the first record of one, in protobuf's wire
format."""
import pathlib
from collections.abc import Callable, Sequence

INVENTORY_HEAD = 4  # one magic word
HEAD = 8


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def with_bytes(message: bytes, path: Sequence[int], value: bytes) -> bytes:
    """The message with these bytes in the field that the numbers of `path` lead to, through the messages in it."""
    number, *rest = path
    out, inner, at = b"", b"", 0
    while at < len(message):
        start = at
        key, at = read_varint(message, at)
        if key & 7 == 0:
            _, at = read_varint(message, at)
        elif key & 7 == 2:
            size, at = read_varint(message, at)
            at += size
            if key >> 3 == number:
                inner = message[at - size:at]
                continue
        else:
            at += {1: 8, 5: 4}[key & 7]
        out += message[start:at]
    value = with_bytes(inner, rest, value) if rest else value
    return out + varint(number << 3 | 2) + varint(len(value)) + value


def with_number(message: bytes, number: int, value: int) -> bytes:
    """The message with that number in that field: the last one counts."""
    return message + varint(number << 3) + varint(value)


def edit(path: pathlib.Path, head: int, change: Callable[[bytes], bytes]) -> bytes:
    """Replace the first record of the image by what `change` makes of it; the old bytes of the file."""
    old = path.read_bytes()
    size = int.from_bytes(old[head:head + 4], "little")
    record = change(old[head + 4:head + 4 + size])
    path.write_bytes(old[:head] + len(record).to_bytes(4, "little") + record + old[head + 4 + size:])
    return old
