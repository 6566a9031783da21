// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "linux/procmaps.hpp"

#include <gtest/gtest.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vector>

#include "base/fd.hpp"
#include "linux/procfs.hpp"

using namespace lpm;

static std::vector<procfs::Mapping> all(std::string_view maps) {
    std::vector<procfs::Mapping> found;
    while (const auto mapping = procfs::next_mapping(maps))
        found.push_back(*mapping);
    EXPECT_TRUE(maps.empty());
    return found;
}

TEST(Procmaps, reads_mappings_in_order) {
    const std::string text =
        "55fbfb570000-55fbfb572000 r--p 00000000 fe:1f 247498                     /usr/bin/a b \n"
        "5600d1000000-5600d1021000 rw-p 00000000 00:00 0                          [heap]\n"
        "7f8fe5428000-7f8fe542e000 rw-p 00000000 00:00 0 \n"
        "7f8fe542e000-7f8fe5430000 rw-s 00000000 00:01 12147                      /dev/zero (deleted)\n"
        "7f8fe5fba000-7f8fe5fbb000 rw-s 00001000 103:00002 18446744073709551615      /memfd:a b\\012c "
        "(deleted)\n"
        "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]";
    const auto maps = all(text);
    ASSERT_EQ(maps.size(), 6U);
    EXPECT_EQ(maps[0].start, 0x55fbfb570000U);
    EXPECT_EQ(maps[0].end, 0x55fbfb572000U);
    EXPECT_FALSE(maps[0].shared);
    EXPECT_EQ(maps[0].device, makedev(0xfe, 0x1f));
    EXPECT_EQ(maps[0].inode, 247498U);
    EXPECT_EQ(maps[0].path, "/usr/bin/a b "); // a name may end in a space
    EXPECT_EQ(maps[1].path, "[heap]");
    EXPECT_EQ(maps[2].path, "");
    EXPECT_EQ(maps[2].inode, 0U);
    EXPECT_TRUE(maps[3].shared);
    EXPECT_EQ(maps[3].device, makedev(0, 1));
    EXPECT_EQ(maps[3].path, "/dev/zero (deleted)");
    EXPECT_EQ(maps[4].device, makedev(0x103, 2));
    EXPECT_EQ(maps[4].inode, UINT64_MAX);
    EXPECT_EQ(maps[4].path, "/memfd:a b\\012c (deleted)");
    EXPECT_EQ(maps[5].start, 0xffffffffff600000U);
    EXPECT_EQ(maps[5].path, "[vsyscall]"); // the last newline is missing
}

TEST(Procmaps, leaves_out_lines_that_are_broken) {
    for (const char* line :
         {"", "\n", "junk", "1000-2000", "1000-2000 r--p", "1000-2000 r--p 0 08:01",
          "1000-2000 r--p 0 0801 5 /x", "1000_2000 r--p 0 08:01 5 /x", "-2000 r--p 0 08:01 5 /x",
          "1000- r--p 0 08:01 5 /x", "2000-1000 r--p 0 08:01 5 /x",
          "1000-10000000000000000 r--p 0 08:01 5 /x", "1000-2000 r-p 0 08:01 5 /x",
          "1000-2000 r--p 0 08: 5 /x", "1000-2000 r--p 0 08:100000000 5 /x", "1000-2000 r--p 0 08:01 x /x",
          "1000-2000 r--p 0 08:01 18446744073709551616 /x"}) {
        EXPECT_TRUE(all(line).empty()) << line;
        const std::string around = std::string(line) + "\n3000-4000 r--s 0 08:01 5 /y\n" + line;
        const auto maps = all(around);
        ASSERT_EQ(maps.size(), 1U) << line;
        EXPECT_EQ(maps[0].path, "/y") << line;
    }
    const std::string path(std::size_t{1} << 20, 'x');
    const std::string text = "1000-2000 r--p 0 08:01 5 /" + path + "\n3000-4000 r--s 0 08:01 5 /y";
    EXPECT_EQ(all(text).at(0).path.size(), path.size() + 1);
}

TEST(Procmaps, agrees_with_the_kernel_on_a_mapping) {
    const Fd fd(::memfd_create("of mine", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(fd.get(), 4096), 0);
    void* at = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd.get(), 0);
    ASSERT_NE(at, MAP_FAILED);
    const std::string text = procfs::read_proc(::getpid(), "maps").value();
    struct stat st{};
    ASSERT_EQ(::fstat(fd.get(), &st), 0);
    int found = 0;
    for (const auto& mapping : all(text)) {
        if (mapping.start != reinterpret_cast<std::uintptr_t>(at))
            continue;
        ++found;
        EXPECT_EQ(mapping.end - mapping.start, 4096U);
        EXPECT_TRUE(mapping.shared);
        EXPECT_EQ(mapping.device, st.st_dev);
        EXPECT_EQ(mapping.inode, st.st_ino);
        EXPECT_EQ(mapping.path, "/memfd:of mine (deleted)");
    }
    EXPECT_EQ(found, 1);
    EXPECT_EQ(::munmap(at, 4096), 0);
}
