# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Who and what an installation makes.
# shellcheck shell=sh

# make_user NAME: as /usr/lib/sysusers.d/NAME.conf says. A node without systemd has nobody who reads that.
make_user() {
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers "$1.conf"
        return
    fi
    getent group "$1" >/dev/null || groupadd --system "$1"
    getent passwd "$1" >/dev/null ||
        useradd --system --gid "$1" --home-dir / --no-create-home --shell /usr/sbin/nologin "$1"
}

# The folders of /usr/lib/tmpfiles.d/lpm.conf. That it changes what an older lpm has left is for systemd alone.
make_folders() {
    if command -v systemd-tmpfiles >/dev/null; then
        systemd-tmpfiles --create lpm.conf
        return
    fi
    while read -r kind path mode user group _; do
        [ "$kind" != d ] || install -d -m "$mode" -o "$user" -g "$group" "$path"
    done </usr/lib/tmpfiles.d/lpm.conf
}
