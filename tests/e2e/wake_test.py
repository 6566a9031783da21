# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-wake: what CRI-O has archived becomes images, and changes of a root file system; a bad archive nothing at all."""
import os
import pathlib
import shutil
import subprocess
import tarfile

import wake_archive
from e2e import first_group, run
from wake_archive import IMAGES, MANIFEST, archive, look, member, members, tar_of
from wake_case import WAKE, WakeTest


class Manifest(WakeTest):
    def test_it_is_told(self) -> None:
        self.assertEqual(self.wake(archive(), "manifest"), MANIFEST.decode())

    def test_one_that_is_not_there(self) -> None:
        self.assertEqual(self.wake(archive(images={"inventory.img": b""}), "manifest", status=3), "")
        self.assertIn("lpm.json is not in it", self.said)

    def test_what_is_too_large(self) -> None:
        self.wake(archive(images={"lpm.json": b"x" * (64 << 10)}), "manifest")
        self.wake(archive(images={"lpm.json": b"x" * ((64 << 10) + 1)}), "manifest", status=2)

    def test_any_cut_is_seen(self) -> None:
        whole = archive()
        for size in (0, 1, 511, 512, 5000, len(whole) // 2, len(whole.rstrip(b"\0"))):
            self.wake(whole[:size], "manifest", status=2)
        self.wake(b"no tar at all" * 100, "manifest", status=2)

    def test_only_headers_are_read(self) -> None:
        """Of pages with holes of 20 GiB."""
        file = self.dir / "large.tar"
        info = tarfile.TarInfo("checkpoint/pages-1.img")
        info.size = 20 << 30
        lpm = tarfile.TarInfo("checkpoint/lpm.json")
        lpm.size = 2
        with file.open("wb") as to:
            to.write(info.tobuf(tarfile.GNU_FORMAT))
            to.seek(info.size, os.SEEK_CUR)
            to.write(lpm.tobuf(tarfile.GNU_FORMAT) + b"{}".ljust(512, b"\0") + bytes(1024))
        with file.open("rb") as stdin:
            self.assertEqual(run(WAKE, "manifest", stdin=stdin, timeout=10).stdout, "{}")

    def test_a_command_line_that_is_none(self) -> None:
        for words in ((), ("images",), ("manifest", "x"), ("other", "x"), ("rootfs", self.dir, "x")):
            self.wake(archive(), *words, status=1)


class Images(WakeTest):
    def setUp(self) -> None:
        super().setUp()
        self.to = self.dir / "images"
        self.to.mkdir()

    def refused(self, content: bytes, why: str, status: int = 2) -> None:
        self.wake(content, "images", self.to, status=status)
        self.assertIn(why, self.said)
        self.assertEqual(os.listdir(self.to), [])

    def test_they_are_there_and_roots_alone(self) -> None:
        os.umask(0o027)
        self.addCleanup(os.umask, 0o022)
        self.wake(archive(tar_of(wake_archive.nothing), ["/x"]), "images", self.to)
        seen = look(self.to)
        self.assertEqual({name: what[3] for name, what in seen.items()},
                         {"checkpoint": None, "spec.dump": b'{"spec": 1}',
                          **{f"checkpoint/{name}": content for name, content in IMAGES.items()}})
        self.assertEqual({what[:3] for what in seen.values()}, {("drwx------", 0, 0), ("-rw-------", 0, 0)})

    def test_the_layer_is_listed(self) -> None:
        """For checks that are made before it is put down; names may have any byte but a zero."""
        layer = tar_of(members(member("./", kind=tarfile.DIRTYPE), member("own/", kind=tarfile.DIRTYPE, mode=0o1777),
                               member("own/a name", b"kept", mode=0o4755),
                               member("own/b\udcff", kind=tarfile.SYMTYPE, linkname="/x"),
                               member("c", kind=tarfile.LNKTYPE, linkname="own/a name"), member("p", kind=tarfile.FIFOTYPE)))
        listed = self.wake(archive(layer, ["/bin/wc"]), "images", self.to, errors="surrogateescape")
        self.assertEqual(listed.split("\0"), [f"d {0o1777} 0 own", f"f {0o4755} 4 own/a name", "l 420 0 own/b\udcff",
                                              "h 420 0 c", "own/a name", "p 420 0 p", "- 0 0 bin/wc", ""])

    def test_holes_stay_holes(self) -> None:
        """As GNU tar writes them, in each of its forms."""
        source = self.dir / "source/checkpoint"
        source.mkdir(parents=True)
        with (source / "pages-1.img").open("wb") as pages:
            for at in (1 << 20, 5 << 20):
                pages.seek(at)
                pages.write(b"page" * 1024)
            pages.truncate(9 << 20)
        for form in ("--format=gnu", "--format=posix --sparse-version=0.0", "--format=posix --sparse-version=0.1",
                     "--format=posix --sparse-version=1.0"):
            run("tar", "-C", source.parent, "--sparse", *form.split(), "-cf", self.dir / "sparse.tar", "checkpoint")
            self.assertLess((self.dir / "sparse.tar").stat().st_size, 1 << 20)
            self.wake((self.dir / "sparse.tar").read_bytes(), "images", self.to)
            made = self.to / "checkpoint/pages-1.img"
            self.assertEqual(made.read_bytes(), (source / "pages-1.img").read_bytes(), form)
            self.assertLess(made.stat().st_blocks * 512, 1 << 20)
            shutil.rmtree(self.to / "checkpoint")

    def test_what_is_no_image(self) -> None:
        for name, kind in (("checkpoint/x.img", tarfile.SYMTYPE), ("checkpoint/x.img", tarfile.LNKTYPE),
                           ("checkpoint/x.img", tarfile.CHRTYPE), ("checkpoint/x.img", tarfile.FIFOTYPE),
                           ("checkpoint", tarfile.SYMTYPE), ("checkpoint", tarfile.REGTYPE)):
            self.refused(archive(more=member(name, kind=kind, linkname="/etc")), name)
        for name in ("checkpoint/sub/x.img", "checkpoint/../x", "checkpoint/a b", "checkpoint/\x1b[2J", "checkpoint/.x",
                     "checkpoint/\u00e9.img", "checkpoint/" + "n" * 256, "checkpoint/core-1.img"):
            self.refused(archive(more=member(name)), "images, checkpoint/")
            self.assertNotIn("\x1b", self.said)
        self.wake(archive(more=member("checkpoint/sub", kind=tarfile.DIRTYPE)), "images", self.to)

    def test_texts_that_are_none(self) -> None:
        self.refused(archive(more=member("spec.dump")), "spec.dump is there twice")
        self.refused(archive(more=member("deleted.files", kind=tarfile.SYMTYPE, linkname="x")), "deleted.files")
        self.refused(tar_of(member("spec.dump", bytes((8 << 20) + 1))), "spec.dump has more than 8")

    def test_sizes_that_are_lies(self) -> None:
        for size in (1 << 20, 1 << 33, 1 << 40, (1 << 62)):
            info = tarfile.TarInfo("checkpoint/pages-2.img")
            info.size = size
            self.refused(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096), "is cut off")
        info.size = -1
        self.wake(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096), "images", self.to, status=2)

    def test_too_many(self) -> None:
        header = tarfile.TarInfo("x").tobuf()
        self.refused(header * 100_001 + bytes(1024), "more than 100000 members")

    def test_a_disk_without_room(self) -> None:
        run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.to)
        self.addCleanup(run, "umount", self.to)
        self.refused(archive(images={"pages-1.img": bytes(2 << 20)}), "they need 2.0 MiB, and 1.0 MiB are free", status=1)
        # The figures would do, but for the rest of a block of each.
        many = {f"core-{i}.img": b"x" for i in range(300)}
        self.refused(archive(images=many), "no space for the images", status=1)

    def test_a_folder_that_is_none(self) -> None:
        (self.to / "x").write_text("")
        self.wake(archive(), "images", self.to, status=1)
        self.assertIn("not empty", self.said)
        self.assertEqual(os.listdir(self.to), ["x"])
        self.wake(archive(), "images", self.dir / "absent", status=1)
        (self.dir / "link").symlink_to(self.to)
        self.wake(archive(), "images", self.dir / "link", status=1)


class Power(WakeTest):
    def left(self, content: bytes, *words: object) -> int:
        """Capabilities of lpm-wake that reads, as bits; it must have given all else away by then."""
        file = self.dir / "archive.tar"
        file.write_bytes(content)
        call = [WAKE, *map(str, words)]
        with file.open("rb") as stdin, subprocess.Popen(call, stdin=stdin, stdout=subprocess.DEVNULL) as process:
            status = ""
            while "Seccomp:\t2" not in status:
                self.assertIsNone(process.poll(), "it ended before it was seen")
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            self.root_seen = os.readlink(f"/proc/{process.pid}/root")
        self.assertEqual(process.returncode, 0)
        self.assertEqual(first_group(r"^NoNewPrivs:\s*(\d)$", status), "1")
        for name in ("CapInh", "CapAmb"):
            self.assertEqual(int(first_group(rf"^{name}:\s*(\w+)$", status), 16), 0, status)
        permitted, effective = (int(first_group(rf"^{name}:\s*(\w+)$", status), 16) for name in ("CapPrm", "CapEff"))
        self.assertEqual(permitted, effective)
        return permitted

    def test_only_what_a_verb_needs_is_left(self) -> None:
        self.root.mkdir()
        images = self.dir / "images"
        images.mkdir()
        many = {f"core-{i}.img": b"x" for i in range(20_000)}
        self.assertEqual(self.left(archive(images={"lpm.json": b"", **many}), "manifest"), 0)
        self.assertEqual(self.left(archive(images=many), "images", images), 0)
        self.assertEqual(self.root_seen, str(images))
        diff = tar_of(members(*(member(f"f{i}", b"x") for i in range(20_000))))
        chown, dac_override, fowner, fsetid, setfcap = 0, 1, 3, 4, 31
        self.assertEqual(self.left(archive(diff), "rootfs", self.root),
                         sum(1 << bit for bit in (chown, dac_override, fowner, fsetid, setfcap)))
        self.assertEqual(self.root_seen, str(self.root))
