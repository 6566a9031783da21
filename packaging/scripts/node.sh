# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Of the package lpm-node.
# shellcheck shell=sh

drop_in=/etc/crio/crio.conf.d/zz-lpm.conf
crio_unit=/etc/systemd/system/crio.service.d/lpm.conf

# A CRI-O that runs with other files than those of /etc/crio.
has_other_files() {
    for process in /proc/[0-9]*; do
        [ "$(cat "$process/comm" 2>/dev/null)" = crio ] || continue
        ! tr '\0' '\n' 2>/dev/null <"$process/cmdline" | grep -qE '^--config(-dir)?(=|$)' || return 0
    done
    return 1
}

# It repeats what other files say of CRI-O's handlers.
node_peers_changed() {
    [ ! -e "$drop_in" ] || lpmctl node enable --check || true
}

# Nobody is left to make the drop-in again when files before it change, and CRI-O may not start with an old one.
node_going() {
    if [ -e "$drop_in" ] || [ -e "$crio_unit" ]; then
        lpmctl node disable --crio /etc/crio >&2 || say "$drop_in stays: remove it when the reason above is gone"
    fi
    ! has_other_files || lpmctl node disable >&2 || say "zz-lpm.conf of CRI-O's own folder stays: remove it when the reason above is gone"
}
