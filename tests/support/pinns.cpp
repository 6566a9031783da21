// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// CRI-O's namespace pinner, as far as CRI-O calls it: makes namespaces for a pod, or takes the host's, and
// keeps each by a bind mount at DIR/{user,ipc,uts,net}ns/FILE.
//   pinns -d DIR -f FILE [--user|--ipc|--uts|--net][=host]... [-s KEY=VALUE]... [--uid-mapping=C-H-N@...]
//   [--gid-mapping=...]
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

enum class Wanted { no, fresh, of_host };

struct Kind {
    const char* name;
    int flag;
    Wanted wanted = Wanted::no;
};

struct Order {
    std::string dir;
    std::string file;
    std::vector<std::string> sysctls;
    std::string uids = "0-0-4294967295@";
    std::string gids = uids;
    // The user namespace first: what is made after it belongs to it.
    std::array<Kind, 4> kinds{Kind{"user", CLONE_NEWUSER}, Kind{"ipc", CLONE_NEWIPC},
                              Kind{"uts", CLONE_NEWUTS}, Kind{"net", CLONE_NEWNET}};

    bool maps_users() const { return kinds[0].wanted == Wanted::fresh; }
};

void write_to(const std::string& path, const std::string& text) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        err(1, "%s", path.c_str());
    close(fd);
}

Order parse(int argc, char** argv) {
    static const option flags[] = {{"user", optional_argument, nullptr, 0},
                                   {"ipc", optional_argument, nullptr, 1},
                                   {"uts", optional_argument, nullptr, 2},
                                   {"net", optional_argument, nullptr, 3},
                                   {"uid-mapping", required_argument, nullptr, 'u'},
                                   {"gid-mapping", required_argument, nullptr, 'g'},
                                   {"dir", required_argument, nullptr, 'd'},
                                   {"filename", required_argument, nullptr, 'f'},
                                   {"sysctl", required_argument, nullptr, 's'},
                                   {"log-level", required_argument, nullptr, 'l'},
                                   {}};
    Order order;
    for (int c; (c = getopt_long(argc, argv, "d:f:s:l:", flags, nullptr)) != -1;) {
        if (c < 4)
            order.kinds[static_cast<std::size_t>(c)].wanted =
                optarg != nullptr && std::strcmp(optarg, "host") == 0 ? Wanted::of_host : Wanted::fresh;
        else if (c == 'd')
            order.dir = optarg;
        else if (c == 'f')
            order.file = optarg;
        else if (c == 'u')
            order.uids = optarg;
        else if (c == 'g')
            order.gids = optarg;
        else if (c == 's')
            order.sysctls.emplace_back(optarg);
        else if (c != 'l')
            errx(1, "usage: pinns -d DIR -f FILE [--user|--ipc|--uts|--net][=host]... [-s KEY=VALUE]...");
    }
    if (order.dir.empty() || order.file.empty())
        errx(1, "-d and -f are needed");
    return order;
}

// CRI-O joins ranges with @ and their numbers with -, the kernel wants lines and blanks.
void write_map(pid_t pid, const char* name, std::string map) {
    for (char& c : map)
        c = c == '-' ? ' ' : c == '@' ? '\n' : c;
    write_to("/proc/" + std::to_string(pid) + "/" + name, map);
}

void set(const std::string& sysctl) {
    const auto equals = sysctl.find('=');
    if (equals == std::string::npos)
        errx(1, "sysctl %s has no value", sysctl.c_str());
    std::string name = sysctl.substr(0, equals);
    for (char& c : name)
        c = c == '.' ? '/' : c;
    write_to("/proc/sys/" + name, sysctl.substr(equals + 1));
}

void tell(int fd) {
    if (write(fd, "x", 1) != 1)
        _exit(1);
}

// False when the other side has ended.
bool told(int fd) {
    char byte;
    return read(fd, &byte, 1) == 1;
}

// Holds the namespaces until they are pinned.
[[noreturn]] void hold(const Order& order, int ready, int go_on) {
    int flags = 0;
    for (const auto& kind : order.kinds)
        flags |= kind.wanted == Wanted::fresh ? kind.flag : 0;
    if (unshare(flags) != 0)
        err(1, "unshare");
    tell(ready);
    if (!told(go_on)) // the maps are written
        _exit(1);
    if (order.maps_users() && (setgid(0) != 0 || setuid(0) != 0))
        err(1, "root of the user namespace");
    for (const auto& sysctl : order.sysctls)
        set(sysctl);
    tell(ready);
    _exit(told(go_on) ? 0 : 1);
}

void pin(const Order& order, pid_t holder) {
    for (const auto& kind : order.kinds) {
        if (kind.wanted == Wanted::no)
            continue;
        const pid_t owner = kind.wanted == Wanted::of_host ? getpid() : holder;
        const std::string from = "/proc/" + std::to_string(owner) + "/ns/" + kind.name;
        std::string to = order.dir + "/" + kind.name + "ns";
        mkdir(to.c_str(), 0755);
        to += "/" + order.file;
        write_to(to, "");
        if (mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) != 0)
            err(1, "bind %s", to.c_str());
    }
}

} // namespace

int main(int argc, char** argv) {
    const Order order = parse(argc, argv);
    int ready[2];
    int go_on[2];
    if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(go_on, O_CLOEXEC) != 0)
        err(1, "pipe");
    const pid_t holder = fork();
    if (holder < 0)
        err(1, "fork");
    if (holder == 0) {
        close(ready[0]);
        close(go_on[1]);
        hold(order, ready[1], go_on[0]);
    }
    close(ready[1]);
    close(go_on[0]);
    if (!told(ready[0]))
        errx(1, "no namespaces");
    if (order.maps_users()) {
        write_map(holder, "uid_map", order.uids);
        write_map(holder, "gid_map", order.gids);
    }
    tell(go_on[1]);
    if (!told(ready[0]))
        errx(1, "no sysctls");
    pin(order, holder);
    tell(go_on[1]);
    waitpid(holder, nullptr, 0);
    return 0;
}
