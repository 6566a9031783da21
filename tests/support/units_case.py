# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""A guest with the units of lpm, as their packages leave it (packaging/systemd)."""
from e2e import NodeTest, run


class UnitsTest(NodeTest):
    flavours = ("guest",)

    @classmethod
    def setUpClass(cls) -> None:
        run("systemd-sysusers")
        run("systemd-tmpfiles", "--create", "/usr/lib/tmpfiles.d/lpm.conf")
        run("systemctl", "daemon-reload")
