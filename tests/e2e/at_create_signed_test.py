# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Archives that are signed where they are made, and restored at create only by the word of a key."""
import os
import pathlib
import shutil

from at_create import AtCreateTest
from crio_archive import remade
from e2e import GATE, SETTINGS, Done, run


class Signed(AtCreateTest):
    def setUp(self) -> None:
        super().setUp()
        self.keys = self.work / "keys"
        self.keys.mkdir()
        for name in ("ours", "theirs"):
            run("openssl", "genpkey", "-algorithm", "ed25519", "-out", self.keys / name)
            run("openssl", "pkey", "-in", self.keys / name, "-pubout", "-out", self.keys / f"{name}.pub")
        self.kubelets = self.work / "kubelet/checkpoints"
        self.kubelets.mkdir(parents=True)
        self.set(signed_by=["ours.pub"])

    def set(self, sign_with: str = "", signed_by: list[str] | None = None) -> None:
        keys = [str(self.keys / name) for name in signed_by or []]
        SETTINGS.write_text(f'[gate]\nkubelet_dir = "{self.kubelets.parent}"\n[restore]\nat_create = true\nsigned_by = {keys}\n'
                            f'[archives]\nfolders = ["{self.folder}"]\n'
                            + (f'sign_with = "{self.keys / sign_with}"\n' if sign_with else ""))
        run(GATE, "--probe")

    def sign(self, *words: str, status: int = 0) -> Done:
        done = run(GATE, "--rescue", check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        for word in words:
            self.assertIn(word, done.stdout + done.stderr)
        return done

    def put_down(self) -> pathlib.Path:
        """An archive as the kubelet would put it down."""
        archive = self.taken()
        return pathlib.Path(shutil.move(archive, self.kubelets))

    def goes_on(self, archive: pathlib.Path) -> None:
        cid = self.wake(archive.name)
        self.crio.start(cid)
        self.assert_goes_on(cid, archive)
        self.crio.kill(cid)
        self.remove(cid)

    def test_what_is_signed_here_wakes_here(self) -> None:
        archive = self.put_down()
        self.refused_wake("SignatureMissing", archive.name, f"{archive}.sig")
        self.set("ours", ["theirs.pub", "ours.pub"])
        self.sign(f"signed {archive}")
        signature = pathlib.Path(f"{archive}.sig")
        self.assertEqual((signature.stat().st_size, signature.stat().st_mode & 0o777), (64, 0o644))
        self.assertEqual(self.sign().stdout, "")
        self.goes_on(archive)

    def test_anybody_can_verify_it(self) -> None:
        """As docs/restore.md says."""
        archive = self.put_down()
        self.set("ours")
        self.sign("signed")
        digest = run("sha256sum", archive).stdout.split()[0]
        message = self.work / "message"
        message.write_text(f"lpm archive 1\nsha256:{digest}\n")
        run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", self.keys / "ours.pub", "-rawin", "-in", message,
            "-sigfile", f"{archive}.sig")

    def test_what_is_not_what_was_signed(self) -> None:
        archive = self.put_down()
        self.set("ours", ["ours.pub"])
        self.sign("signed")
        other = remade(archive, "layer", {"rootfs-diff.tar": lambda _: b""})
        shutil.copy(f"{archive}.sig", f"{other}.sig")
        self.refused_wake("SignatureWrong", other.name, "signed_by")
        other.unlink()
        self.set("ours", ["theirs.pub"])
        self.refused_wake("SignatureWrong", archive.name)
        for content in (b"", b"x" * 64, b"x" * 65, bytes(100_000)):
            pathlib.Path(f"{archive}.sig").write_bytes(content)
            self.set("ours", ["ours.pub"])
            self.refused_wake("SignatureUnknown" if len(content) > 64 else "SignatureWrong", archive.name)

    def test_keys_that_cannot_be_used(self) -> None:
        archive = self.put_down()
        self.set("ours")
        self.sign("signed")
        (self.keys / "broken").write_text("no key")
        for name in ("broken", "absent"):
            self.set("ours", [name])
            self.refused_wake("SignatureUnknown", archive.name, name)
        (self.keys / "theirs.pub").chmod(0o666)
        self.set("ours", ["theirs.pub"])
        self.refused_wake("SignatureUnknown", archive.name, "is not for root alone")
        SETTINGS.write_text(SETTINGS.read_text().replace("signed_by = [", "signed_by = 7 #"))
        self.refused_wake("RestoreUnsupported", archive.name, "signed_by")
        self.set("ours", ["broken", "ours.pub"])
        self.goes_on(archive)

    def test_a_key_that_others_can_read_signs_nothing(self) -> None:
        self.put_down()
        self.set("ours")
        (self.keys / "ours").chmod(0o644)
        self.sign("is not for root alone", status=1)
        (self.keys / "ours").chmod(0o600)
        os.chown(self.keys / "ours", 1000, 0)
        self.sign("is not for root alone", status=1)
        self.set("broken")
        (self.keys / "broken").write_text("no key")
        (self.keys / "broken").chmod(0o600)
        self.sign("no archive is signed: openssl cannot sign with", status=1)
        self.assertEqual(list(self.kubelets.glob("*.sig")), [])

    def test_an_archive_that_others_can_write_is_not_signed(self) -> None:
        archive = self.put_down()
        archive.chmod(0o666)
        self.set("ours")
        self.sign("others than root can write it", status=1)
        archive.chmod(0o600)
        self.sign("signed")

    def test_another_archive_of_the_same_name(self) -> None:
        archive = self.put_down()
        self.set("ours", ["ours.pub"])
        self.sign("signed")
        archive.write_bytes(self.taken().read_bytes())
        self.refused_wake("SignatureWrong", archive.name)
        self.sign("signed")
        self.goes_on(archive)

    def test_archives_from_elsewhere_are_not_signed(self) -> None:
        archive = self.taken()
        self.set("ours", ["ours.pub"])
        self.assertEqual(self.sign().stdout, "")
        self.refused_wake("SignatureMissing", archive.name)
