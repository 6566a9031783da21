# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""lpm-wake makes of a new root file system what the container had made of its own; of a bad layer nothing at all."""
import os
import shutil
import struct
import tarfile

import wake_archive
from e2e import run
from wake_archive import Build, Seen, add, archive, look, member, members, tar_of
from wake_case import WakeTest

TIME = 1_700_000_000
# Of version 2, CAP_NET_BIND_SERVICE permitted and effective, as setcap writes it.
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)


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
