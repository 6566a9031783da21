// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// counter [MS]: counts and does nothing else.
#include "counting.hpp"

int main(int argc, char** argv) {
    count_for_ever(argc > 1 ? std::atol(argv[1]) : 100);
}
