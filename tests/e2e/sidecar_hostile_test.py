# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Archives that are made to harm who reads them."""
import gzip
import io
import re
import tarfile

from crowd import write_crowd
from sidecar_case import ArchivesTest


class Hostile(ArchivesTest):
    def test_memory_stays_bounded(self) -> None:
        """Whatever the file has: 64 MiB at most."""
        def header(name: str, size: int) -> bytes:
            info = tarfile.TarInfo(name)
            info.size = size
            return info.tobuf(tarfile.PAX_FORMAT)

        zeros = bytes(1 << 20)
        with gzip.open(self.folder / "bomb.tar.gz", "wb", compresslevel=1) as bomb:
            bomb.write(header("checkpoint/core-1.img", 1 << 40))
            for _ in range(512):
                bomb.write(zeros)
        with open(self.folder / "sparse.tar", "wb") as sparse:
            sparse.write(header("checkpoint/pstree.img", 10 << 30))
            sparse.truncate((10 << 30) + 2048)
        with open(self.folder / "parts.tar", "wb") as parts:
            for i in range(60_000):
                parts.write(header(f"checkpoint/core-{i}.img", 0))
        with tarfile.open(self.folder / "images.tar", "w") as images:
            for i in range(100):
                info = tarfile.TarInfo(f"checkpoint/core-{i}.img")
                info.size = 1 << 20
                images.addfile(info, io.BytesIO(zeros))
        with tarfile.open(self.folder / "text.tar", "w") as text:
            for name in ("config.dump", "spec.dump", "checkpoint/lpm.json"):
                content = b"[" * (3 << 20)
                info = tarfile.TarInfo(name)
                info.size = len(content)
                text.addfile(info, io.BytesIO(content))
        began = self.peak()
        with gzip.open(self.folder / "map.tar.gz", "wb", compresslevel=1) as packed:
            entries = b"6000000\n" + b"0\n0\n" * 6_000_000
            pax = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n26 GNU.sparse.realsize=9\n" + b"28 GNU.sparse.name=core.img\n"
            for kind, content in (("x", pax), ("0", entries)):
                info = tarfile.TarInfo("GNUSparseFile.0/core.img")
                info.type, info.size = kind.encode(), len(content)
                packed.write(info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512))
        write_crowd(self.folder / "crowd.tar")
        for name in ("crowd.tar", "bomb.tar.gz", "sparse.tar", "images.tar", "text.tar", "map.tar.gz", "parts.tar"):
            with self.subTest(name):
                inside = self.api.InspectArchive(path=str(self.folder / name), environment=True)
                self.assertIn(inside.archive.state, ("other", "incomplete", "truncated", "writing"), inside.archive)
        self.assertNotEqual(self.api.VerifyArchive(path=str(self.folder / "bomb.tar.gz")).archive.state, "whole")
        crowd = self.api.InspectArchive(path=str(self.folder / "crowd.tar"), environment=True)
        self.assertEqual(len(crowd.processes), 10_000)
        self.assertGreater(len(crowd.processes[0].descriptors), 1000)
        self.assertLessEqual({"descriptors: it has too many", "reasons: it has too many"}, set(crowd.left_out))
        self.assertLess(crowd.ByteSize(), 4 << 20)
        self.assertLess(self.peak(), 64, f"{began} MiB before")

    def test_entries_that_are_no_files(self) -> None:
        with tarfile.open(self.folder / "links.tar", "w") as tar:
            for name, kind, link in (("config.dump", tarfile.SYMTYPE, "/etc/passwd"),
                                     ("spec.dump", tarfile.LNKTYPE, "config.dump"),
                                     ("checkpoint/inventory.img", tarfile.FIFOTYPE, "")):
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, link
                tar.addfile(info)
        state, words = self.state_of(self.folder / "links.tar")
        self.assertEqual(state, "other", words)
        self.assertEqual(re.findall("passwd", str(self.api.InspectArchive(path=str(self.folder / "links.tar")))), [])
