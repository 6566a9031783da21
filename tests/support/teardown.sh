# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by node_teardown and cluster_teardown, which run on the host as the nodes' keeper does: nodes of their own to
# count, and what such a node leaves.
# shellcheck shell=bash

cache=$(mktemp -d "${LPM_CACHE:-/var/cache/lpm-dev}/teardown-XXXXXX")
for folder in roots peers; do ln -s "${LPM_CACHE:-/var/cache/lpm-dev}/$folder" "$cache/$folder"; done
trap 'rm -rf "$cache"' EXIT
export LPM_CACHE=$cache

node() {
    tools/root trixie >/dev/null # what takes minutes once has no limit of ours
    timeout --kill-after 1 120 tools/node trixie "$@"
}

# is_frozen TENTHS: the command of the node in the background is frozen, within so many tenths of a second.
is_frozen() {
    for _ in $(seq "$1"); do
        ! compgen -G "$cache/nodes/*/lpm/frozen" >/dev/null || return 0
        kill -0 $! || return
        sleep 0.1
    done
    return 1
}

# Folders of nodes, and the cgroups of those that are named.
left() {
    local name found
    found=$(find "$cache/nodes" -mindepth 1 -maxdepth 1 | wc -l)
    for name; do found=$((found + $(find /sys/fs/cgroup -maxdepth 2 -name "$name" | wc -l))); done
    echo "$found"
}

# ends STATUS CMD...: CMD ends with that status, and no node is left.
ends() {
    local expected=$1 rc=0
    shift
    "$@" || rc=$?
    echo "exit $rc, should be $expected; $(left) nodes left"
    [ $rc -eq "$expected" ] && [ "$(left)" -eq 0 ]
}
