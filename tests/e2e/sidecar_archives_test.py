# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-sidecar knows the archives of its node: which there are, of whom, and whether they are whole."""
import gzip
import hashlib
import io
import os
import pathlib
import shutil
import subprocess
import tarfile
import time
import urllib.request
import zlib
from collections.abc import Callable

from e2e import SETTINGS
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
