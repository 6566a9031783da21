# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by tools/test: tests/suites.txt as one array of names and, by name, what each column says.
# shellcheck shell=bash
# shellcheck disable=SC2034 # tools/test reads them

suites=()
declare -A group tree once when command shows

suites_read() {
    local name columns
    while IFS='|' read -r name columns; do
        suites+=("$name")
        IFS='|' read -r "group[$name]" "tree[$name]" "once[$name]" "when[$name]" "command[$name]" "shows[$name]" <<<"$columns"
    done < <(sed -E '/^(#|$)/d; s/ *\| */|/g' "$REPO/tests/suites.txt")
}

suites_list() {
    local name
    printf '%-17s%-9s%s\n' suite group shows
    for name in "${suites[@]}"; do printf '%-17s%-9s%s\n' "$name" "${group[$name]}" "${shows[$name]}"; done
}

# suites_chosen [WORD...]: prints those that are named or whose group is, in the order of the table; all when none is.
suites_chosen() {
    local word name known words
    words=" ${*:-${suites[*]}} "
    for word; do
        known=
        for name in "${suites[@]}"; do
            if [ "${when[$name]}" != judged ] && [[ $word = "$name" || $word = "${group[$name]}" ]]; then known=1; fi
        done
        [ -n "$known" ] || die "no such suite: $word (there are: ${suites[*]}, and groups: tools/test --list)"
    done
    for name in "${suites[@]}"; do
        [ "${when[$name]}" != judged ] || continue
        if [[ $words = *" $name "* || $words = *" ${group[$name]} "* ]]; then echo "$name"; fi
    done
}
