# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by tools/root and vm/image: what test nodes and guests have installed, and how their tree is made.
# shellcheck shell=bash
# shellcheck disable=SC2034 # the lists are read by those who source this

# What runs containers, what the tests call, and last the ordinary programs of tests/e2e/corpus_test.py.
node=(runc criu libcriu2 crun conmon podman containerd iptables iproute2 procps mount busybox-static
    python3 python3-pytest python3-pytest-xdist strace
    redis-server postgresql nginx nodejs openjdk-21-jre-headless prometheus-node-exporter
    memcached mariadb-server-core mariadb-client-core php-fpm libfcgi-bin rabbitmq-server amqp-tools)

# What lpm-sidecar is linked with, who listens for lpm-gate where no systemd runs (systemd-socket-activate), and the client
# of the tests; all of Debian 13.
sidecar=(libgrpc++1.51t64 libprotobuf32t64 libspdlog1.15 libprometheus-cpp-core1.0 libcivetweb1 libarchive13t64 libseccomp2 libcap2
    libsystemd0 systemd python3-grpcio python3-protobuf)

# What packages of lpm depend on.
libraries=(libcurl4t64
    libgrpc++1.51t64 libprotobuf32t64 libspdlog1.15 libprometheus-cpp-core1.0 libcivetweb1 libarchive13t64 libseccomp2 libcap2
    libsystemd0)

# Where packages of lpm are installed (tests/packages): as a user's node, with no compiler, no systemd and nothing of the
# tests', but with what the packages depend on, as a test node has no network.
bare=(runc criu conmon podman iptables iproute2 procps mount busybox-static "${libraries[@]}")

# A node that is a whole cluster (tests/cluster): beside Kubernetes and CRI-O, which tools/peers builds. Its suite is
# trixie+forky: CRIU 4.1 cannot dump a TCP socket on Linux >= 6.16, not even one that listens.
cluster=(etcd-server docker-registry containernetworking-plugins openssl conmon podman crun iptables iproute2 procps
    mount busybox-static python3 python3-pytest python3-pytest-xdist strace nginx redis-server
    postgresql nodejs openjdk-21-jre-headless checkpointctl libcurl4t64 libssl3t64 libyaml-cpp0.8
    "${sidecar[@]}"
    criu/forky libcompel1/forky libnl-3-200/forky runc/forky)

# A machine on which the steps of vm/provision that need the internet have run, but for what tools/peers builds; and the
# registry that stands in for those of the internet.
provision=(conmon containernetworking-plugins crun iptables conntrack socat ethtool ebtables iproute2 procps mount kmod openssl curl gnupg
    ca-certificates jq docker-registry libssl3t64 libyaml-cpp0.8 "${libraries[@]}" busybox-static
    criu/forky libcompel1/forky libnl-3-200/forky)

architectures='' as=()

# debian_tree SUITE[+OTHER] FOLDER PACKAGE...: these packages and what they need. Of the other suite come only packages
# that are named PACKAGE/OTHER. Of the architectures that `architectures` names (a list with commas; this machine's when it is
# empty); `as` is how mmdebstrap is called for one whose programs this machine does not run itself. What is made by it is named by
# the hash of its packages: a change to the rest needs new versions in tools/root and vm/image.
debian_tree() {
    local suite=${1%+*} other=${1#*+} folder=$2 hook=()
    shift 2
    # shellcheck disable=SC2016 # $1 is the hook's own: the new root
    [ "$other" = "$suite" ] || hook=(--setup-hook='
        sed -n "s/ '"$suite"' / '"$other"' /p" "$1/etc/apt/sources.list" >"$1/etc/apt/sources.list.d/other.list"
        printf "Package: *\nPin: release n='"$other"'\nPin-Priority: 100\n" >"$1/etc/apt/preferences.d/other"')
    # Check-Valid-Until: a testing suite's Release file is often past its date on a mirror.
    # The cluster that postgresql makes when it is installed is nobody's: tests make their own.
    # 9>&-: mmdebstrap leaves helpers that would hold the caller's lock after a failure.
    # shellcheck disable=SC2016 # $1 is the hook's own: the new root
    "${as[@]}" mmdebstrap --variant=minbase --skip=check/qemu --aptopt='Acquire::Check-Valid-Until "false"' \
        --aptopt='APT::Install-Recommends "false"' "${hook[@]}" ${architectures:+"--architectures=$architectures"} \
        --include="$(IFS=, && echo "$*")" \
        --customize-hook='rm -rf "$1"/var/lib/postgresql/*/main "$1"/etc/postgresql/*' \
        "$suite" "$folder" ${LPM_MIRROR:+"$LPM_MIRROR"} 9>&-
}
