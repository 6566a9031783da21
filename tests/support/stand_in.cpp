// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// Is in /proc what a daemon is: a program of that name with a command line. A copy of it has the name;
// --version prints the file beside it that ends in .version.
#include <climits>
#include <cstdio>
#include <cstring>
#include <string>
#include <unistd.h>

static int print_version() {
    char path[PATH_MAX];
    const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
    std::FILE* file =
        size < 0 ? nullptr
                 : std::fopen((std::string(path, static_cast<std::size_t>(size)) + ".version").c_str(), "re");
    if (file == nullptr)
        return 1;
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file))
        std::putchar(c);
    return std::fclose(file);
}

int main(int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0)
        return print_version();
    for (;;)
        ::pause();
}
