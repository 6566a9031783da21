# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-sidecar knows the archives of its node: which there are, of whom, and whether they are whole."""
import functools
import gzip
import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import time
import urllib.request
import zlib
from collections.abc import Callable

from image_edit import with_number
from sidecar_case import NODE_API, ArchivesTest


class Found(ArchivesTest):
    def test_by_its_attempt(self) -> None:
        path = self.checkpoint()
        record = self.last_record("checkpoint", "completed")
        found = self.api.FindArchive(attempt="attempt-1")
        self.assertEqual((found.path, found.state, found.message), (str(path), "whole", ""))
        self.assertEqual((found.size, found.format, found.engine), (path.stat().st_size, "tar", "CRI-O"))
        self.assertEqual((found.attempt, found.record), ("attempt-1", record["id"]))
        self.assertEqual((found.object.namespace, found.object.name, found.object.uid), ("shop", "save", "o-1"))
        self.assertEqual(found.container.id, self.cid)
        for name, value in (("namespace", "shop"), ("pod", "web-1"), ("pod_uid", "uid-1"), ("name", "counter")):
            self.assertEqual(found.container.names[name], value)
        self.assertEqual(self.code(self.api.FindArchive, attempt="attempt-2")[0], "NOT_FOUND")
        self.assertEqual(self.code(self.api.FindArchive, attempt="../x")[0], "INVALID_ARGUMENT")

    def test_pages_have_every_archive_once(self) -> None:
        for name in ("c.tar", "a.tar", "b.tar.gz", "not.txt", ".hidden.tar", "d.tar"):
            (self.folder / name).write_bytes(b"no archive")
        found: list[str] = []
        page = self.api.ListArchives(page_size=3)
        while True:
            found += [pathlib.Path(a.path).name for a in page.archives]
            if not page.next_page_token:
                break
            page = self.api.ListArchives(page_size=3, page_token=page.next_page_token)
        self.assertEqual(found, ["a.tar", "b.tar.gz", "c.tar", "d.tar"])
        self.assertIn(str(self.folder), [f.path for f in page.folders])

    def test_what_is_not_whole(self) -> None:
        path = self.checkpoint()
        whole = path.read_bytes()
        with tarfile.open(path) as tar:
            end = max(m.offset_data + -(-m.size // 512) * 512 for m in tar.getmembers())
            pages = next(m for m in tar.getmembers() if "pages-" in m.name)

        def without(name: str) -> bytes:
            to = io.BytesIO()
            with tarfile.open(path) as tar, tarfile.open(fileobj=to, mode="w") as copy:
                for member in tar.getmembers():
                    if member.name != name:
                        copy.addfile(member, tar.extractfile(member) if member.isfile() else None)
            return to.getvalue()

        zstd = subprocess.run(["zstd", "-c", path], capture_output=True, check=True).stdout if shutil.which("zstd") else b""
        cases: list[tuple[str, bytes, str, str]] = [
            ("whole.tar", whole, "whole", ""),
            ("packed.tar.gz", gzip.compress(whole), "whole", ""),
            ("no-mark.tar", whole[:end], "truncated", "end mark is missing"),
            ("half-a-mark.tar", whole[:end + 512], "truncated", "end mark is missing"),
            ("in-pages.tar", whole[:pages.offset_data + 5000], "truncated", ""),
            ("in-a-header.tar", whole[:pages.offset + 100], "truncated", ""),
            ("cut.tar.gz", gzip.compress(whole)[:-4000], "truncated", ""),
            ("empty.tar", b"", "other", ""),
            ("noise.tar", os.urandom(100_000), "other", "no tar"),
            ("no-config.tar", without("config.dump"), "incomplete", "config.dump is missing"),
            ("no-inventory.tar", without("checkpoint/inventory.img"), "incomplete", "inventory.img is missing"),
        ]
        if zstd:
            cases += [("packed.tar.zst", zstd, "whole", ""), ("cut.tar.zst", zstd[:-4000], "truncated", "")]
        for name, content, state, words in cases:
            with self.subTest(name):
                (self.folder / name).write_bytes(content)
                self.assertEqual(self.state_of(self.folder / name)[0], state, self.state_of(self.folder / name))
                self.assertIn(words, self.state_of(self.folder / name)[1])

    def test_one_that_is_being_written(self) -> None:
        path = self.checkpoint()
        whole = path.read_bytes()
        path.unlink()
        with open(path, "wb") as file:
            file.write(whole[:20000])
            file.flush()
            self.assertEqual(self.state_of(path)[0], "writing")
            self.assertEqual(self.code(self.api.FindArchive, attempt="attempt-9")[0], "UNAVAILABLE")
            self.assertEqual(self.code(self.api.DeleteArchive, path=str(path))[0], "ABORTED")
            file.write(whole[20000:])
            file.flush()
            self.assertEqual(self.state_of(path)[0], "writing")
        self.assertEqual(self.state_of(path)[0], "whole")
        self.assertEqual(self.api.FindArchive(attempt="attempt-1").state, "whole")

    def test_what_is_inside(self) -> None:
        path = self.checkpoint()
        record = self.last_record("checkpoint", "completed")
        inside = self.api.InspectArchive(path=str(path))
        with tarfile.open(path) as tar:
            self.assertEqual({p.name: p.size for p in inside.parts}, {m.name: m.size for m in tar.getmembers() if m.isfile()})
        self.assertEqual(dict(inside.stats), record["stats"])
        self.assertEqual([(p.pid, p.parent, p.threads, p.name) for p in inside.processes], [(1, 0, 1, "counter")])
        self.assertEqual((inside.runtime, inside.image), ("runc", "localhost/test:latest"))
        self.assertGreater(inside.pages_bytes, 4096)
        self.assertEqual(inside.archive.attempt, "attempt-1")


class Verified(ArchivesTest):
    def test_what_is_whole(self) -> None:
        path = self.checkpoint()
        with open(path, "ab") as file:
            file.write(bytes(100_000))  # tar pads its last block
        verified = self.api.VerifyArchive(path=str(path))
        self.assertEqual(list(verified.faults), [])
        self.assertEqual((verified.sha256, verified.bytes),
                         (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size))

    def test_images_that_do_not_fit(self) -> None:
        path = self.checkpoint()
        cases: list[tuple[str, Callable[[str, bytes], bytes | None], str]] = [
            ("a core is missing", lambda name, content: None if "core-1.img" in name else content, "core-1.img is missing"),
            ("pages are short", lambda name, content: content[:-4096] if "pages-" in name else content, "pages-"),
            ("no tree", lambda name, content: b"" if "pstree.img" in name else content, "pstree.img"),
        ]
        for what, change, words in cases:
            with self.subTest(what):
                verified = self.api.VerifyArchive(path=str(self.changed(path, change)))
                self.assertEqual(verified.archive.state, "whole")
                self.assertEqual(len(verified.faults), 1, verified)
                self.assertIn(words, verified.faults[0])
        (self.folder / "cut.tar").write_bytes(path.read_bytes()[:30_000])
        os.utime(self.folder / "cut.tar", (1, 1))
        verified = self.api.VerifyArchive(path=str(self.folder / "cut.tar"))
        self.assertEqual((verified.archive.state, len(verified.faults)), ("truncated", 1))
        self.assertEqual(verified.sha256, hashlib.sha256(path.read_bytes()[:30_000]).hexdigest())

    def test_whether_it_would_be_restored_here(self) -> None:
        """By the same checks as at the restore, as far as they need no container."""
        path = self.checkpoint()

        def of_arm(name: str, content: bytes) -> bytes:
            return content[:13] + b"\x03" + content[14:] if name == "checkpoint/core-1.img" else content

        def of_a_later_processor(name: str, content: bytes) -> bytes:
            return content.replace(b'"cpu": "', b'"cpu": "avx1024 ') if name == "checkpoint/lpm.json" else content

        def without(part: str) -> Callable[[str, bytes], bytes | None]:
            return lambda name, content: None if name == part else content

        cases: list[tuple[str, Callable[[str, bytes], bytes | None], str, str, str]] = [
            ("as it is", lambda name, content: content, "", "CpuMismatch", "pass"),
            ("of another machine", of_arm, "ArchMismatch", "ArchMismatch", "block"),
            ("of a later processor", of_a_later_processor, "CpuMismatch", "CpuMismatch", "block"),
            ("without lpm.json", without("checkpoint/lpm.json"), "", "CpuMismatch", "unknown"),
            ("without descriptors", without("checkpoint/descriptors.json"), "DescriptorsMissing", "DescriptorsMissing", "block"),
        ]
        for what, change, code, check, verdict in cases:
            with self.subTest(what):
                verified = self.api.VerifyArchive(path=str(self.changed(path, change)))
                self.assertEqual((verified.archive.state, list(verified.faults), verified.not_judged), ("whole", [], ""))
                judged = {one.id: one for one in verified.restore.checks}
                self.assertEqual((verified.restore.code, judged[check].verdict), (code, verdict), verified.restore)
                self.assertEqual(bool(code), bool(verified.restore.message), verified.restore.message)
                self.assertNotIn("NamespaceMissing", judged)  # which only a container can have
        self.assertEqual(judged["ToolingMissing"].verdict, "unknown")  # no CRI-O runs here that has a PATH
        with open(SETTINGS, "a") as settings:
            settings.write('[checks]\nCpuMismatch = "off"\n')
        off = self.api.VerifyArchive(path=str(self.changed(path, of_a_later_processor)))
        self.assertEqual((off.restore.code, "CpuMismatch" in [one.id for one in off.restore.checks]), ("", False))


class Numbers(ArchivesTest):
    def metrics(self) -> dict[str, float]:
        lines = [line for line in self.api.GetMetrics().text.splitlines() if line.startswith("lpm_archive")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def test_of_archives(self) -> None:
        path = self.checkpoint()
        numbers = self.metrics()
        self.assertEqual((numbers['lpm_archives{state="whole"}'], numbers['lpm_archives{state="truncated"}']), (1, 0))
        self.assertEqual(numbers[f'lpm_archive_bytes{{folder="{self.folder}"}}'], path.stat().st_size)
        self.assertEqual(numbers[f'lpm_archive_folder_faults{{folder="{self.folder}"}}'], 0)
        self.assertAlmostEqual(numbers["lpm_archives_seen_timestamp_seconds"], time.time(), delta=10)
        (self.folder / "cut.tar").write_bytes(path.read_bytes()[:30_000])
        with open(path, "ab"):
            os.utime(path, (time.time() - 500, time.time() - 500))
            numbers = self.metrics()
        self.assertEqual([numbers[f'lpm_archives{{state="{state}"}}'] for state in ("whole", "truncated", "writing")], [0, 1, 1])
        self.assertAlmostEqual(numbers["lpm_archive_writing_idle_seconds"], 500, delta=10)
        self.folder.chmod(0o777)
        numbers = self.metrics()
        self.assertEqual(numbers[f'lpm_archive_folder_faults{{folder="{self.folder}"}}'], 1)
        self.assertEqual(sum(value for name, value in numbers.items() if name.startswith("lpm_archives{")), 0)

    def test_on_loopback(self) -> None:
        """The same text as of GetMetrics."""
        config = self.work / "sidecar.toml"
        config.write_text('[listen]\nmetrics = "127.0.0.1:19443"\n')
        other = NODE_API.Sidecar(self.work / "other.sock", "--config", str(config))
        self.addCleanup(other.end)
        self.checkpoint()
        with urllib.request.urlopen("http://127.0.0.1:19443/metrics", timeout=10) as page:
            text = page.read().decode()
        self.assertIn('lpm_archives{state="whole"} 1\n', text)
        names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
        there = {line.split()[2] for line in other.client.GetMetrics().text.splitlines() if line.startswith("# TYPE")}
        self.assertTrue(names <= there, names - there)
        self.assertIn("lpm_archive_bytes", names)


class Given(ArchivesTest):
    def test_a_fetch_goes_on_where_it_was_cut(self) -> None:
        path = self.checkpoint()
        content = path.read_bytes()
        taken = b""
        stream = self.api.FetchArchive(path=str(path))
        first = next(iter(stream))
        self.assertEqual((first.size, first.offset), (len(content), 0))
        taken += first.data
        stream.cancel()
        for part in self.api.FetchArchive(path=str(path), file_id=first.file_id, offset=len(taken)):
            self.assertEqual((part.offset, part.crc32), (len(taken), zlib.crc32(part.data)))
            taken += part.data
        self.assertEqual(taken, content)
        path.write_bytes(content)  # the same, written again
        with self.assertRaises(NODE_API.grpc.RpcError) as caught:
            list(self.api.FetchArchive(path=str(path), file_id=first.file_id, offset=10))
        self.assertEqual(caught.exception.code().name, "ABORTED")

    def test_what_is_kept_from_being_deleted(self) -> None:
        path = self.checkpoint()
        named = self.api.FindArchive(attempt="attempt-1")
        keep = path.with_name(path.name + ".keep")
        keep.write_text("")
        self.assertTrue(self.api.FindArchive(attempt="attempt-1").pinned)
        code, words = self.code(self.api.DeleteArchive, path=str(path))
        self.assertEqual(code, "ABORTED")
        self.assertIn("pinned", words)
        keep.unlink()
        with open(path, "rb"):
            code, words = self.code(self.api.DeleteArchive, path=str(path))
            self.assertEqual(code, "ABORTED")
            self.assertIn("in use", words)
        self.assertEqual(self.code(self.api.DeleteArchive, path=str(path), file_id="1:2:3:4")[0], "ABORTED")
        self.assertTrue(path.exists())
        self.assertEqual(self.api.DeleteArchive(path=str(path), file_id=named.file_id).freed_bytes, named.size)
        self.assertFalse(path.exists())
        self.assertEqual(self.code(self.api.DeleteArchive, path=str(path))[0], "NOT_FOUND")

    def test_nothing_outside_is_touched(self) -> None:
        secret = self.work / "secret.tar"
        secret.write_text("secret")
        (self.folder / "link.tar").symlink_to(secret)
        (self.folder / "folder.tar").mkdir()
        os.mkfifo(self.folder / "pipe.tar")
        (self.folder / "passwd").symlink_to("/etc/passwd")
        for path in (secret, "/etc/passwd", f"{self.folder}/../secret.tar", f"{self.folder}/link.tar", f"{self.folder}/pipe.tar",
                     f"{self.folder}/folder.tar", f"{self.folder}/passwd", f"{self.folder}//link.tar", "/", "one.tar", ""):
            for call in (self.api.InspectArchive, self.api.VerifyArchive, self.api.DeleteArchive):
                with self.subTest(path=str(path)):
                    self.assertIn(self.code(call, path=str(path))[0], ("NOT_FOUND", "INVALID_ARGUMENT", "INTERNAL"))
        self.assertEqual(list(self.api.ListArchives().archives), [])
        self.assertEqual(secret.read_text(), "secret")
        self.assertTrue((self.folder / "link.tar").is_symlink())


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
        self.write_crowd(self.folder / "crowd.tar")
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

    def write_crowd(self, path: pathlib.Path) -> None:
        """Ten thousand processes that share all descriptors that a list may have, each with arguments in one big page map."""
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
