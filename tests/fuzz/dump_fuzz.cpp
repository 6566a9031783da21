// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/verify.hpp"

using namespace lpm;

// A directory of images: of each file a byte for its name, two for the length, then its bytes. A pages file
// has its length in eight bytes and is a hole.
static constexpr const char* names[] = {"inventory.img", "pstree.img",  "core-1.img",         "core-2.img",
                                        "mm-1.img",      "mm-2.img",    "pagemap-1.img",      "pagemap-2.img",
                                        "pages-1.img",   "pages-2.img", "pagemap-shmem-1.img"};
static constexpr std::size_t first_pages = 8; // two of them

static int open_folder() {
    char place[] = "/dev/shm/lpm-fuzz-XXXXXX";
    if (::mkdtemp(place) == nullptr)
        std::abort();
    const int dir = ::open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    static std::string made;
    made = place;
    std::atexit([] { ::rmdir(made.c_str()); });
    return dir;
}

static std::string_view take(std::string_view& rest, std::size_t most) {
    const auto bytes = rest.substr(0, most);
    rest.remove_prefix(bytes.size());
    return bytes;
}

// How many bytes the pages file has.
static std::uint64_t fill(int dir, std::size_t number, std::string_view bytes) {
    const Fd file(::openat(dir, names[number], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (number < first_pages || number >= first_pages + 2) {
        if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
            std::abort();
        return 0;
    }
    std::uint64_t size = 0;
    std::memcpy(&size, bytes.data(), std::min(bytes.size(), sizeof size));
    return ::ftruncate(file.get(), static_cast<off_t>(size)) == 0 ? size : 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const int dir = open_folder();
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    std::uint64_t have[std::size(names)] = {};
    while (rest.size() > 2) {
        const auto head = take(rest, 3);
        const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(head[at]); };
        const std::size_t number = byte(0) % std::size(names);
        have[number] = fill(dir, number, take(rest, byte(1) | std::size_t{byte(2)} << 8));
    }
    static const criu::ImageDirectory source{Fd(::dup(dir))};
    const auto pages =
        criu::verify_images(source, criu::read_images(source), Deadline(std::chrono::hours(1)));
    // What is called whole has all its pages.
    if (pages && (pages->most + pages->shared > pages->all ||
                  pages->all > (have[first_pages] + have[first_pages + 1]) / 4096))
        std::abort();
    for (const char* name : names)
        ::unlinkat(dir, name, 0);
    return 0;
}
