# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# shellcheck shell=bash
# Completions of lpmctl, which knows them itself.
_lpmctl() {
    local line words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
        :0) compopt -o default ;;
        :*) ;;
        *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <("$1" __complete "${words[@]}" 2>/dev/null)
}
complete -F _lpmctl lpmctl
