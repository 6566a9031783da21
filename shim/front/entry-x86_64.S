// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// Where the kernel starts us: hands the untouched stack to C++. Never returns.
        .text
        .globl  _start
        .hidden _start
        .type   _start, @function
_start:
        xorl    %ebp, %ebp
        movq    %rsp, %rdi
        andq    $-16, %rsp
        call    lpm_front
        hlt
        .size   _start, . - _start
        .section .note.GNU-stack, "", @progbits
