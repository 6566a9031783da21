# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by tools/test: judges and counts what suites leave in $LPM_RESULTS, one NAME.tsv per suite with a
# line "passed|failed|skipped<TAB>test" per test. tests/support/counting_test holds it to its word.
# shellcheck shell=bash

# results_count VERDICT NAME...: how many tests of these suites ended so.
results_count() {
    local verdict=$1 name sum=0 n
    shift
    for name; do
        n=$(grep -c "^$verdict	" "$LPM_RESULTS/$name.tsv" 2>/dev/null) || true
        sum=$((sum + ${n:-0}))
    done
    echo "$sum"
}

# results_add NAME VERDICT TEXT: one more line. What died in the middle of a line must not swallow it.
results_add() {
    local file=$LPM_RESULTS/$1.tsv
    [ ! -s "$file" ] || [ -z "$(tail -c 1 "$file")" ] || echo >>"$file"
    printf '%s\t%s\n' "$2" "$3" >>"$file"
}

# results_close NAME RC EXPECTED: a suite is only as good as its exit status, and has to have run what it has:
# EXPECTED is a file with lines "suite least-number".
results_close() {
    local name=$1 rc=$2 expected=$3 least ran
    touch "$LPM_RESULTS/$name.tsv"
    if [ "$rc" -ne 0 ] && [ "$(results_count failed "$name")" -eq 0 ]; then
        results_add "$name" failed "the suite ended early (exit $rc)"
    fi
    ran=$(($(results_count passed "$name") + $(results_count failed "$name")))
    least=$(awk -v name="$name" '$1 == name { print $2 }' "$expected")
    if [ -z "$least" ]; then
        results_add "$name" failed "tests/expected.txt does not say how many tests there are"
    elif [ "$ran" -lt "$least" ]; then
        results_add "$name" failed "only $ran tests ran, tests/expected.txt says at least $least"
    fi
}

# results_sum NAME...: what failed, and the numbers; fails when anything failed or nothing passed.
results_sum() {
    local name
    for name; do
        [ -e "$LPM_RESULTS/$name.tsv" ] || results_add "$name" failed "the suite left no results"
    done
    if [ "$(results_count failed "$@")" -gt 0 ]; then
        echo "failed:"
        for name; do
            sed -n "s|^failed	|  $name: |p" "$LPM_RESULTS/$name.tsv"
            ! grep -q "^failed	" "$LPM_RESULTS/$name.tsv" || echo "    log: $LPM_RESULTS/$name.out"
        done
    fi
    echo "$(results_count passed "$@") passed, $(results_count failed "$@") failed, $(results_count skipped "$@") skipped"
    [ "$(results_count failed "$@")" -eq 0 ] && [ "$(results_count passed "$@")" -gt 0 ]
}
