# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Completions of lpmctl, which knows them itself.
function __lpmctl_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] __complete $words[2..-1] 2>/dev/null)
    string match -v -r '^:\d+$' -- $found
    if contains -- :0 $found
        __fish_complete_path (commandline -ct)
    end
end
complete -c lpmctl -f -a '(__lpmctl_complete)'
