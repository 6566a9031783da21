# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# What a purge removes (deb alone: rpm knows no such thing). With common.sh, and runc.sh for runc_purged.
# shellcheck shell=sh
# shellcheck disable=SC2154 # handler is of runc.sh, crio_unit of common.sh

# A user whose process runs stays, and one who can log in: a person, who had that name before.
remove_user() {
    case $(getent passwd "$1") in
    '' | *nologin | *false) ;;
    *)
        say "the user $1 can log in and stays, as does the group"
        return
        ;;
    esac
    ! getent passwd "$1" >/dev/null || userdel "$1" || say "the user $1 stays"
    ! getent group "$1" >/dev/null || groupdel "$1" || say "the group $1 stays"
}

# Prints a line for each that may still call the handler.
callers() {
    [ -L "$handler" ] || return 0
    grep -lsR -- "$handler" /etc/crio/crio.conf /etc/crio/crio.conf.d /etc/containers /etc/containerd /etc/docker || true
    crio_places | while read -r place; do grep -lsR -- "$handler" "$place" || true; done
    for process in /proc/[0-9]*; do
        if tr '\0' '\n' 2>/dev/null <"$process/cmdline" | grep -qx -- "$handler"; then
            echo "process ${process#/proc/} ($(cat "$process/comm" 2>/dev/null))"
        elif [ "$(cat "$process/comm" 2>/dev/null)" = crio ] && ! is_younger "$process"; then
            echo "process ${process#/proc/} (crio), which was started before lpm was removed"
        fi
    done
}

# is_younger PROCESS: than the handler, which the removal has made anew, and than each change of the files that may have named it.
# All is told in whole seconds, so that "later" may be a second earlier: two are asked for.
is_younger() {
    ticks=$(sed 's/.*) //' "$1/stat" 2>/dev/null | cut -d' ' -f20)
    uptime=$(cut -d. -f1 /proc/uptime)
    began=$(($(date +%s) - uptime + ${ticks:-0} / $(getconf CLK_TCK)))
    changed=$(stat -c %Y "$handler" /etc/crio /etc/crio/crio.conf /etc/crio/crio.conf.d /etc/crio/crio.conf.d/* 2>/dev/null |
        sort -n | tail -n 1)
    [ "$began" -gt $((${changed:-0} + 1)) ]
}

# What programs and packages of lpm have made, and its settings. Hooks in checkpoint.d are the node owner's own.
runc_purged() {
    rm -rf /run/lpm
    [ ! -d /var/lib/lpm ] || find /var/lib/lpm -mindepth 1 -delete
    rmdir /var/lib/lpm 2>/dev/null || true
    rm -f /etc/lpm/lpm.toml /etc/lpm/bypass
    called=$(callers)
    if [ -n "$called" ]; then
        say "$handler stays, a link to $(readlink "$handler"), as it may still be called:
$called
When CRI-O has been started anew: rm $handler /etc/lpm/runtime"
    elif [ -L "$handler" ]; then
        rm -f "$handler"
        [ ! -L /etc/lpm/runtime ] || rm -f /etc/lpm/runtime # a program there is its owner's
    fi
    rm -rf /etc/lpm/pki # a key for the group, whose number somebody else may get
    rmdir -p "${handler%/*}" 2>/dev/null || true
    remove_user lpm
}

node_purged() {
    rm -rf /etc/lpm/pki
    rm -f /etc/lpm/sidecar.toml
    if grep -qs '^# Made by lpmctl' "$crio_unit"; then
        rm -f "$crio_unit"
        rmdir "${crio_unit%/*}" 2>/dev/null || true
    fi
    rmdir /etc/lpm 2>/dev/null || true
}
