// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images.hpp"

#include <fcntl.h>

#include "../support.hpp"
#include "base/fd.hpp"

using namespace lpm;

namespace {

// Two processes that a real CRIU 4.2.1 dumped; their pages are 17 and 15.
class Images : public testing::Test {
  protected:
    Images() {
        for (const char* name : {"inventory.img", "pstree.img", "core-1.img", "core-13.img", "mm-1.img",
                                 "mm-13.img", "pagemap-1.img", "pagemap-13.img"})
            dir.write(name, data(std::string("images/") + name));
        dir.write("pages-1.img", std::string(17 * 4096, 'x'));
        dir.write("pages-2.img", std::string(15 * 4096, 'x'));
    }
    [[nodiscard]] std::string verdict() const {
        const Fd fd(::open(dir.path().c_str(), O_DIRECTORY | O_RDONLY));
        const auto verified = criu::verify_images(
            fd.get(), criu::read_images(fd.get()), [](const void*) { return true; }, nullptr);
        return verified ? "complete" : verified.error().text;
    }
    void cut(const std::string& name, std::size_t by) const {
        std::filesystem::resize_file(dir.path(name), std::filesystem::file_size(dir.path(name)) - by);
    }
    TempDir dir;
};

} // namespace

TEST_F(Images, are_complete) {
    EXPECT_EQ(verdict(), "complete");
}

TEST_F(Images, miss_a_file) {
    for (const char* name : {"inventory.img", "pstree.img", "core-13.img", "pagemap-1.img", "pages-2.img"}) {
        std::filesystem::rename(dir.path(name), dir.path("away"));
        EXPECT_EQ(verdict(), std::string(name) + " is missing");
        std::filesystem::rename(dir.path("away"), dir.path(name));
    }
}

TEST_F(Images, are_cut_short) {
    for (const char* name : {"inventory.img", "pstree.img", "core-1.img", "pagemap-13.img"}) {
        const std::string whole = data(std::string("images/") + name);
        cut(name, 1);
        EXPECT_NE(verdict().find(name), std::string::npos) << verdict();
        EXPECT_NE(verdict().find("damaged or cut short"), std::string::npos) << verdict();
        dir.write(name, whole);
    }
    cut("pages-1.img", 1);
    EXPECT_EQ(verdict(), "pages-1.img has 69631 bytes, but pagemap-1.img lists 17 pages");
}

TEST_F(Images, share_a_pages_file_and_list_more_than_can_be_counted) {
    const std::string head("\x19\x43\x56\x54\x25\x40\x08\x56\x02\0\0\0\x08\x01", 14);
    dir.write("pagemap-13.img",
              head + std::string("\x0b\0\0\0\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 15));
    EXPECT_NE(verdict().find("pagemap-13.img is damaged"), std::string::npos) << verdict();
}

TEST_F(Images, are_not_what_they_should_be) {
    dir.write("pstree.img", data("images/core-1.img"));
    EXPECT_EQ(verdict(), "pstree.img is not a CRIU process tree");
    dir.write("inventory.img", "");
    EXPECT_EQ(verdict(), "inventory.img is not a CRIU inventory");
}

TEST_F(Images, need_no_pages_for_a_zombie) {
    std::filesystem::remove(dir.path("mm-13.img"));
    std::filesystem::remove(dir.path("pagemap-13.img"));
    std::filesystem::remove(dir.path("pages-2.img"));
    EXPECT_EQ(verdict(), "complete");
}

TEST(Inventory, tells_how_the_network_was_locked) {
    const auto inventory = criu::parse_inventory(data("images/inventory.img"));
    ASSERT_TRUE(inventory);
    EXPECT_EQ(inventory->version, 2U);
    EXPECT_EQ(inventory->network_lock, 0U);
}

TEST(Inventory, tells_what_the_dump_was_told) {
    const std::string head("\x16\x31\x31\x58", 4);
    const auto inventory =
        criu::parse_inventory(head + std::string("\x08\0\0\0\x08\x01\x30\x02\x50\x01\x70\x01", 12));
    ASSERT_TRUE(inventory) << inventory.error().text;
    EXPECT_EQ(inventory->lsm, 2U);
    EXPECT_TRUE(inventory->tcp_close);
    EXPECT_TRUE(inventory->allow_uprobes);
}

TEST(Pstree, tells_groups_and_sessions) {
    const auto tasks = criu::parse_pstree(data("images/pstree.img"));
    ASSERT_TRUE(tasks) << tasks.error().text;
    EXPECT_EQ(tasks->front().pid, 1U);
    EXPECT_EQ(tasks->front().group, 1U);
    EXPECT_EQ(tasks->front().session, 1U);
}

TEST(Pstree, reads_packed_and_plain_threads) {
    const std::string head("\x19\x43\x56\x54\x30\x30\x27\x50", 8);
    const auto plain = criu::parse_pstree(head + std::string("\x06\0\0\0\x08\x01\x28\x01\x28\x02", 10));
    const auto packed = criu::parse_pstree(head + std::string("\x06\0\0\0\x08\x01\x2a\x02\x01\x02", 10));
    ASSERT_TRUE(plain);
    ASSERT_TRUE(packed);
    EXPECT_EQ(plain->at(0).threads, (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(packed->at(0).threads, plain->at(0).threads);
    EXPECT_FALSE(criu::parse_pstree(head + std::string("\x06\0\0\0\x08\x01\x2a\x02\x01\x82", 10)));
    EXPECT_FALSE(criu::parse_pstree(head));
}

TEST(Pstree, has_an_end) {
    std::string record("\x08\x01\x2a\xc0\x84\x3d", 6); // pid 1, 1,000,000 packed threads
    record += std::string(1'000'000, '\x01');
    const auto size = static_cast<std::uint32_t>(record.size());
    std::string image("\x19\x43\x56\x54\x30\x30\x27\x50", 8);
    image.append(reinterpret_cast<const char*>(&size), 4);
    const auto tasks = criu::parse_pstree(image + record);
    ASSERT_FALSE(tasks);
    EXPECT_EQ(tasks.error().text, "pstree.img holds more than a million tasks");
}

TEST(Pagemap, reads_old_entries_and_survives_overflow) {
    const std::string head("\x19\x43\x56\x54\x25\x40\x08\x56\x02\0\0\0\x08\x07", 14);
    // vaddr, 3 pages, no flags; then the same in a parent image
    const auto map = criu::parse_pagemap(head + std::string("\x04\0\0\0\x08\x01\x10\x03", 8) +
                                         std::string("\x06\0\0\0\x08\x01\x10\x03\x18\x01", 10));
    ASSERT_TRUE(map);
    EXPECT_EQ(map->pages_id, 7U);
    EXPECT_EQ(map->pages, 3U);
    const std::string huge("\x0b\0\0\0\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 15);
    EXPECT_FALSE(criu::parse_pagemap(head + huge + huge));
}

TEST_F(Images, of_a_zombie_name_a_thread_that_never_was) {
    const std::string head("\x19\x43\x56\x54\x30\x30\x27\x50", 8);
    dir.write("pstree.img",
              head + std::string("\x06\0\0\0\x08\x01\x2a\x02\x90\x4e", 10)); // thread 10000 of pid 1
    EXPECT_EQ(verdict(), "complete");
    dir.write("pstree.img",
              head + std::string("\x07\0\0\0\x08\x01\x2a\x03\x01\x90\x4e", 11)); // threads 1 and 10000
    EXPECT_EQ(verdict(), "core-10000.img is missing");
}

TEST_F(Images, of_one_thread_named_very_often_obey_the_deadline) {
    std::string record("\x08\x01\x2a\xff\x7f", 5); // pid 1, 16383 packed threads
    record += std::string(16383, '\x01');
    const auto size = static_cast<std::uint32_t>(record.size());
    std::string image("\x19\x43\x56\x54\x30\x30\x27\x50", 8);
    image.append(reinterpret_cast<const char*>(&size), 4);
    dir.write("pstree.img", image + record);
    const Fd fd(::open(dir.path().c_str(), O_DIRECTORY | O_RDONLY));
    int asked = 0;
    const auto verified = criu::verify_images(
        fd.get(), criu::read_images(fd.get()),
        [](const void* counter) {
            auto* count = const_cast<int*>(static_cast<const int*>(counter));
            return ++*count < 100;
        },
        &asked);
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code, Errc::busy);
    EXPECT_EQ(asked, 100);
}
