# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Which folders of archives lpm-sidecar looks at, and what it says of the others."""
import os

from e2e import SETTINGS
from sidecar_case import ArchivesTest


class Folders(ArchivesTest):
    def test_a_folder_that_others_may_write(self) -> None:
        self.checkpoint()
        self.folder.chmod(0o777)
        folder = next(f for f in self.api.ListArchives().folders if f.path == str(self.folder))
        self.assertIn("others than root may write", folder.fault)
        self.assertEqual(self.code(self.api.FindArchive, attempt="attempt-1")[0], "UNAVAILABLE")

    def fault(self, path: object) -> str:
        """Of a folder that lpm.toml names."""
        SETTINGS.write_text(f'[archives]\nfolders = ["{path}"]\n')
        return str(next(f for f in self.api.ListArchives().folders if f.path == str(path)).fault)

    def test_a_way_that_others_may_change(self) -> None:
        """By a folder above, or by a link in it; in the end nobody else may write."""
        others = self.work / "others"
        (others / "archives").mkdir(parents=True)
        (self.work / "link").symlink_to(others)
        (self.work / "good").symlink_to("archives/../archives")
        self.assertEqual(self.fault(self.work / "link/archives"), "")
        self.assertEqual(self.fault(self.work / "good"), "")
        others.chmod(0o777)
        for path in (others / "archives", self.work / "link/archives", others / "archives/../archives"):
            self.assertIn(f"as {others} is not root's alone", self.fault(path), path)
        others.chmod(0o1777)
        self.assertEqual(self.fault(others / "archives"), "", "as in /tmp: it is root's")
        (others / "theirs").symlink_to(self.folder)
        os.chown(others / "theirs", 65534, 65534, follow_symlinks=False)
        self.assertIn(f"as {others} is not root's alone", self.fault(others / "theirs"))
        os.chown(others, 65534, 65534)
        self.assertIn(f"as {others} is not root's alone", self.fault(others / "archives"), "its owner may remove all")
        (self.work / "loop").symlink_to("loop")
        self.assertIn("Too many levels of symbolic links", self.fault(self.work / "loop"))
        self.assertIn("No such file", self.fault(self.work / "none/archives"))
        (self.work / "file").touch()
        self.assertIn("Not a directory", self.fault(self.work / "file"))

    def test_folders_that_lpm_toml_does_not_tell(self) -> None:
        """What they have cannot be told: nothing is said to be nowhere."""
        self.checkpoint()
        self.assertEqual(self.code(self.api.FindArchive, attempt="attempt-2")[0], "NOT_FOUND")
        for text in ("[archives]\nfolder = []\n", "[archives\n"):
            SETTINGS.write_text(text)
            folder = next(f for f in self.api.ListArchives().folders if f.path == str(SETTINGS))
            self.assertIn("the folders of [archives] are unknown", folder.fault)
            self.assertEqual(self.code(self.api.FindArchive, attempt="attempt-1")[0], "UNAVAILABLE")
