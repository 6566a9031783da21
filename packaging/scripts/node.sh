# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Of the package lpm-node.
# shellcheck shell=sh
# shellcheck disable=SC2154 # crio_unit is of common.sh

drop_in=/etc/crio/crio.conf.d/zz-lpm.conf

# It repeats what other files say of CRI-O's handlers.
node_peers_changed() {
    [ ! -e "$drop_in" ] || lpmctl node enable --check || true
}

# Nobody is left to make the drop-in again when files before it change, and CRI-O may not start with an old one.
node_going() {
    if [ -e "$drop_in" ] || [ -e "$crio_unit" ]; then
        lpmctl node disable --crio /etc/crio >&2 || say "$drop_in stays: remove it when the reason above is gone"
    fi
    [ -z "$(crio_places)" ] || lpmctl node disable >&2 || say "zz-lpm.conf of CRI-O's own folder stays: remove it when the reason above is gone"
}
