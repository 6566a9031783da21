# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""An archive of which a reader could need more memory, time and room than it should have."""
import functools
import io
import pathlib
import tarfile

from image_edit import with_number


def write_crowd(path: pathlib.Path) -> None:
    """Ten thousand processes that share all descriptors that a list may have. The first has a page map without order."""

    def record(*fields: tuple[int, int]) -> bytes:
        message = functools.reduce(lambda so_far, field: with_number(so_far, *field), fields, b"")
        return len(message).to_bytes(4, "little") + message

    def image(magic: int, records: bytes) -> bytes:
        return (0x54564319).to_bytes(4, "little") + magic.to_bytes(4, "little") + records

    pids, page = range(1, 10_001), 0x10000
    run = record((1, page), (4, 4), (5, 1))
    mm = image(0x57492820, record((8, page), (9, page + 65536), (10, page), (11, page + 65536)))
    parts = {"pstree": image(0x50273030, b"".join(record((1, pid), (2, int(pid > 1))) for pid in pids)),
             "files": image(0x56303138, record((1, 6), (2, 7)) * 200_000),
             "fdinfo-1": image(0x56213732, record((1, 7), (3, 6), (4, 3)) * 200_000),
             "pagemap-1": image(0x56084025, record((1, 1)) + run * 300_000),
             "pages-1": bytes(1 << 20),
             **{f"ids-{pid}": image(0x54432030, record((2, 1))) for pid in pids},
             **{f"mm-{pid}": mm for pid in pids}}
    with tarfile.open(path, "w") as tar:
        for name, content in parts.items():
            info = tarfile.TarInfo(f"checkpoint/{name}.img")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
