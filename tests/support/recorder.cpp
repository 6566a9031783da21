// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// A runtime that writes down how it was called and then becomes the runtime beside it, `recorder.next`. What
// it saw goes as one JSON line to `recorder.trace` beside it, so nothing is asked of the caller.
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "json/json.hpp"

using lpm::json::Value;

namespace {

std::string link_of(const std::string& path) {
    char target[4096];
    const ssize_t length = readlink(path.c_str(), target, sizeof(target));
    return length < 0 ? "" : std::string(target, static_cast<std::size_t>(length));
}

Value descriptors() {
    Value found = Value::object();
    DIR* folder = opendir("/proc/self/fd");
    while (const dirent* entry = readdir(folder)) {
        if (entry->d_name[0] != '.' && std::to_string(dirfd(folder)) != entry->d_name)
            found[entry->d_name] = link_of(std::string("/proc/self/fd/") + entry->d_name);
    }
    closedir(folder);
    return found;
}

Value environment(char** variables) {
    Value found = Value::object();
    for (; *variables != nullptr; ++variables) {
        const std::string_view entry = *variables;
        const auto equals = entry.find('=');
        found[std::string(entry.substr(0, equals))] =
            equals == std::string_view::npos ? "" : entry.substr(equals + 1);
    }
    return found;
}

// What it inherited of signals and capabilities, as the kernel writes it.
Value status() {
    Value found = Value::object();
    std::FILE* file = std::fopen("/proc/self/status", "re");
    char line[4096];
    while (std::fgets(line, sizeof(line), file) != nullptr) {
        for (const char* key : {"SigBlk:", "SigIgn:", "Umask:", "CapAmb:", "NoNewPrivs:", "Seccomp:"}) {
            if (std::strncmp(line, key, std::strlen(key)) == 0) {
                std::string value = line + std::strlen(key) + 1;
                value.pop_back();
                found[std::string(key, std::strlen(key) - 1)] = value;
            }
        }
    }
    std::fclose(file);
    return found;
}

} // namespace

int main(int argc, char** argv, char** variables) {
    Value seen = Value::object();
    seen["argv"] = Value::array();
    for (int i = 0; i < argc; ++i)
        seen["argv"].push_back(argv[i]);
    seen["env"] = environment(variables);
    seen["cwd"] = link_of("/proc/self/cwd");
    seen["fds"] = descriptors();
    seen["status"] = status();
    const std::string here = argv[0];
    const std::string beside = here.substr(0, here.rfind('/'));
    const std::string line = lpm::json::write(seen) + "\n";
    const int trace =
        open((beside + "/recorder.trace").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (trace < 0 || write(trace, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        std::perror("recorder");
    execv(link_of(beside + "/recorder.next").c_str(), argv);
    std::perror("recorder.next");
    return 127;
}
