// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// Where the kernel starts us: hands the untouched stack to C++. Never returns.
        .text
        .globl  _start
        .hidden _start
        .type   _start, %function
_start:
        mov     x29, #0
        mov     x30, #0
        mov     x0, sp
        bl      lpm_front
        brk     #1
        .size   _start, . - _start
        .section .note.GNU-stack, "", %progbits
