# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a program had in memory is there again after checkpoint and restore."""
import collections
import json

from e2e import NodeTest, wait_for


class State(NodeTest):
    def test_processes_and_threads_go_on(self) -> None:
        cid = self.start("workers", "/bin/workers", "3", "4")
        self.lines(cid, 60)
        new = self.move(cid)
        counts = collections.defaultdict(list)
        totals = []
        lines = self.lines(new, len(self.lines(new)) + 60)
        for line in lines:
            process, thread, nonce, value, total = line.split()
            counts[process, thread, nonce].append(int(value))
            totals.append(int(total))
        self.assertEqual(len(counts), 12, "every thread under one nonce")
        for who, values in counts.items():
            self.assertEqual(values, list(range(values[0], values[0] + len(values))), who)
        self.assertEqual(len(set(totals)), len(totals), "memory shared by the processes went back")

    def test_a_gibibyte_keeps_its_checksum(self) -> None:
        cid = self.start("memory", "/bin/workers", "memory", "1024")
        before = wait_for("a checksum", lambda: self.crio.log(cid).exists() and self.lines(cid, 1), 60)
        new = self.move(cid)
        lines = self.lines(new, len(self.lines(new)) + 2)
        self.assertEqual({line.split()[0] for line in lines}, {before[0].split()[0]})
        rounds = [int(line.split()[1]) for line in lines]
        self.assertEqual(rounds, list(range(len(rounds))))
        stats = self.records()[0]["stats"]
        self.assertGreaterEqual(stats["pages_written"], 1024 * 256, json.dumps(stats))
