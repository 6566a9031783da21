// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Preloaded into a program that will not run as root: it is told that it is user 999, and so is the owner of
// root's files. Where the machine of the tests has no CAP_SYS_RESOURCE, CRIU cannot dump a process of another
// user than its own; the guest runs the same program as it comes.
#undef _FILE_OFFSET_BITS // with which stat would be called stat64
#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/types.h>

static constexpr uid_t pretended = 999;

static int look_again(int result, struct stat* st) {
    if (result == 0 && st->st_uid == 0)
        st->st_uid = pretended;
    return result;
}

template <class... Args> static int next(const char* name, Args... args) {
    return reinterpret_cast<int (*)(Args...)>(::dlsym(RTLD_NEXT, name))(args...);
}

#pragma GCC visibility push(default)
extern "C" {

uid_t getuid() {
    return pretended;
}
uid_t geteuid() {
    return pretended;
}
int stat(const char* path, struct stat* st) {
    return look_again(next("stat", path, st), st);
}
int lstat(const char* path, struct stat* st) {
    return look_again(next("lstat", path, st), st);
}
int fstat(int fd, struct stat* st) {
    return look_again(next("fstat", fd, st), st);
}
}
