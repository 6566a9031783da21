# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by tools/root and vm/image: what test nodes and guests have installed, and how their tree is made.
# shellcheck shell=bash

# What runs containers, what the tests call, and last the ordinary programs of tests/e2e/corpus_test.py.
node=(runc criu libcriu2 crun conmon podman containerd iptables iproute2 procps mount busybox-static
    python3 strace
    redis-server postgresql nginx nodejs openjdk-21-jre-headless prometheus-node-exporter)

# debian_tree SUITE FOLDER PACKAGE...: these packages and what they need. What is made by it is named by the hash of
# its packages: a change to the rest needs new versions in tools/root and vm/image.
debian_tree() {
    local suite=$1 folder=$2
    shift 2
    # Check-Valid-Until: a testing suite's Release file is often past its date on a mirror.
    # The cluster that postgresql makes when it is installed is nobody's: tests make their own.
    # 9>&-: mmdebstrap leaves helpers that would hold the caller's lock after a failure.
    mmdebstrap --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
        --aptopt='APT::Install-Recommends "false"' --include="$(IFS=, && echo "$*")" \
        --customize-hook='rm -rf "$1"/var/lib/postgresql/*/main "$1"/etc/postgresql/*' \
        "$suite" "$folder" ${LPM_MIRROR:+"$LPM_MIRROR"} 9>&-
}
