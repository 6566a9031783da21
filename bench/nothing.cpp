// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// The runtime in bench/front: a static program that does nothing, so that only the way to it counts.
int main() {
    return 0;
}
