# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by tests that are bash scripts. Each function `case_NAME` of the script is a test, which fails as a script under
# `set -e` does. `cases_run` prints a line "passed|failed<TAB>name" for each, in their order; what they print themselves
# goes to stderr. With the argument --list the script only names them.
# shellcheck shell=bash

cases_of_script() { sed -n 's/^case_\([a-z0-9_]*\)() .*/\1/p' "$0"; }

# The test's name as results have it.
cases_name() {
    local script
    script=$(basename "$0")
    printf '%s: %s\n' "${script%_*}" "${1//_/ }"
}

cases_run() {
    local name rc bad=0
    for name in $(cases_of_script); do
        set +e
        (
            set -e
            trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
            "case_$name"
        ) >&2
        rc=$?
        set -e
        if [ $rc -eq 0 ]; then
            printf 'passed\t%s\n' "$(cases_name "$name")"
        else
            printf 'failed\t%s\n' "$(cases_name "$name")"
            bad=1
        fi
    done
    return $bad
}

if [[ " $* " = *" --list "* ]]; then
    for name in $(cases_of_script); do cases_name "$name"; done
    exit
fi
