# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-wake: what CRI-O has archived becomes images, and changes of a root file system; a bad archive nothing at all."""
import os
import pathlib
import shutil
import struct
import subprocess
import tarfile
import tempfile
from typing import Any

import wake_archive
from e2e import LpmTest, first_group, run
from wake_archive import IMAGES, MANIFEST, Build, Seen, add, archive, look, member, members, tar_of

WAKE = "/usr/libexec/lpm/lpm-wake"
TIME = 1_700_000_000
# Of version 2, CAP_NET_BIND_SERVICE permitted and effective, as setcap writes it.
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)


class WakeTest(LpmTest):
    flavours = ("trixie",)

    def setUp(self) -> None:
        super().setUp()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="wake", dir="/var/lib"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.root = self.dir / "rootfs"
        self.outside = self.dir / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text("secret")

    def wake(self, content: bytes, *words: object, status: int = 0, **how: Any) -> str:
        """Its standard output; what it says of an error is in `said`: one line, or nothing."""
        file = self.dir / "archive.tar"
        file.write_bytes(content)
        with file.open("rb") as stdin:
            done = run(WAKE, *words, check=False, stdin=stdin, **how)
        self.said = done.stderr
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(self.said.count("\n"), 1 if status else 0, self.said)
        self.assertRegex(self.said, "^lpm-wake: |^$")
        return done.stdout


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
                               member("own/a name", b"kept", mode=0o4755), member("own/b\udcff", kind=tarfile.SYMTYPE, linkname="/x"),
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


class Rootfs(WakeTest):
    def setUp(self) -> None:
        super().setUp()
        (self.root / "etc").mkdir(parents=True)
        (self.root / "etc/hosts").write_text("old")
        (self.root / "bin").symlink_to("usr/bin")
        (self.root / "out").symlink_to(self.outside)
        (self.root / "old/below").mkdir(parents=True)
        (self.root / "old/below/file").write_text("old")

    def apply(self, build: Build, deleted: list[str] | None = None, form: int = tarfile.PAX_FORMAT) -> Seen:
        self.wake(archive(tar_of(build, form), deleted), "rootfs", self.root)
        return look(self.root)

    def refused(self, build: Build, why: str, deleted: list[str] | None = None) -> None:
        """Nothing is as it was not before."""
        before = look(self.dir / "rootfs"), look(self.outside)
        self.wake(archive(tar_of(build), deleted), "rootfs", self.root, status=2)
        self.assertIn(why, self.said)
        self.assertEqual((look(self.root), look(self.outside)), before)

    def test_without_a_change(self) -> None:
        before = look(self.root)
        for content in (archive(), archive(b""), archive(bytes(1024)), archive(bytes(10240), []), archive(deleted=["/not/there"]),
                        archive(more=member("deleted.files", b"null"))):
            self.wake(content, "rootfs", self.root)
            self.assertEqual(look(self.root), before)

    def test_what_the_container_had_is_there(self) -> None:
        long = "/".join(["n" * 200] * 3)

        def build(tar: tarfile.TarFile) -> None:
            add(tar, "etc/", kind=tarfile.DIRTYPE, mode=0o1777, uid=5, gid=6)
            add(tar, "etc/hosts", b"new", uid=1000, gid=2_000_000, mode=0o640)
            add(tar, "etc/su", b"#!", mode=0o6755, uid=7, gid=8,
                pax_headers={"SCHILY.xattr.user.note": "of a user", "SCHILY.xattr.trusted.overlay.opaque": "y",
                             "SCHILY.xattr.security.selinux": "label",
                             "SCHILY.xattr.security.capability": CAPABILITY.decode("latin-1")} if tar.format else {})
            add(tar, "etc/same", kind=tarfile.LNKTYPE, linkname="etc/hosts")
            add(tar, "etc/of-the-image", kind=tarfile.LNKTYPE, linkname="old/below/file")
            add(tar, "sym", kind=tarfile.SYMTYPE, linkname="/etc/passwd", uid=3, gid=4)
            add(tar, "caf\u00e9/e\u0301", b"bytes")
            add(tar, long, b"long")
            add(tar, "old", b"a file now")
            add(tar, "bin", kind=tarfile.DIRTYPE)
            add(tar, "bin/tool", b"x" * 100_000)
        for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
            seen = self.apply(build, form=form)
            self.assertEqual(seen["etc"], ("drwxrwxrwt", 5, 6, None, TIME, {}))
            self.assertEqual(seen["etc/hosts"], ("-rw-r-----", 1000, 2_000_000, b"new", TIME, {}))
            kept = {"user.note": b"of a user", "security.capability": CAPABILITY} if form == tarfile.PAX_FORMAT else {}
            self.assertEqual(seen["etc/su"], ("-rwsr-sr-x", 7, 8, b"#!", TIME, kept))
            self.assertEqual((self.root / "etc/same").stat().st_ino, (self.root / "etc/hosts").stat().st_ino)
            self.assertEqual(seen["sym"][:5], ("lrwxrwxrwx", 3, 4, "/etc/passwd", TIME))
            self.assertEqual(seen["caf\u00e9"][:3], ("drwxr-xr-x", 0, 0))
            self.assertEqual(seen["caf\u00e9/e\u0301"][3], b"bytes")
            self.assertEqual(seen[long][3], b"long")
            self.assertEqual(seen["bin/tool"][3], b"x" * 100_000)
            self.assertEqual(seen["old"][3], b"a file now")
            self.assertEqual(seen["etc/of-the-image"][3], b"old")
            shutil.rmtree(self.root)
            self.setUp()

    def test_as_tar_unpacks_it(self) -> None:
        """A tree of all that may be, made by GNU tar."""
        source = self.dir / "source"
        (source / "a/b").mkdir(parents=True)
        (source / "a/b/f").write_bytes(os.urandom(70_000))
        os.link(source / "a/b/f", source / "a/link")
        (source / "a/s").symlink_to("b/f")
        os.mkfifo(source / "a/fifo")
        os.chmod(source / "a/fifo", 0o622)
        os.chown(source / "a/fifo", 13, 14)
        os.chown(source / "a/s", 11, 12, follow_symlinks=False)
        os.chmod(source / "a/b", 0o2750)
        os.setxattr(source / "a", "user.x", b"\0\1")
        with (source / "holes").open("wb") as holes:
            holes.truncate(3 << 20)
            holes.seek(1 << 20)
            holes.write(b"x")
        for form in ("gnu", "posix"):
            for options in ((), ("--sparse",)):
                shutil.rmtree(self.root)
                self.root.mkdir()
                diff = self.dir / "diff.tar"
                run("tar", "-C", source, f"--format={form}", *(["--xattrs"] if form == "posix" else []), *options,
                    "-cf", diff, ".")
                self.wake(archive(diff.read_bytes()), "rootfs", self.root)
                want = look(source)
                if form == "gnu":
                    want["a"] = (*want["a"][:5], {})
                self.assertEqual(look(self.root), want, (form, options))
                self.assertEqual((self.root / "a/b/f").stat().st_nlink, 2)

    def test_deleted_files(self) -> None:
        (self.root / "old/link").symlink_to(self.outside)
        seen = self.apply(member("new", b"x"), ["/old", "/etc/hosts", "/not/there", "/new", "/out/secret",
                                                              "/etc/hosts/x"])
        self.assertEqual(set(seen), {"etc", "bin", "out"})
        self.assertEqual((self.outside / "secret").read_text(), "secret")

    def test_deleted_files_that_are_none(self) -> None:
        for deleted in (["relative"], ["/"], ["/a/../b"], ["/etc/hosts", "/./x"], [""], ["/a//b"], ["/etc/"], ["/a\0b"]):
            self.refused(wake_archive.nothing, "deleted.files", deleted)
        for text in (b"{}", b"[1]", b"[\"/etc\"", b"[[]]", b"\"/etc\"", b"\xff"):
            self.wake(archive(more=member("deleted.files", text)), "rootfs", self.root, status=2)

    def test_out_by_a_link(self) -> None:
        def escape(tar: tarfile.TarFile) -> None:
            add(tar, "etc/hosts", b"new")
            add(tar, "a", kind=tarfile.SYMTYPE, linkname=str(self.outside))
            add(tar, "a/secret", b"changed")
        self.refused(escape, "a is no folder")

        def late(tar: tarfile.TarFile) -> None:
            add(tar, "a/x")
            add(tar, "a", kind=tarfile.SYMTYPE, linkname=str(self.outside))
        self.refused(late, "a is no folder")
        # What is there already is met when it is written: a folder of that name would replace the link.
        for path in ("out/secret", "out/sub/x", "bin/x"):
            self.refused(member(path, b"changed"), "a link or a file is in the way")
        self.apply(member("out", kind=tarfile.DIRTYPE))
        self.assertFalse((self.root / "out").is_symlink())
        self.assertEqual(os.listdir(self.outside), ["secret"])

    def test_members_that_are_refused(self) -> None:
        for name in ("/etc/x", "../x", "etc/../../x", "etc/./x", "a//b", "n" * 256, "etc/.wh.hosts", "/".join(["n" * 200] * 25)):
            self.refused(member(name, b"x"), "rootfs-diff.tar: ")
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
            self.refused(member("dev", kind=kind), "a device or a socket")
        self.refused(members(member("x", kind=tarfile.FIFOTYPE), member("x/y")), "x is no folder")
        self.refused(members(member("x"), member("x")), "x is there twice")
        self.refused(members(member("x"), member("x/y")), "x is no folder")
        self.refused(member("x", uid=2**32 - 1), "an owner")
        self.refused(members(member("y"), member("x", pax_headers={"SCHILY.xattr.user." + "n" * 2_000_000: "x"})), "")

    def test_hard_links_to_elsewhere(self) -> None:
        for target in (str(self.outside / "secret"), "../outside/secret", "out/secret", "out", "etc", "absent", "x", ""):
            self.refused(member("x", kind=tarfile.LNKTYPE, linkname=target), "x ")
        self.refused(members(member("d", kind=tarfile.DIRTYPE), member("x", kind=tarfile.LNKTYPE, linkname="d")), "x is")
        self.refused(members(member("s", kind=tarfile.SYMTYPE, linkname="etc/hosts"),
                               member("x", kind=tarfile.LNKTYPE, linkname="s")), "x is a hard link")
        self.refused(members(member("old", b""), member("x", kind=tarfile.LNKTYPE, linkname="old/below/file")), "x is")

    def test_a_layer_that_is_cut_off(self) -> None:
        diff = tar_of(members(member("etc/hosts", b"new"), member("more", bytes(3000))))
        before = look(self.root)
        for cut in (100, 512, 600, 1024, 2000, 4608, 5120):
            self.wake(archive(diff[:cut]), "rootfs", self.root, status=2)
            self.assertIn("rootfs-diff.tar: ", self.said)
            self.assertEqual(look(self.root), before)
        info = tarfile.TarInfo("large")
        for size in (1 << 20, 1 << 50):
            info.size = size
            self.wake(archive(info.tobuf(tarfile.GNU_FORMAT) + bytes(2048)), "rootfs", self.root, status=2)
            self.assertIn("large ends behind its end", self.said)

    def test_nothing_is_mounted_over(self) -> None:
        run("mount", "-t", "tmpfs", "tmpfs", self.root / "etc")
        self.addCleanup(run, "umount", self.root / "etc")
        self.wake(archive(tar_of(member("etc/hosts", b"new"))), "rootfs", self.root, status=2)
        self.assertEqual(os.listdir(self.root / "etc"), [])

    def test_on_an_overlay_as_engines_mount_it(self) -> None:
        """The image's layer is not touched; the archive says nothing to the file system."""
        run("mount", "-t", "tmpfs", "tmpfs", self.outside)
        self.addCleanup(run, "umount", self.outside)
        for name in ("lower", "upper", "work"):
            (self.outside / name).mkdir()
        shutil.copytree(self.root, self.outside / "lower", symlinks=True, dirs_exist_ok=True)
        before = look(self.outside / "lower")
        run("mount", "-t", "overlay", "-o", ",".join(f"{name}dir={self.outside / name}" for name in ("lower", "upper", "work")),
            "overlay", self.root)
        self.addCleanup(run, "umount", self.root)
        seen = self.apply(members(
            member("etc/", kind=tarfile.DIRTYPE, pax_headers={"SCHILY.xattr.trusted.overlay.opaque": "y"}),
            member("etc/new", b"x", mode=0o4755, pax_headers={"SCHILY.xattr.security.capability": CAPABILITY.decode("latin-1")}),
            member("etc/same", kind=tarfile.LNKTYPE, linkname="etc/hosts"),
            member("out", kind=tarfile.DIRTYPE)), ["/old/below"])
        self.assertEqual(set(seen), {"bin", "etc", "etc/hosts", "etc/new", "etc/same", "old", "out"})
        self.assertEqual(seen["etc/new"], ("-rwsr-xr-x", 0, 0, b"x", TIME, {"security.capability": CAPABILITY}))
        self.assertEqual(seen["etc/same"][3], b"old")
        self.assertNotIn("trusted.overlay.opaque", os.listxattr(self.outside / "upper/etc"))
        self.assertEqual(look(self.outside / "lower"), before)

    def test_a_deep_tree_goes(self) -> None:
        path = self.root / "deep"
        for _ in range(300):
            path /= "d"
        path.mkdir(parents=True)
        self.assertNotIn("deep", self.apply(member("deep", b"")).get("deep/d", ()))
        self.assertTrue((self.root / "deep").is_file())


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
