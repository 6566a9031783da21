# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Restores of processes that may do more than the new config.json grants: CRIU takes their powers from the images, and
the runtime applies nothing of its configuration."""
import os
import pathlib
from collections.abc import Callable

from e2e import SETTINGS
from oci_spec import CAPABILITIES, Json
from resource_cases import ResourceTest, volume

CHECK = "PrivilegesExceeded"
MKNOD = 1 << 27


class Privileges(ResourceTest):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(SETTINGS.unlink, missing_ok=True)
        self.spec = self.work / "spec.dump"  # beside the images

    def more(self) -> pathlib.Path:
        """A checkpoint of a container with a capability beside the usual ones; a bundle that grants just these."""
        bundle = self.taken("child", "plain", capabilities=("CAP_MKNOD",))
        self.good = (bundle / "config.json").read_text()
        self.change(bundle / "config.json", lambda spec: spec["process"].update(
            capabilities=dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES)))
        return bundle

    def said(self) -> tuple[str, str]:
        """Verdict and message of the last restore."""
        [found] = [c for c in self.last_record("restore", "completed")["checks"] if c["id"] == CHECK]
        return found["verdict"], found.get("message", "")

    def comes_back_with(self, bundle: pathlib.Path, verdict: str, *words: str) -> None:
        self.restores(bundle)
        found, message = self.said()
        self.assertEqual(found, verdict, message)
        for word in words:
            self.assertIn(word, message)

    def test_capability_that_is_not_granted(self) -> None:
        """Refused where lpm.toml says so; else a warning, as the process really has it; neither where it is granted."""
        bundle = self.more()
        SETTINGS.write_text(f'[checks]\n{CHECK} = "block"\n')
        cid = self.add_container(f"restored-{os.urandom(4).hex()}")
        self.refused(CHECK, self.restore_args(cid, bundle), "process 1 (holder) holds CAP_MKNOD",
                     "same securityContext", operation="restore")
        self.show(CHECK, "refused")
        SETTINGS.unlink()
        self.comes_back_with(bundle, "warn", "process 1 (holder) holds CAP_MKNOD", "config.json")
        status = pathlib.Path(f"/proc/{self.pid(self.restored)}/status").read_text()
        self.assertTrue(int(status.split("\nCapEff:\t")[1].split()[0], 16) & MKNOD, "and so it has")
        self.show(CHECK, "warned")
        self.crio.runtime.direct("delete", "--force", self.restored)
        (bundle / "config.json").write_text(self.good)
        self.comes_back_with(bundle, "unknown", "spec.dump")

    def test_same_configuration(self) -> None:
        """As it stands in CRI-O's archives beside the images, in another order."""
        bundle = self.taken("child", "plain", denied=("mkdir",))
        self.spec.write_text((bundle / "config.json").read_text())
        self.change(self.spec, lambda data: data.update(linux=dict(reversed(data["linux"].items()))))
        SETTINGS.write_text(f'[checks]\n{CHECK} = "block"\n')
        self.comes_back_with(bundle, "pass")
        self.show(CHECK, "fine")

    def differs(self, bundle: pathlib.Path, change: Callable[[Json], object], *words: str) -> None:
        """The configuration of the checkpoint was another."""
        good = self.spec.read_text()
        self.change(self.spec, change)
        cid = self.add_container(f"restored-{os.urandom(4).hex()}")
        self.refused(CHECK, self.restore_args(cid, bundle), *words, operation="restore")
        self.spec.write_text(good)

    def test_another_configuration(self) -> None:
        bundle = self.taken("child", "plain", denied=("mkdir",))
        self.spec.write_text((bundle / "config.json").read_text())
        SETTINGS.write_text(f'[checks]\n{CHECK} = "block"\n')
        self.differs(bundle, lambda spec: spec["linux"].update(maskedPaths=[]), "could see /proc/acpi")
        self.differs(bundle, lambda spec: spec["linux"]["seccomp"].update(syscalls=[]), "another seccomp profile")
        self.comes_back_with(bundle, "pass")

    def test_processes_without_a_filter(self) -> None:
        bundle = self.taken("child", "plain")
        self.change(bundle / "config.json", lambda spec: spec["linux"].update(
            seccomp={"defaultAction": "SCMP_ACT_ALLOW"}))
        self.comes_back_with(bundle, "warn", "process 1 (holder) has no seccomp filter")

    def test_root_for_another_user(self) -> None:
        bundle = self.taken("child", "plain")
        self.change(bundle / "config.json", lambda spec: spec["process"].update(
            user={"uid": 1000, "gid": 1000}, capabilities={}))
        self.comes_back_with(bundle, "warn", "process 1 (holder)")

    def test_volume_that_is_read_only_now(self) -> None:
        """CRIU mounts it with the flags of the images."""
        bundle = self.taken("child", "plain", **volume(self))
        self.spec.write_text((bundle / "config.json").read_text())

        def read_only(spec: Json) -> None:
            for mount in spec["mounts"]:
                if mount["destination"] == "/shared":
                    mount["options"] = ["rbind", "rprivate", "ro"]
        self.change(bundle / "config.json", read_only)
        self.comes_back_with(bundle, "warn", "could write /shared")
        mounts = pathlib.Path(f"/proc/{self.pid(self.restored)}/mountinfo").read_text().splitlines()
        [options] = [line.split()[5] for line in mounts if line.split()[4] == "/shared"]
        self.assertIn("rw", options.split(","))

    def mounted_with(self, bundle: pathlib.Path, *options: str) -> None:
        """The volume, in the new config.json."""
        self.change(bundle / "config.json", lambda spec: spec["mounts"][-1].update(options=["rbind", "rprivate", *options]))

    def test_volume_that_has_less_now(self) -> None:
        """The flags of its mount, which the images have and no spec.dump has to tell."""
        bundle = self.taken("child", "plain", **volume(self))
        good = (bundle / "config.json").read_text()
        SETTINGS.write_text(f'[checks]\n{CHECK} = "block"\n')
        for options, words in ((["ro"], "could write /shared"), (["rro"], "could write /shared"),
                               (["nosuid", "noexec"], "had /shared without nosuid, noexec"),
                               (["nodev", "dev", "ro"], "could write /shared")):
            with self.subTest(options):
                self.mounted_with(bundle, *options)
                cid = self.add_container(f"restored-{os.urandom(4).hex()}")
                self.refused(CHECK, self.restore_args(cid, bundle), words, operation="restore")
        (bundle / "config.json").write_text(good)
        self.spec.write_text(good)
        self.comes_back_with(bundle, "pass")

    def test_volume_that_had_more_than_it_has_now(self) -> None:
        options = volume(self)
        options["mounts"][0]["options"] += ["nosuid", "nodev", "noexec"]
        bundle = self.taken("child", "plain", **options)
        self.spec.write_text((bundle / "config.json").read_text())
        self.mounted_with(bundle)
        self.comes_back_with(bundle, "pass")
