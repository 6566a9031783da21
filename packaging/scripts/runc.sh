# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Of the package lpm-runc. CRI-O calls /etc/lpm/bin/runc, by the path with which it was started, until it is started anew,
# whatever its files say by then: that link leads to a program that works as long as somebody may call it.
# shellcheck shell=sh

handler=/etc/lpm/bin/runc

# Prints what lpm-runc becomes, as lib/oci/runtime_path.cpp finds it.
real_runtime() {
    chosen=$(readlink /etc/lpm/runtime || true)
    case $chosen in /*) ;; *) chosen=/etc/lpm/runtime ;; esac
    for path in "$chosen" @usual_places@; do
        # shellcheck disable=SC3013 # dash, bash and busybox know -ef
        if [ -f "$path" ] && [ -x "$path" ] && ! [ "$path" -ef /usr/bin/lpm-runc ]; then
            echo "$path"
            return
        fi
        case ${path##*/} in
        crun* | youki* | runsc* | kata*) return 1 ;; # another implementation does not know its containers
        esac
    done
    return 1
}

# point_handler PROGRAM: in one step. What is no link is not ours.
point_handler() {
    if [ -e "$handler" ] && ! [ -L "$handler" ]; then
        say "$handler is no link, and stays as it is"
        return
    fi
    mkdir -p "${handler%/*}"
    ln -sfn "$1" "$handler.new"
    mv -fT "$handler.new" "$handler"
}

probe() {
    timeout 60 /usr/libexec/lpm/lpm-gate --probe || [ $? -eq 75 ] ||
        say "what runc and CRIU can do is not known now: lpmctl doctor"
}

# runc_installed VERSION: the one that was there before, if any.
runc_installed() {
    make_user lpm
    make_folders
    if ! [ -e /etc/lpm/runtime ] && ! [ -L /etc/lpm/runtime ] && path=$(real_runtime); then
        ln -s "$path" /etc/lpm/runtime
    fi
    probe
    point_handler /usr/bin/lpm-runc
    [ -n "$1" ] || say "nothing goes through lpm yet; what would change in CRI-O's configuration: lpmctl node enable --plan"
}

# A file of CRI-O's, runc's or CRIU's has come or gone.
runc_peers_changed() {
    say "container tools have changed; what was known of them is asked again:"
    probe
    real_runtime >/dev/null || say "no container runtime is left: lpm-runc has nothing to become"
}

# Before our files go.
runc_going() {
    if ! path=$(real_runtime); then
        say "there is no container runtime: $handler leads nowhere from now on"
        path=/usr/sbin/runc
    fi
    ! [ -L "$handler" ] || point_handler "$path"
}

# Prints a line for each that may still call the handler.
callers() {
    [ -L "$handler" ] || return 0
    grep -lsr -- "$handler" /etc/crio /etc/containers /etc/containerd /etc/docker || true
    for process in /proc/[0-9]*; do
        if tr '\0' '\n' 2>/dev/null <"$process/cmdline" | grep -qx -- "$handler"; then
            echo "process ${process#/proc/} ($(cat "$process/comm" 2>/dev/null))"
        elif [ "$(cat "$process/comm" 2>/dev/null)" = crio ] && ! is_younger "$process"; then
            echo "process ${process#/proc/} (crio), which was started before lpm was removed"
        fi
    done
}

# is_younger PROCESS: than the handler, which the removal has made anew.
is_younger() {
    ticks=$(sed 's/.*) //' "$1/stat" 2>/dev/null | cut -d' ' -f20)
    uptime=$(cut -d. -f1 /proc/uptime)
    began=$(($(date +%s) - uptime + ${ticks:-0} / $(getconf CLK_TCK)))
    [ "$began" -gt "$(stat -c %Y "$handler" 2>/dev/null || echo 0)" ]
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
        rm -f "$handler" /etc/lpm/runtime
    fi
    rmdir -p "${handler%/*}" 2>/dev/null || true
    remove_user lpm
}
