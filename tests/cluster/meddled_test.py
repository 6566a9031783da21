# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""What a ContainerCheckpoint says when something between the controller and the kubelet goes wrong."""
from api import KUBELET_PORT
from controller import Controller, ControllerTest
from meddler import Deed, Detour, Meddler
from suite import container


class MeddledKubelet(ControllerTest):
    def setUp(self):
        super().setUp()
        self.meddler = Meddler(self.cluster.pki, KUBELET_PORT)
        self.addCleanup(self.meddler.close)
        self.addCleanup(Detour(Controller.UID, KUBELET_PORT, self.meddler).close)

    def test_it_is_in_the_way(self):
        pod = self.pod(container("ctr"))
        self.assert_completed(self.ask(pod, "ctr"))
        self.assertEqual(len(self.meddler.posts()), 1)

    def test_a_cut_connection(self):
        self.meddler.choose = lambda seen: Deed("cut")
        pod = self.pod(container("ctr"))
        self.assert_failed(self.ask(pod, "ctr"), "OutcomeUnknown", "look for the archive")
        self.assertEqual(len(self.meddler.posts()), 1)
        self.last_record("checkpoint", "completed")
