# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by dev and by the scripts in tools/: places, progress and what the host must have.
# shellcheck shell=bash
# shellcheck disable=SC2034 # not everybody who sources this reads all of it

set -euo pipefail
shopt -s inherit_errexit

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LPM_CACHE=${LPM_CACHE:-/var/cache/lpm-dev}
LPM_JOBS=${LPM_JOBS:-$(nproc)}
export LPM_CACHE LPM_JOBS

say() { printf '%s\n' "lpm: $*" >&2; }
die() {
    say "$*"
    exit 1
}

# ticker TEXT: says TEXT after two seconds, again every ten with the time, until it is killed. In CI every minute: what it
# keeps of the output is the end.
ticker() {
    local began=$SECONDS silent every=10
    [ "${CI:-}" != true ] || every=60
    exec {silent}<> <(:) # a pipe that stays silent, not sleep: a child would outlive this subshell
    read -rt 2 -u "$silent" || say "$1 ..."
    until read -rt "$every" -u "$silent"; do say "$1 ... $((SECONDS - began)) s"; done
}

# step TEXT LOG CMD...: runs CMD with its output in LOG. Says what runs once it takes longer than two
# seconds, again now and then (ticker), and at the end how long it took; the end of LOG is shown when CMD fails.
step() {
    local text=$1 log=$2 began=$SECONDS rc=0 ticking
    shift 2
    mkdir -p "$(dirname "$log")"
    ticker "$text" </dev/null >/dev/null &
    ticking=$!
    "$@" >"$log" 2>&1 </dev/null || rc=$?
    kill "$ticking" 2>/dev/null || true
    wait "$ticking" 2>/dev/null || true
    if [ "$rc" -ne 0 ]; then
        tail -n 40 "$log" >&2
        say "$text: failed (exit $rc) after $((SECONDS - began)) s; whole log: $log"
        return "$rc"
    fi
    [ $((SECONDS - began)) -lt 2 ] || say "$text: done in $((SECONDS - began)) s"
}

# watched TEXT CMD...: CMD in sight, with lines that tell how long it runs.
watched() {
    local text=$1 rc=0 ticking
    shift
    ticker "$text" </dev/null >/dev/null &
    ticking=$!
    "$@" || rc=$?
    kill "$ticking" 2>/dev/null || true
    wait "$ticking" 2>/dev/null || true
    return "$rc"
}

apt_install() {
    apt-get -qq update && apt-get -qq -y --no-install-recommends install "$@"
}

# Everything else comes from the roots; the host only makes them and enters them.
need_host() {
    local missing=() pair
    [ "$(id -u)" -eq 0 ] || die "this needs root (namespaces, mounts, cgroups): run it again with sudo"
    for pair in mmdebstrap:mmdebstrap unshare:util-linux flock:util-linux python3:python3 \
        ip:iproute2; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "not on this host: ${missing[*]}; install them with its package manager"
    DEBIAN_FRONTEND=noninteractive step "install ${missing[*]}" "$LPM_CACHE/log/apt.log" \
        apt_install "${missing[@]}" || die "could not install: ${missing[*]}; install them and run this again"
}
