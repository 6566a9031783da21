// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/verify.hpp"

#include <thread>

#include "../support.hpp"

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
        const auto source = criu::ImageDirectory::open(dir.path());
        const auto verified =
            criu::verify_images(*source, criu::read_images(*source), Deadline(std::chrono::hours(1)));
        return verified ? "complete" : verified.error().text;
    }
    void cut(const std::string& name, std::size_t by) const {
        std::filesystem::resize_file(dir.path(name), std::filesystem::file_size(dir.path(name)) - by);
    }
    TempDir dir;
};

// Lets the time run out when a core is looked at, and counts what is looked at after that.
class SlowSource final : public criu::ImageSource {
  public:
    SlowSource(const criu::ImageSource& source, const Deadline& deadline)
        : source_(source), deadline_(deadline) {}
    [[nodiscard]] Result<std::string> read(const std::string& name) const override {
        late += late_for(name);
        return source_.read(name);
    }
    [[nodiscard]] Result<std::string> read_head(const std::string& name, std::size_t limit) const override {
        return source_.read_head(name, limit);
    }
    [[nodiscard]] std::optional<std::uint64_t> size(const std::string& name) const override {
        late += late_for(name);
        if (name == "core-1.img")
            std::this_thread::sleep_for(deadline_.left() + std::chrono::milliseconds(1));
        return source_.size(name);
    }
    [[nodiscard]] std::optional<criu::ImageFile> find(const std::string& name) const override {
        return source_.find(name);
    }
    [[nodiscard]] bool each_name(const std::function<bool(const std::string&)>& visit) const override {
        return source_.each_name(visit);
    }
    mutable int late = 0;

  private:
    [[nodiscard]] int late_for(const std::string& name) const {
        return deadline_.passed() && name != "core-1.img" ? 1 : 0;
    }
    const criu::ImageSource& source_;
    const Deadline& deadline_;
};

} // namespace

TEST_F(Images, are_complete) {
    EXPECT_EQ(verdict(), "complete");
    const auto source = criu::ImageDirectory::open(dir.path());
    const auto pages =
        criu::verify_images(*source, criu::read_images(*source), Deadline(std::chrono::hours(1)));
    ASSERT_TRUE(pages);
    EXPECT_EQ(pages->all, 32U);
    EXPECT_EQ(pages->most, 17U) << "of the bigger of two processes";
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
    EXPECT_EQ(verdict(), "pages-1.img has 69631 bytes, but its page maps list 17 pages");
}

TEST_F(Images, of_a_node_with_larger_pages) {
    constexpr std::size_t page = 65536;
    dir.write("pages-1.img", std::string(17 * page, 'x'));
    dir.write("pages-2.img", std::string(15 * page, 'x'));
    const auto source = criu::ImageDirectory::open(dir.path());
    const auto pages =
        criu::verify_images(*source, criu::read_images(*source), Deadline(std::chrono::hours(1)));
    ASSERT_TRUE(pages) << pages.error().text;
    EXPECT_EQ(pages->size, page);
    EXPECT_EQ(pages->all, 32U);
}

TEST_F(Images, of_shared_memory_need_their_pages) {
    dir.write("pagemap-shmem-7.img", data("images/pagemap-13.img")); // 15 more of the same pages file
    EXPECT_EQ(verdict(), "pages-2.img has 61440 bytes, but its page maps list 30 pages");
    dir.write("pages-2.img", std::string(30 * 4096, 'x'));
    const auto source = criu::ImageDirectory::open(dir.path());
    const auto pages =
        criu::verify_images(*source, criu::read_images(*source), Deadline(std::chrono::hours(1)));
    ASSERT_TRUE(pages) << pages.error().text;
    EXPECT_EQ(pages->all, 47U);
    EXPECT_EQ(pages->most, 17U);
    EXPECT_EQ(pages->shared, 15U);
    cut("pagemap-shmem-7.img", 1);
    EXPECT_EQ(verdict(), "pagemap-shmem-7.img: pagemap is damaged or cut short");
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
    const auto source = criu::ImageDirectory::open(dir.path());
    const auto images = criu::read_images(*source);
    const Deadline deadline(std::chrono::seconds(1));
    const SlowSource slow(*source, deadline);
    const auto verified = criu::verify_images(slow, images, deadline);
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code, Errc::busy);
    EXPECT_TRUE(deadline.passed());
    EXPECT_EQ(slow.late, 0) << "what comes after the threads is not looked at";
}
