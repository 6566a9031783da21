# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The node itself: what the other tests rely on."""
import pathlib

from e2e import NodeTest, run


class Node(NodeTest):
    def test_it_is_alone(self) -> None:
        self.assertEqual(pathlib.Path("/proc/self/cgroup").read_text().count("lpm-"), 0, "own cgroup namespace")
        self.assertIn("lo:", pathlib.Path("/proc/net/dev").read_text())
        self.assertLess(len([p for p in pathlib.Path("/proc").iterdir() if p.name.isdigit()]), 40)

    def test_engine_folders_are_on_a_disk(self) -> None:
        for folder in ("containers", "containerd", "lpm"):
            kind = run("stat", "--file-system", "--format", "%T", f"/var/lib/{folder}").stdout.strip()
            self.assertNotEqual(kind, "overlayfs", folder)

    def test_lpm_stands_where_a_package_would_put_it(self) -> None:
        self.assertEqual(run("readlink", "-f", "/etc/lpm/bin/runc").stdout, "/usr/bin/lpm-runc\n")
        self.assertEqual(run("readlink", "-f", "/etc/lpm/runtime").stdout, "/usr/sbin/runc\n")
        self.assertTrue(pathlib.Path("/run/lpm/probe.json").is_file(), "versions are known")
