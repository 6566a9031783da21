# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Of the package lpm-runc. CRI-O calls /etc/lpm/bin/runc, by the path with which it was started, until it is started anew,
# whatever its files say by then: that link leads to a program that works as long as somebody may call it.
# shellcheck shell=sh

handler=/etc/lpm/bin/runc

# leads_back PROGRAM: it is lpm-runc, or a wrapper that calls it.
leads_back() { grep -qs -e "$handler" -e 'lpm-runc build ' -e /usr/bin/lpm-runc "$1"; }

# Prints what lpm-runc becomes, as lib/oci/runtime_path.cpp finds it.
real_runtime() {
    chosen=$(readlink /etc/lpm/runtime || true)
    case $chosen in /*) ;; *) chosen=/etc/lpm/runtime ;; esac
    for path in "$chosen" @usual_places@; do
        if [ -f "$path" ] && [ -x "$path" ] && ! leads_back "$path"; then
            echo "$path"
            return
        fi
        case ${path##*/} in
        @other_implementations@) return 1 ;; # another implementation does not know its containers
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
        # Not to another implementation, which would say that the containers of this one are not there.
        path=$(readlink /etc/lpm/runtime || true)
        case $path in /*) ;; *) path=/usr/sbin/runc ;; esac
        ! leads_back "$path" || path=/usr/sbin/runc
        say "there is no container runtime: $handler is a link to $path, and works when that is there"
    fi
    ! [ -L "$handler" ] || point_handler "$path"
}
