// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "harness.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lpm::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* own_folders[] = {"/etc/lpm", "/usr/libexec/lpm", "/var/lib/lpm", "/run"};

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(
        stderr,
        "cli tests: %s (they need root and a mount namespace: run them in a node of flavour `build`)\n",
        why.c_str());
    std::exit(1);
}

} // namespace

std::string built(const std::string& below) {
    // Not /proc/self/exe: in a chroot that link shows the path outside of it.
    static const fs::path tree = [] {
        fs::path folder = fs::canonical(program_invocation_name).parent_path();
        while (folder.has_relative_path() && !exists((folder / "shim/lpm-runc").string()))
            folder = folder.parent_path();
        return folder;
    }();
    return (tree / below).string();
}

std::string lpm_runc() {
    return built("shim/lpm-runc");
}
std::string fake_runc() {
    return built("tests/support/fake_runc");
}

std::string lpm_gate() {
    const std::string path = built("shim/lpm-gate");
    return exists(path) ? path : "";
}

bool exists(const std::string& path) {
    struct stat info{};
    return lstat(path.c_str(), &info) == 0;
}

void write_file(const std::string& path, const std::string& text, mode_t mode) {
    std::ofstream(path, std::ios::binary) << text;
    chmod(path.c_str(), mode);
}

std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

void link_to(const std::string& target, const std::string& path) {
    fs::remove_all(path);
    fs::create_directories(fs::path(path).parent_path());
    fs::create_symlink(target, path);
}

void enter_private_world() {
    if (unshare(CLONE_NEWNS) != 0)
        give_up("no mount namespace");
    // Fails in a chroot that is not a mount point; then the mounts must be private already.
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 &&
        read_file("/proc/self/mountinfo").find(" shared:") != std::string::npos)
        give_up("mounts would leak out");
    for (const char* folder : own_folders) {
        fs::create_directories(folder);
        if (mount("tmpfs", folder, "tmpfs", 0, "mode=755") != 0)
            give_up(std::string("no tmpfs on ") + folder);
    }
    reset_world();
}

void reset_world() {
    for (const char* folder : own_folders)
        for (const auto& entry : fs::directory_iterator(folder))
            fs::remove_all(entry);
    fs::create_directories("/run/fake-runc");
    link_to(lpm_runc(), "/etc/lpm/bin/runc");
    link_to(fake_runc(), "/etc/lpm/runtime");
}

} // namespace lpm::test
