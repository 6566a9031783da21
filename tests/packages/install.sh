# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by `scenarios` and `packages_guest`: the packages, engines and containers of a node.
# shellcheck shell=bash

# A test node has a disk of its own there, which no package could remove.
without_disk() {
    umount /var/lib/lpm
    rmdir /var/lib/lpm
}
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

# crio_files RUNTIME_PATH: a configuration of CRI-O.
crio_files() {
    mkdir -p /etc/crio/crio.conf.d
    printf '[crio.runtime]\ndefault_runtime = "runc"\n[crio.runtime.runtimes.runc]\nruntime_path = "%s"\n' \
        "$1" >/etc/crio/crio.conf
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

checkpoint_and_restore() {
    local image before
    image=$(busybox_image)
    # shellcheck disable=SC2016 # a script of the container's
    podman_lpm run --detach --name counts --network none --log-driver k8s-file "$image" \
        sh -c 'i=0; while :; do echo $i; i=$((i + 1)); sleep 0.1; done'
    until [ "$(podman_lpm logs counts | wc -l)" -gt 3 ]; do sleep 0.1; done
    podman_lpm container checkpoint --export /var/lib/containers/counts.tar counts
    before=$(podman_lpm logs counts | tail -n 1)
    podman_lpm rm counts
    podman_lpm container restore --import /var/lib/containers/counts.tar
    until [ "$(podman_lpm logs counts | tail -n 1)" -gt "$before" ]; do sleep 0.1; done
    lpmctl records
    [ "$(lpmctl records -o json | grep -c '"outcome": *"completed"')" -eq 2 ]
    podman_lpm rm --force --time 0 counts
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

# answers PATTERN ARGUMENT...: whether the handler does, and says so.
answers() {
    local said
    # shellcheck disable=SC2053 # it is a pattern
    if said=$(/etc/lpm/bin/runc "${@:2}") && [[ $said = $1 ]]; then echo good; else echo "bad: ${*:2}: $said"; fi
}

# begin_calls ARGUMENT...: as CRI-O asks, all the time; the arguments ask for the state of a container that runs. /tmp/calls has
# a line for each.
begin_calls() {
    : >/tmp/calls
    while [ ! -e /tmp/enough ]; do
        answers '*runc version*' --version
        answers '*"status": "running"*' "$@"
    done >>/tmp/calls 2>/tmp/calls.said &
    calls=$!
}

# end_calls LEAST: so many there were, and none failed.
end_calls() {
    for _ in $(seq 600); do
        [ "$(wc -l </tmp/calls)" -lt "$1" ] || break
        sleep 0.1
    done
    touch /tmp/enough
    wait "$calls"
    echo "$(grep -c good /tmp/calls) calls, $(grep -c bad /tmp/calls || true) failed"
    grep bad /tmp/calls | head -n 5 || true
    head -n 5 /tmp/calls.said
    runc delete --force held 2>/dev/null || true
    rm /tmp/enough
    [ "$(grep -c good /tmp/calls)" -ge "$1" ] && ! grep -q bad /tmp/calls
}
