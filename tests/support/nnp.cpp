// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Says as whom it runs: set-user-id root in an image, it shows whether a container may gain privileges
// (critest).
#include <cstdio>
#include <unistd.h>

int main() {
    std::printf("Effective uid: %u\n", geteuid());
    return 0;
}
