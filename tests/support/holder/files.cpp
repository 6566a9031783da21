// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Descriptors and memory.
#include "holder.hpp"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <vector>

namespace holder {

static int open_file(const std::string& path, int flags) {
    return static_cast<int>(must(open(path.c_str(), flags | O_CLOEXEC, 0644), path.c_str()));
}

static void fill(int fd, long kib) {
    const std::vector<char> block(1024, 'x');
    for (long i = 0; i < kib; ++i)
        must(write(fd, block.data(), block.size()), "write");
}

// What CRIU knows how to dump.
static void usual_inodes() {
    const int epoll = static_cast<int>(must(epoll_create1(0), "epoll_create1"));
    epoll_event event{.events = EPOLLIN, .data = {}};
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, static_cast<int>(must(eventfd(1, 0), "eventfd")), &event),
         "epoll_ctl");
    must(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    must(signalfd(-1, &set, 0), "signalfd");
    must(inotify_init1(0), "inotify_init1");
    must(memfd_create("usual", 0), "memfd_create");
}

// anon usual | io-uring | perf-event | userfaultfd | bpf-map | fscontext | landlock
static void hold_anon(const std::string& argument) {
    if (argument == "usual") {
        usual_inodes();
    } else if (argument == "io-uring") {
        io_uring_params params{};
        must(syscall(SYS_io_uring_setup, 8, &params), "io_uring_setup");
    } else if (argument == "perf-event") {
        perf_event_attr attr{};
        attr.type = PERF_TYPE_SOFTWARE;
        attr.size = sizeof attr;
        attr.config = PERF_COUNT_SW_TASK_CLOCK;
        attr.exclude_kernel = attr.exclude_hv = 1;
        must(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0), "perf_event_open");
    } else if (argument == "userfaultfd") {
        must(syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */), "userfaultfd");
    } else if (argument == "bpf-map") {
        bpf_attr attr{};
        attr.map_type = BPF_MAP_TYPE_ARRAY;
        attr.key_size = 4;
        attr.value_size = 8;
        attr.max_entries = 4;
        must(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr), "bpf");
    } else if (argument == "fscontext") {
        must(syscall(SYS_fsopen, "tmpfs", 0), "fsopen");
    } else if (argument == "landlock") {
        const unsigned long handled = 1;
        must(syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0), "landlock");
    } else {
        unknown(argument);
    }
}

static void hold_device(const std::string& path) {
    open_file(path, O_RDONLY | O_NONBLOCK);
}

// tun tun | tap | filter: an interface, of which the last is a tap that lets nothing through
static void hold_tun(const std::string& argument) {
    const int fd = open_file("/dev/net/tun", O_RDWR);
    ifreq request{};
    std::strcpy(request.ifr_name, "lpm0");
    request.ifr_flags = static_cast<short>(IFF_NO_PI | (argument == "tun" ? IFF_TUN : IFF_TAP));
    must(ioctl(fd, TUNSETIFF, &request), "TUNSETIFF");
    if (argument == "filter") {
        sock_filter nothing{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
        const sock_fprog program{.len = 1, .filter = &nothing};
        must(ioctl(fd, TUNATTACHFILTER, &program), "TUNATTACHFILTER");
    } else if (argument != "tun" && argument != "tap") {
        unknown(argument);
    }
}

// mapped PATH: the file is mapped and no longer open.
static void hold_mapped(const std::string& path) {
    const int fd = open_file(path, O_RDWR | O_CREAT);
    fill(fd, 4);
    if (mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
        must(-1, "mmap");
    close(fd);
}

static void hold_open(const std::string& path) {
    fill(open_file(path, O_RDWR | O_CREAT), 4);
}

// ghost KIB: a deleted file of that size, of which nothing but the descriptor is left
static void hold_ghost(const std::string& kib) {
    fill(open_file("/tmp/ghost", O_RDWR | O_CREAT), std::atol(kib.c_str()));
    must(unlink("/tmp/ghost"), "unlink");
}

// linked deleted | kept: a file with two names, of which the one that was opened is gone or not
static void hold_linked(const std::string& argument) {
    fill(open_file("/tmp/first", O_RDWR | O_CREAT), 4);
    must(link("/tmp/first", "/tmp/second"), "link");
    if (argument == "deleted")
        must(unlink("/tmp/first"), "unlink");
    else if (argument != "kept")
        unknown(argument);
}

// unlinked PATH: a file that was there already, and whose name is gone
static void hold_unlinked(const std::string& path) {
    open_file(path, O_RDONLY);
    must(unlink(path.c_str()), "unlink");
}

static void hold_inotify(const std::string& path) {
    const int fd = static_cast<int>(must(inotify_init1(0), "inotify_init1"));
    must(inotify_add_watch(fd, path.c_str(), IN_MODIFY | IN_CREATE), "inotify_add_watch");
}

static void hold_fanotify(const std::string& path) {
    const int fd = static_cast<int>(must(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY), "fanotify_init"));
    must(fanotify_mark(fd, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, path.c_str()), "fanotify_mark");
}

// guard installed | protected: a page that nobody may touch in the middle of written ones, made as glibc 2.42
// makes the guards of its stacks, or as older ones do.
static void hold_guard(const std::string& argument) {
    constexpr std::size_t page = 4096;
    constexpr std::size_t size = 16 * page;
    constexpr int guard_install = 102; // MADV_GUARD_INSTALL
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(at == MAP_FAILED ? -1 : 0, "mmap");
    std::memset(at, 'x', size);
    void* guard = static_cast<char*>(at) + size / 2;
    if (argument == "installed")
        must(madvise(guard, page, guard_install), "madvise");
    else if (argument == "protected")
        must(mprotect(guard, page, PROT_NONE), "mprotect");
    else
        unknown(argument);
}

// huge MIB: private memory in huge pages, which the node must have
static void hold_huge(const std::string& mib) {
    const auto size = static_cast<std::size_t>(std::atol(mib.c_str())) << 20;
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    must(at == MAP_FAILED ? -1 : 0, "mmap");
    std::memset(at, 'x', size);
}

static void hold_sysv(const std::string&) {
    const int id = static_cast<int>(must(shmget(IPC_PRIVATE, 65536, IPC_CREAT | 0600), "shmget"));
    void* at = shmat(id, nullptr, 0);
    must(reinterpret_cast<long>(at) == -1 ? -1 : 0, "shmat");
    must(shmctl(id, IPC_RMID, nullptr), "shmctl"); // it goes when we go
    *static_cast<int*>(at) = 1;
}

// segment MIB: System V shared memory, written, and not attached any more; it goes with the namespace
static void hold_segment(const std::string& mib) {
    const auto size = static_cast<std::size_t>(std::atol(mib.c_str())) << 20U;
    const int id = static_cast<int>(must(shmget(IPC_PRIVATE, size, IPC_CREAT | 0600), "shmget"));
    void* at = shmat(id, nullptr, 0);
    must(reinterpret_cast<long>(at) == -1 ? -1 : 0, "shmat");
    std::memset(at, 'x', size);
    must(shmdt(at), "shmdt");
}

static void hold_lock(const std::string& path) {
    must(flock(open_file(path, O_RDWR | O_CREAT), LOCK_EX | LOCK_NB), "flock");
}

// pipes COUNT: each with something to read in it
static void hold_pipes(const std::string& count) {
    rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
    for (int i = std::atoi(count.c_str()); i > 0; --i) {
        int ends[2];
        must(pipe(ends), "pipe");
        must(write(ends[1], "x", 1), "write");
    }
}

// secret open | mapped: memory that the kernel itself cannot read
static void hold_secret(const std::string& argument) {
    const auto fd = static_cast<int>(must(syscall(SYS_memfd_secret, 0), "memfd_secret"));
    must(ftruncate(fd, 4096), "ftruncate");
    void* at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(at == MAP_FAILED ? -1 : 0, "mmap");
    std::memset(at, 'x', 4096);
    if (argument == "open")
        must(munmap(at, 4096), "munmap");
    else if (argument == "mapped")
        close(fd);
    else
        unknown(argument);
}

// code shared | writable | private: executable memory below all other
static void hold_code(const std::string& argument) {
    int protection = PROT_READ | PROT_EXEC;
    int flags = MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_SHARED;
    if (argument == "writable")
        protection |= PROT_WRITE;
    else if (argument == "private")
        flags = MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_PRIVATE;
    else if (argument != "shared")
        unknown(argument);
    void* const low = reinterpret_cast<void*>(0x100000); // NOLINT(performance-no-int-to-ptr)
    must(mmap(low, 65536, protection, flags, -1, 0) == low ? 0 : -1, "mmap");
}

// memfd MIB: written, and not mapped any more
static void hold_memfd(const std::string& mib) {
    fill(static_cast<int>(must(memfd_create("memfd", 0), "memfd_create")), std::atol(mib.c_str()) * 1024);
}

static constexpr Case cases[] = {
    {"secret", hold_secret}, {"memfd", hold_memfd},     {"unlinked", hold_unlinked}, {"anon", hold_anon},
    {"device", hold_device}, {"mapped", hold_mapped},   {"open", hold_open},         {"ghost", hold_ghost},
    {"linked", hold_linked}, {"inotify", hold_inotify}, {"fanotify", hold_fanotify}, {"sysv", hold_sysv},
    {"lock", hold_lock},     {"pipes", hold_pipes},     {"guard", hold_guard},       {"tun", hold_tun},
    {"huge", hold_huge},     {"segment", hold_segment}, {"code", hold_code},
};
const std::span<const Case> files = cases;

} // namespace holder
