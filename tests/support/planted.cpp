// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Does what only UndefinedBehaviorSanitizer minds, with the options that are built into front and gate: tests
// know by it that a report would end those and be found.
#include <climits>

int main(int argc, char**) {
    int number = INT_MAX;
    number += argc;
    return number == 0 ? 1 : 0;
}
