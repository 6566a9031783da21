// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// Stands in for the ELF entry in a hosted build (sanitizers, debuggers). The kernel puts argc right below
// argv, and libc leaves it there.
extern "C" [[noreturn]] void lpm_front(long* stack);

int main(int, char** argv) {
    lpm_front(reinterpret_cast<long*>(argv) - 1);
}
