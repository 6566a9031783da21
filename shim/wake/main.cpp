// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "contents.hpp"
#include "images.hpp"
#include "layer.hpp"
#include "power.hpp"
#include "rootfs.hpp"

using namespace lpm;

static constexpr int archive = STDIN_FILENO;
static constexpr std::size_t max_line = 500;

// Power is given away before the archive is looked at, and the folder is opened before that.
static Result<> manifest() {
    TRY(wake::give_power_away(wake::Power::read, -1));
    TRY_ASSIGN(const auto contents, wake::read_contents(archive));
    TRY_ASSIGN(const std::string text, wake::read_manifest(archive, contents));
    return write_all(STDOUT_FILENO, text);
}

static Result<> images(const char* folder) {
    TRY_ASSIGN(const Fd to, open_at(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(wake::give_power_away(wake::Power::write, to.get()));
    TRY_ASSIGN(const auto contents, wake::read_contents(archive));
    TRY_ASSIGN(const std::string layer, wake::list_layer(archive, contents));
    TRY(wake::write_images(archive, contents, to.get()));
    return write_all(STDOUT_FILENO, layer);
}

static Result<> rootfs(const char* folder) {
    TRY_ASSIGN(const Fd root, open_at(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(wake::give_power_away(wake::Power::own, root.get()));
    TRY_ASSIGN(const auto contents, wake::read_contents(archive));
    wake::Rootfs to(root.get());
    TRY_ASSIGN(const auto layer, wake::read_layer(archive, contents, [&](const std::string& path) {
                   return to.has_file(path);
               }));
    if (layer.tar) {
        TRY(to.apply(archive, *layer.tar));
    }
    return to.remove(layer.deleted);
}

// 3: there is no lpm.json in a good archive, which an lpm-gate did not make. 2: the archive is bad. 1: the
// node cannot.
static int status_of(const Error& error) {
    if (error.sys != 0)
        return 1;
    if (error.code == Errc::absent)
        return 3;
    return error.code == Errc::invalid ? 2 : 1;
}

static int tell(std::string_view what, std::string_view why, int status) {
    const std::string line = one_line("lpm-wake: " + std::string(what) + ", " + std::string(why), max_line);
    (void)write_all(STDERR_FILENO, line + "\n");
    return status;
}

static int run(std::string_view verb, const char* folder) {
    const auto done = verb == "manifest" ? manifest() : verb == "images" ? images(folder) : rootfs(folder);
    return done ? 0 : tell(verb, done.error().text, status_of(done.error()));
}

// lpm-wake takes CRI-O's archive of a checkpoint apart, for a container that is to be restored from it when
// it is made. lpm-gate opens the archive, standard input here, and never looks into it: its content is what a
// container wrote.
int main(int argc, char** argv) {
    // Who takes the folder away when the gate is killed is not to meet one that goes on writing there.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string_view verb = argc > 1 ? argv[1] : "";
    if (!(verb == "manifest" && argc == 2) && !((verb == "images" || verb == "rootfs") && argc == 3))
        return tell("usage", "lpm-wake manifest | images FOLDER | rootfs FOLDER, with the archive as input",
                    1);
    try {
        return run(verb, argc == 3 ? argv[2] : nullptr);
    } catch (...) {
        std::fputs("lpm-wake: no memory is left\n", stderr); // nothing else throws
        return 1;
    }
}
