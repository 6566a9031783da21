# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Of the package lpm-node.
# shellcheck shell=sh

drop_in=/etc/crio/crio.conf.d/zz-lpm.conf
crio_unit=/etc/systemd/system/crio.service.d/lpm.conf

# It repeats what other files say of CRI-O's handlers.
node_peers_changed() {
    [ ! -e "$drop_in" ] || lpmctl node enable --check || true
}

# Nobody is left to make the drop-in again when files before it change, and CRI-O may not start with an old one.
node_going() {
    [ -e "$drop_in" ] || [ -e "$crio_unit" ] || return 0
    lpmctl node disable >&2 || say "$drop_in stays: remove it when the reason above is gone"
}
