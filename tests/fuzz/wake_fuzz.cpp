// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "inspect/layer.hpp"
#include "wake/contents.hpp"
#include "wake/layer.hpp"

using namespace lpm;

static bool has_file(const std::string& path) {
    return path == "etc/hosts";
}

static void expect_below_root(std::string_view path) {
    if (path.starts_with('/'))
        std::abort();
    while (!path.empty())
        if (next_part(path, '/') == "..")
            std::abort();
}

// What was taken leads nowhere else.
static void read_as_layer(int fd, const wake::Contents& contents) {
    const auto layer = wake::read_layer(fd, contents, has_file);
    if (!layer)
        return;
    for (const std::string& path : layer->deleted)
        expect_below_root(path);
    if (!layer->tar)
        return;
    auto tar = wake::Tar::open(fd, *layer->tar);
    if (!tar)
        std::abort();
    for (;;) {
        const auto member = tar->next();
        if (!member)
            std::abort(); // it was read before
        if (!*member)
            return;
        expect_below_root((*member)->name);
        if ((*member)->kind == wake::Member::Kind::hard_link)
            expect_below_root((*member)->target);
    }
}

// Whoever asks for the list can read it.
static void list(int fd, const wake::Contents& contents) {
    const auto text = wake::list_layer(fd, contents);
    if (text && !inspect::Layer::parse(*text))
        std::abort();
}

// An archive, a layer, and a list of deleted files: whichever it is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Fd file(::memfd_create("archive", MFD_CLOEXEC));
    if (!file || ::write(file.get(), data, size) != static_cast<ssize_t>(size))
        return 0;
    if (const auto contents = wake::read_contents(file.get())) {
        (void)wake::read_manifest(file.get(), *contents);
        read_as_layer(file.get(), *contents);
    }
    read_as_layer(file.get(), {.rootfs_diff = wake::Extent{0, size}});
    list(file.get(), {.rootfs_diff = wake::Extent{0, size}});
    read_as_layer(file.get(), {.deleted_files = wake::Extent{0, size}});
    list(file.get(), {.deleted_files = wake::Extent{0, size}});
    if (const auto layer = inspect::Layer::parse({reinterpret_cast<const char*>(data), size}))
        (void)layer->find("/etc/hosts");
    return 0;
}
