# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by node and by the scripts beside it. A step changes the machine only through these functions, so that `--plan`
# can say what it would do, and `node` can count what it did.
# shellcheck shell=bash

set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # the steps read it
STATE=/var/lib/lpm-provision
PLAN=${PLAN:-}
CHANGES=${CHANGES:-} # a file with a line for each change

say() { printf 'provision: %s\n' "$*"; }
die() {
    printf 'provision: %s\n' "$*" >&2
    exit 1
}

planning() { [ -n "$PLAN" ]; }

# changed WHAT: said, and counted.
changed() {
    printf '    changed: %s\n' "$*"
    [ -z "$CHANGES" ] || printf '%s\n' "$*" >>"$CHANGES"
}

# shown WORD...: as one would type it.
shown() {
    local word text='' plain='^[A-Za-z0-9_./:=,@%+()-]+$'
    for word; do
        word=${word//"$REPO"/(checkout)}
        if [[ $word =~ $plain ]]; then text+=" $word"; else text+=" '$word'"; fi
    done
    printf '%s' "${text# }"
}

# run COMMAND...: what changes the machine.
run() {
    if planning; then
        printf '    run    %s\n' "$(shown "$@")"
        return
    fi
    "$@"
    changed "$(shown "$@")"
}

# look COMMAND...: what changes nothing, and must succeed.
look() {
    if planning; then
        printf '    look   %s\n' "$(shown "$@")"
        return
    fi
    "$@"
}

# quietly COMMAND...: the same, and nobody needs to read what it says.
quietly() { if planning; then look "$@"; else "$@" >/dev/null; fi; }

# is COMMAND...: how the machine is. A plan is that of a machine on which nothing is yet.
is() { ! planning && "$@"; }

# put PATH [MODE]: standard input becomes that file, whole or not at all; nothing is done when it is so already. The draft
# lies beside the folder and not in it: CRI-O reads every file of crio.conf.d, and doctor looks at the folder's time.
put() {
    local path=$1 mode=${2:-0644} new
    if planning; then
        printf '    write  %s, %s:\n' "$path" "$mode"
        sed 's/^/           /'
        return
    fi
    new=$(mktemp)
    cat >"$new"
    if cmp -s "$new" "$path" && [ "$(stat -c 0%a "$path")" = "$mode" ]; then
        rm "$new"
        return
    fi
    mkdir -p "$(dirname "$path")"
    mv "$new" "$(dirname "$(dirname "$path")")/.lpm-provision"
    new=$(dirname "$(dirname "$path")")/.lpm-provision
    chmod "$mode" "$new"
    sync "$new"
    mv "$new" "$path"
    changed "$path"
}

# wait_for SECONDS WHAT COMMAND...: until it succeeds.
wait_for() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    if planning; then
        printf '    await  %s\n' "$what"
        return
    fi
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            "$@" || true # why
            die "not in time: $what"
        fi
        sleep 1
    done
}

# mirrored URL: where it is really asked for. LPM_PROVISION_MIRROR stands in the place of https:/ of every publisher, so
# https://HOST/PATH becomes MIRROR/HOST/PATH.
mirrored() {
    if [ -n "${LPM_PROVISION_MIRROR:-}" ]; then printf '%s/%s' "${LPM_PROVISION_MIRROR%/}" "${1#https://}"; else printf %s "$1"; fi
}

# fetch URL FILE: the one way in which a step downloads by itself. apt and go have their own, and verify what comes.
fetch() {
    run curl --fail --silent --show-error --location --proto '=https,file' --retry 3 --output "$2" "$(mirrored "$1")"
}

# trust URL FINGERPRINT FILE: the publisher's key, if it is the one that the lock names, and the only one.
trust() {
    local url=$1 wanted=$2 file=$3 new found
    if [ -z "$wanted" ] && is test -e "$file"; then return; fi # it was compared when it came
    [ -n "$wanted" ] || planning || die "the lock has no fingerprint of the key at $url: compare it with its publisher's word"
    if planning; then
        fetch "$url" "$file.new"
        printf '    check  the only key in it is %s\n' "${wanted:-(to be given)}"
        printf '    write  %s, 0644: that key\n' "$file"
        return
    fi
    if [ -e "$file" ] && [ "$(fingerprints "$file")" = "$wanted" ]; then return; fi
    new=$(mktemp -d)
    fetch "$url" "$new/key"
    found=$(fingerprints "$new/key")
    [ "$found" = "$wanted" ] || die "$url: its key is ${found//$'\n'/ }, and the lock names $wanted"
    gpg --homedir "$new" --batch --quiet --dearmor --output "$new/binary" "$new/key"
    put "$file" <"$new/binary"
    rm -rf "$new"
}
# Of primary keys.
fingerprints() {
    local home
    home=$(mktemp -d)
    gpg --homedir "$home" --batch --quiet --show-keys --with-colons "$1" | awk -F: '/^pub/ { p = 1 } /^fpr/ && p { print $10; p = 0 }'
    rm -rf "$home"
}

# install PACKAGE[=VERSION]...: of Debian's archive or a publisher's, and only what is not there yet.
install_packages() {
    local package name missing=()
    for package; do
        name=${package%%[=/]*}
        is has_package "$name" "${package#"$name"}" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    settle_packages
    run apt-get -qq update
    run apt-get -qq -y --no-install-recommends --allow-change-held-packages install "${missing[@]}"
}
# A run that was cut off in the middle of dpkg's work. dpkg, which has a terminal of its own, may have outlived it: it is
# awaited first, by the lock that it holds (apt waits in the same way).
settle_packages() {
    if planning; then return; fi
    wait_for 600 "dpkg, which is at work, ends" no_dpkg
    [ -z "$(dpkg --audit)" ] || run dpkg --configure --pending
}
no_dpkg() { ! pgrep -x dpkg; }
# has_package NAME [=VERSION]: VERSION may end in a star.
has_package() {
    local version
    version=$(dpkg-query -W -f '${db:Status-Abbrev}${Version}' "$1" 2>/dev/null) || return 1
    # shellcheck disable=SC2053 # a pattern
    case $2 in
    =*) [[ $version == "ii "${2#=} ]] ;;
    *) [[ $version == "ii "* ]] ;;
    esac
}

# enabled UNIT: started at the next boot.
enabled() { is test "$(systemctl is-enabled "$1" 2>/dev/null || true)" = enabled || run systemctl enable --quiet "$1"; }

# started UNIT [FILE...]: enabled, running, and started after each of these files was last changed. It compares times, so
# that a run which was cut off between a file and the restart is mended by the next one.
started() {
    local unit=$1 file since
    shift
    if planning; then
        printf '    start  %s, again when one of these is newer: %s\n' "$unit" "$*"
        return
    fi
    enabled "$unit"
    [ "$(systemctl show --property=NeedDaemonReload --value "$unit")" != yes ] || run systemctl daemon-reload
    if ! systemctl is-active --quiet "$unit"; then
        run systemctl restart "$unit"
        return
    fi
    since=$(date -d "$(systemctl show --property=ExecMainStartTimestamp --value --timestamp=us "$unit")" +%s.%N)
    for file; do
        [ -e "$file" ] || continue
        if awk -v a="$(stat -c %.9Z "$file")" -v b="$since" 'BEGIN { exit !(a > b) }'; then
            say "$file is newer than the start of $unit"
            run systemctl restart "$unit"
            return
        fi
    done
}

# applied FILE: kubectl apply; what was there already is no change. Again when it fails, and said: an API server on a slow
# machine has refused for a moment, after it had got a new kind ("resource quota evaluation timed out").
applied() {
    local said rc try line
    if planning; then
        printf '    apply  %s\n' "$1"
        return
    fi
    for try in 1 2 3 4 5; do
        rc=0
        said=$(kubectl apply -f "$1" 2>&1) || rc=$?
        while read -r line; do
            case $line in
            *' unchanged') ;;
            *' created' | *' configured') changed "$line" ;;
            *) say "$line" ;;
            esac
        done <<<"$said"
        [ $rc -ne 0 ] || return 0
        sleep $((try * 5))
    done
    die "kubectl apply -f $1 has failed five times"
}
