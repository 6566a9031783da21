# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""The controller tells pods that ask to be restored, and the checkpoint, what came of it."""
from typing import Any

from at_create import FALLBACK, FROM
from deployed import CHECKPOINT
from e2e import run, wait_for
from oci_spec import Json
from suite import POD, container
from wake_test import WakeFromObjectTest


class WakeReport(WakeFromObjectTest):
    def told(self, pod: str, reason: str, kind: str, *words: str) -> Json:
        """The Event of the pod."""
        def posted() -> Json | None:
            return next((e for e in self.cluster.events_of(pod) if e["reason"] == reason), None)
        event = wait_for(f"{pod} has an event {reason}", posted, 30)
        self.assertEqual(event["type"], kind)
        for word in words:
            self.assertIn(word, event["message"])
        self.assertIn(reason, self.cluster.kubectl("describe", "pod", pod).stdout)
        print(f"  {reason}: {event['message']}", flush=True)
        return event

    def restores(self, name: str, count: int) -> list[Json]:
        def listed() -> Any:
            found = self.status_of(name).get("restores", [])
            return found if len(found) >= count else None
        found: list[Json] = wait_for(f"{name} has {count} restores", listed, 30)
        self.assertEqual(len(found), count, found)
        return found

    def test_one_that_goes_on_and_then_ends(self) -> None:
        nonce, name = self.taken_for_object()
        new = self.wake(name)
        self.assertEqual(self.assert_goes_on(new, "ctr"), nonce)
        record = self.last_record("restore", "completed")
        self.told(new, "Restored", "Normal", name, record["id"])
        uid = self.cluster.get(POD, new)["metadata"]["uid"]
        first = self.restores(name, 1)[0]
        time = first.pop("time")
        self.assertEqual(first, {"podName": new, "podUID": uid, "containerName": "ctr", "nodeName": "node1",
                                 "recordID": record["id"], "outcome": "completed"})
        self.assertEqual(time[:10], record["times"]["ended"][:10])
        shown = self.cluster.kubectl("describe", CHECKPOINT["kind"].lower(), name).stdout
        self.assertIn(record["id"], shown)
        self.controller.end()
        self.controller.start()
        wait_for("it leads again", self.controller.is_ready, 60)
        run("/usr/sbin/runc", "--root", "/run/runc", "kill", self.id_of(new, "ctr"), "KILL")
        wait_for("it starts again", lambda: self.state_of(new, "ctr").get("restartCount", 0) > 0)
        self.wait_ready(new)
        self.told(new, "RestoredBefore", "Warning", "started anew", "restored before")
        outcomes = [(one["outcome"], one.get("reason")) for one in self.restores(name, 2)]
        self.assertEqual(outcomes, [("refused", "RestoredBefore"), ("completed", None)])
        reasons = [event["reason"] for event in self.cluster.events_of(new)]
        self.assertEqual((reasons.count("Restored"), reasons.count("RestoreSkipped")), (1, 0))

    def test_one_that_is_not_tried(self) -> None:
        nonce, name = self.taken_for_object()
        self.switch_off()
        new = self.wake(name)
        self.assertNotEqual(self.assert_goes_on(new, "ctr"), nonce)
        self.told(new, "RestoreSkipped", "Warning", name, "node1", "at_create")
        self.assertNotIn("restores", self.status_of(name))
        misspelt = self.pod(container("ctr"), annotations={FROM + "r": name})
        self.assert_goes_on(misspelt, "ctr")
        self.told(misspelt, "RestoreSkipped", "Warning", "no container is called ctrr", "the pod has ctr")
        plain = self.pod(container("ctr"))
        self.assert_goes_on(plain, "ctr")
        self.assertNotIn("RestoreSkipped", [event["reason"] for event in self.cluster.events_of(plain)])

    def test_one_that_may_start_anew(self) -> None:
        _, name = self.taken_for_object()
        for path in self.archives():
            path.unlink()
        new = self.wake(name, annotations={FALLBACK: "start"})
        self.assert_goes_on(new, "ctr")
        self.told(new, "ArchiveMissing", "Warning", "started anew", name)
        self.assertEqual([(one["outcome"], one["reason"]) for one in self.restores(name, 1)], [("refused", "ArchiveMissing")])
