# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by `scenarios`: the packages, engines and containers of a node.
# shellcheck shell=bash

umount /var/lib/lpm # the node's own disk, which no package could remove
rmdir /var/lib/lpm
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT

apt() {
    echo "--- apt $*" >&2
    DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends --option Dpkg::Use-Pty=0 "$@"
}

install_lpm() { apt install /packages/lpm-{runc,node}_*.deb; }

# Prints a folder with the same packages under a later version.
next_version() {
    local deb name work=/tmp/later
    mkdir -p $work/packages
    for deb in /packages/lpm-{runc,node}_*.deb; do
        name=$(basename "$deb")
        dpkg-deb -R "$deb" "$work/tree"
        sed -Ei 's/^(Version: .*)/\1+1/; s/(lpm-runc \(= [^)]*)/\1+1/' "$work/tree/DEBIAN/control"
        dpkg-deb -Znone --root-owner-group -b "$work/tree" "$work/packages/$name" >&2
        rm -rf "$work/tree"
    done
    echo $work/packages
}

# small_package NAME FILE...: prints the path of one with these files, in which nothing of use is.
small_package() {
    local name=$1 tree=/tmp/$1 file
    shift
    mkdir -p "$tree/DEBIAN"
    printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: a part of a test\n' "$name" \
        >"$tree/DEBIAN/control"
    for file; do
        mkdir -p "$tree$(dirname "$file")"
        printf '# of %s\n' "$name" >"$tree$file"
        case $file in
        /etc/crio/*) printf '[crio.runtime.runtimes.runc]\nruntime_path = "/usr/sbin/runc"\nmonitor_path = "/new"\n' >"$tree$file" ;;
        *) chmod 0755 "$tree$file" ;;
        esac
    done
    dpkg-deb -Znone --root-owner-group -b "$tree" "/tmp/$name.deb" >&2
    echo "/tmp/$name.deb"
}

# crio_files [RUNTIME_PATH]
crio_files() {
    mkdir -p /etc/crio/crio.conf.d
    printf '[crio.runtime]\ndefault_runtime = "runc"\n[crio.runtime.runtimes.runc]\nruntime_path = "%s"\n' \
        "${1:-/usr/sbin/runc}" >/etc/crio/crio.conf
}

# What only has CRI-O's name.
start_crio() {
    cp /bin/sleep /tmp/crio
    /tmp/crio 1000 &
    crio=$!
}
stop_crio() {
    kill "$crio"
    wait "$crio" || true
}

# Everything on the disk and in /run, but what dpkg and apt note of their work and CRIU of the kernel; and who there is.
list_all() {
    find / -xdev \( -path /tmp -o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log -o -path /var/lib/apt \) -prune \
        -o -printf '%p %y %m %U:%G\n' | grep -vE '^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-? ' | sort
    find /run -not -name criu.kdat -printf '%p %y %m %U:%G\n' | sort
    getent passwd
    getent group
}

# As the programs leave it.
install_state() {
    mkdir -p /var/lib/lpm/records/2026-01 /run/lpm/prepared
    touch /var/lib/lpm/records/2026-01/x.json /var/lib/lpm/journal /etc/lpm/bypass
}

rootfs() {
    mkdir -p /var/lib/containers/rootfs/{bin,proc,sys,dev,tmp}
    cp /bin/busybox /var/lib/containers/rootfs/bin/
    for name in sh sleep; do ln -sf busybox "/var/lib/containers/rootfs/bin/$name"; done
    echo /var/lib/containers/rootfs
}

# --- podman

podman_lpm() {
    PODMAN_IGNORE_CGROUPSV1_WARNING=1 podman --runtime /etc/lpm/bin/runc --cgroup-manager cgroupfs "$@"
}

busybox_image() {
    tar -C "$(rootfs)" -c . | podman_lpm import --quiet - localhost/busybox >&2
    echo localhost/busybox
}

# --- calls that must not fail

start_container() {
    local bundle=/var/lib/containers/bundle
    mkdir -p $bundle
    (cd $bundle && runc spec)
    sed -i "s|\"rootfs\"|\"$(rootfs)\"|; s|\"terminal\": true|\"terminal\": false|; s|\"sh\"|\"sleep\", \"1000\"|; /oomScoreAdj/d" \
        $bundle/config.json
    sed -i '/"rlimits"/,/\],/d' $bundle/config.json # raising one is not everywhere allowed
    /etc/lpm/bin/runc run --detach --bundle $bundle held </dev/null >/dev/null 2>/tmp/held || {
        cat /tmp/held
        return 1
    }
}

# As CRI-O asks, all the time. /tmp/calls has a line for each.
begin_calls() {
    : >/tmp/calls
    while [ ! -e /tmp/enough ]; do
        if /etc/lpm/bin/runc --version | grep -q '^runc version'; then echo good; else echo bad; fi
        if /etc/lpm/bin/runc state held | grep -q '"status": "running"'; then echo good; else echo bad; fi
    done >>/tmp/calls 2>/tmp/calls.said &
    calls=$!
}

end_calls() {
    touch /tmp/enough
    wait "$calls"
    echo "$(grep -c good /tmp/calls) calls, $(grep -c bad /tmp/calls || true) failed"
    head -n 5 /tmp/calls.said
    runc delete --force held
    [ "$(grep -c good /tmp/calls)" -ge 200 ] && ! grep -q bad /tmp/calls
}
