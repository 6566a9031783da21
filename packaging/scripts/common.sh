# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# What packages of lpm do beside laying down their files: functions of their maintainer scripts (deb) and scriptlets (rpm).
# `assemble` puts them into each script, since the last ones run when no file of a package is there any more. Any sh.
# shellcheck shell=sh

say() { printf 'lpm: %s\n' "$*" >&2; }
