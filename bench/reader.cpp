// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// reader CGROUP.PROCS PROGRAM: the peer of bench/checks: reads of each process what the gate's walk reads, in
// plain C and with a buffer of its own, judges nothing, and becomes PROGRAM.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <initializer_list>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char buffer[1 << 20];

static size_t read_text(const char* path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size_t used = 0;
    ssize_t got = 0;
    while (used < sizeof buffer && (got = read(fd, buffer + used, sizeof buffer - used)) > 0)
        used += static_cast<size_t>(got);
    close(fd);
    return used;
}

struct Pipe {
    unsigned long inode;
    long pid;
    int fd;
};
static Pipe pipes[1 << 20];
static size_t pipe_count = 0;

static int by_inode(const void* one, const void* other) {
    const unsigned long a = static_cast<const Pipe*>(one)->inode;
    const unsigned long b = static_cast<const Pipe*>(other)->inode;
    return a < b ? -1 : a > b;
}

// How much lies unread in each pipe.
static void read_pipes() {
    qsort(pipes, pipe_count, sizeof *pipes, by_inode);
    long of = 0;
    int pidfd = -1;
    for (size_t i = 0; i < pipe_count; ++i) {
        if (i > 0 && pipes[i].inode == pipes[i - 1].inode)
            continue;
        if (of != pipes[i].pid) {
            close(pidfd);
            of = pipes[i].pid;
            pidfd = static_cast<int>(syscall(SYS_pidfd_open, of, 0));
        }
        const int fd = static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, pipes[i].fd, 0));
        int unread = 0;
        (void)ioctl(fd, FIONREAD, &unread);
        close(fd);
    }
}

static void read_process(long pid) {
    char path[64];
    char link[4096];
    for (const char* file : {"stat", "status", "maps"}) {
        snprintf(path, sizeof path, "/proc/%ld/%s", pid, file);
        read_text(path);
    }
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
    read_text(path);
    struct stat st;
    for (const char* kind : {"pid", "user", "uts", "ipc", "net", "cgroup", "time_for_children", "mnt"}) {
        snprintf(path, sizeof path, "/proc/%ld/ns/%s", pid, kind);
        (void)stat(path, &st);
    }
    snprintf(path, sizeof path, "/proc/%ld/fd", pid);
    DIR* dir = opendir(path);
    if (dir == nullptr)
        return;
    struct statx file;
    while (const dirent* entry = readdir(dir)) {
        const ssize_t size = readlinkat(dirfd(dir), entry->d_name, link, sizeof link);
        if (size > 0 && link[0] == '/')
            (void)statx(dirfd(dir), entry->d_name, 0, STATX_BASIC_STATS | STATX_MNT_ID, &file);
        else if (size > 6 && memcmp(link, "pipe:[", 6) == 0 && pipe_count < sizeof pipes / sizeof *pipes)
            pipes[pipe_count++] = {strtoul(link + 6, nullptr, 10), pid, atoi(entry->d_name)};
    }
    closedir(dir);
}

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    const size_t size = read_text(argv[1]);
    char* pids = static_cast<char*>(malloc(size + 1));
    memcpy(pids, buffer, size);
    pids[size] = '\0';
    for (char* at = strtok(pids, "\n"); at != nullptr; at = strtok(nullptr, "\n"))
        read_process(atol(at));
    read_pipes();
    for (const char* table :
         {"tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "netlink", "packet", "unix"}) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/net/%s", table);
        read_text(path);
    }
    execl(argv[2], argv[2], static_cast<char*>(nullptr));
    return 1;
}
