# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by tools/test: judges and counts what suites leave in $LPM_RESULTS. Each leaves NAME.planned, which it writes
# before its first test and which names a test a line, and NAME.tsv with a line "passed|failed|skipped<TAB>test" per test.
# tests/support/counting_test holds it to its word.
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

# results_close NAME RC: a suite is only as good as its exit status, and has to have run what it planned. A test that was
# skipped did not run: what cannot run is not planned, or fails.
results_close() {
    local name=$1 rc=$2 planned=$LPM_RESULTS/$1.planned missing
    touch "$LPM_RESULTS/$name.tsv"
    if [ "$rc" -ne 0 ] && [ "$(results_count failed "$name")" -eq 0 ]; then
        results_add "$name" failed "the suite ended early (exit $rc)"
    fi
    if [ ! -s "$planned" ]; then
        results_add "$name" failed "the suite planned no test"
        return
    fi
    mapfile -t missing < <(LC_ALL=C comm -23 <(LC_ALL=C sort "$planned") \
        <(sed -nE 's/^(passed|failed)\t//p' "$LPM_RESULTS/$name.tsv" | LC_ALL=C sort))
    if [ ${#missing[@]} -gt 0 ]; then
        results_add "$name" failed \
            "${#missing[@]} of $(wc -l <"$planned") planned tests did not run, the first of them: ${missing[0]}"
    fi
}

# results_sum NAME...: what failed, and how where the suite tells it in NAME.log, and the numbers. Fails when anything failed
# or nothing passed. A test that passed only when it was run again has passed, and is a fault to find.
results_sum() {
    local name flaky
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
    flaky=$(for name; do [ ! -s "$LPM_RESULTS/$name.flaky" ] || sed "s|^|  $name: |" "$LPM_RESULTS/$name.flaky"; done)
    [ -z "$flaky" ] || printf 'failed, and passed when it was run again alone:\n%s\n' "$flaky"
    for name; do
        [ ! -s "$LPM_RESULTS/$name.log" ] || head -n 80 "$LPM_RESULTS/$name.log"
    done
    echo "$(results_count passed "$@") passed, $(results_count failed "$@") failed, $(results_count skipped "$@") skipped"
    [ "$(results_count failed "$@")" -eq 0 ] && [ "$(results_count passed "$@")" -gt 0 ]
}
