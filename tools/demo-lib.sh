# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by the demos: what is shown, and how.
# shellcheck shell=bash

set -euo pipefail

bold=''
plain=''
if [ -t 1 ]; then
    bold=$'\e[1m'
    plain=$'\e[0m'
fi
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() {
    printf '  # %s\n' "$*"
    "$@" 2>&1 | sed 's/^/  /'
}
fail() {
    printf '\nThe demo failed: %s\n' "$*" >&2
    exit 1
}
folded() { fold -s -w 116 | sed 's/^/  /'; }

# The newest record, as "key: value" lines; the checks as their verdicts.
show_record() {
    local record
    # shellcheck disable=SC2012 # names are ULIDs: in order of time
    record=$(ls /var/lib/lpm/records/*/*.json | tail -n 1)
    printf '  # %s\n' "$record"
    python3 - "$record" <<'END' | folded
import json
import sys
record = json.load(open(sys.argv[1]))
record["checks"] = {c["id"]: c["verdict"] for c in record["checks"]}
for key in sorted(record):
    print(f"{key + ':':14}{json.dumps(record[key])}")
END
    grep -q '"outcome": *"completed"' "$record" || fail "the record does not say completed"
    show ls "/var/lib/lpm/logs/$(basename "$record" .json)"
}
