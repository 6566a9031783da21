# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Of rpm's scriptlets alone: Debian's packages have what debhelper writes. A unit that its node has enabled or disabled stays so.
# shellcheck shell=sh

# start_units COUNT UNIT...: COUNT as rpm gives it, 1 for the first installation.
start_units() {
    count=$1
    shift
    [ "$count" -ne 1 ] || systemctl enable --quiet "$@" 2>/dev/null || true
    [ -d /run/systemd/system ] || return 0
    systemctl daemon-reload
    if [ "$count" -eq 1 ]; then systemctl start "$@" || true; else systemctl try-restart "$@" || true; fi
}

stop_units() {
    systemctl disable --quiet "$@" 2>/dev/null || true
    [ ! -d /run/systemd/system ] || systemctl stop "$@" || true
}

# Under SELinux a wrapper of another type than runc's would start containers in another domain.
label_wrapper() {
    command -v semanage >/dev/null || return 0
    for program in /usr/bin/lpm-runc /usr/libexec/lpm/lpm-gate; do
        semanage fcontext --add --type container_runtime_exec_t "$program" 2>/dev/null || true
        restorecon "$program" || true
    done
}
unlabel_wrapper() {
    command -v semanage >/dev/null || return 0
    for program in /usr/bin/lpm-runc /usr/libexec/lpm/lpm-gate; do
        semanage fcontext --delete "$program" 2>/dev/null || true
    done
}
