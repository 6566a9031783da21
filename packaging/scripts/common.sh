# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# What packages of lpm do beside laying down their files: functions of their maintainer scripts (deb) and scriptlets (rpm).
# `assemble` puts them into each script, since the last ones run when no file of a package is there any more. Any sh.
# shellcheck shell=sh

# A drop-in of crio.service, which lpmctl node enable has made.
# shellcheck disable=SC2034 # other files read it
crio_unit=/etc/systemd/system/crio.service.d/lpm.conf

# Prints where a CRI-O that runs has files, as far as its command line says so.
crio_places() {
    for process in /proc/[0-9]*; do
        [ "$(cat "$process/comm" 2>/dev/null)" = crio ] || continue
        tr '\0' '\n' 2>/dev/null <"$process/cmdline" | sed -n '/^--config\(-dir\)\{0,1\}$/{n;p}; s/^--config\(-dir\)\{0,1\}=//p'
    done
}

say() { printf 'lpm: %s\n' "$*" >&2; }
