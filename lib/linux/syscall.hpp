// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time.h>

// The system calls that the front makes, without libc. Each returns the kernel's value: negative errno on
// failure.
namespace lpm::sys {

inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
#if defined(__x86_64__)
    long result = number;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                 : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#else
#error "no system call for this machine"
#endif
}

inline long address(const void* pointer) {
    return reinterpret_cast<long>(pointer);
}

inline long execve(const char* path, char* const* argv, char* const* envp) {
    return call(__NR_execve, address(path), address(static_cast<const void*>(argv)),
                address(static_cast<const void*>(envp)));
}

// S_IFMT and S_IFREG, which <linux/stat.h> gives only to programs without libc.
inline constexpr unsigned file_type = 0170000;
inline constexpr unsigned regular_file = 0100000;

// True if the path can be reached, links followed.
inline bool exists(const char* path) {
    return call(__NR_faccessat, AT_FDCWD, address(path), 0) == 0;
}

inline bool stat(const char* path, struct statx& out) {
    return call(__NR_statx, AT_FDCWD, address(path), 0, STATX_TYPE | STATX_INO | STATX_SIZE, address(&out)) ==
           0;
}

inline long readlink(const char* path, char* buffer, unsigned long size) {
    return call(__NR_readlinkat, AT_FDCWD, address(path), address(buffer), static_cast<long>(size));
}

inline int open_at(int dir, const char* path, int flags, unsigned mode = 0) {
    return static_cast<int>(call(__NR_openat, dir, address(path), flags, mode));
}

inline long make_dir_at(int dir, const char* path, unsigned mode) {
    return call(__NR_mkdirat, dir, address(path), mode);
}

inline long unlink_at(int dir, const char* name, int flags) {
    return call(__NR_unlinkat, dir, address(name), flags);
}

inline long rename_at(int from_dir, const char* from, int to_dir, const char* to) {
    return call(__NR_renameat2, from_dir, address(from), to_dir, address(to), 0);
}

// The mount on this path, not of what a link there leads to; processes that use it keep it.
inline long unmount(const char* path) {
    constexpr int detach = 2; // MNT_DETACH and UMOUNT_NOFOLLOW of <sys/mount.h>
    constexpr int no_follow = 8;
    return call(__NR_umount2, address(path), detach | no_follow);
}

inline long write(int fd, const void* data, unsigned long size) {
    return call(__NR_write, fd, address(data), static_cast<long>(size));
}

inline long read(int fd, void* data, unsigned long size) {
    return call(__NR_read, fd, address(data), static_cast<long>(size));
}

inline long self() {
    return call(__NR_getpid);
}

inline long parent() {
    return call(__NR_getppid);
}

inline void close(int fd) {
    call(__NR_close, fd);
}

inline bool clock(int id, __kernel_timespec& out) {
    return call(__NR_clock_gettime, id, address(&out)) == 0;
}

[[noreturn]] inline void exit(int status) {
    for (;;)
        call(__NR_exit_group, status);
}

} // namespace lpm::sys
