// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "service/keep.hpp"

#include <gtest/gtest.h>
#include <string>

using namespace lpm;
using service::ArchiveFile;
using service::JudgedArchive;

namespace {

constexpr std::uint64_t now_ms = 10'000'000;

struct One {
    ArchiveFile file{};
    JudgedArchive judged{};
    bool is_judged = true;
};

// Of the container shop/web/app, whole, at rest for long; a larger `age` is an older one.
One archive(const std::string& path, std::uint64_t age) {
    return {
        {.path = path, .id = "id of " + path, .size = 1, .modified_ms = 1'000'000 - age, .writing = false},
        {.whole = true, .engine = "CRI-O", .name_space = "shop", .pod = "web", .name = "app"}};
}

template <class Change> One changed(One one, Change change) {
    change(one);
    return one;
}

// Paths of those that are removed, in order.
std::string removed(const std::vector<One>& archives, std::uint32_t keep) {
    std::vector<service::KeptArchive> all;
    all.reserve(archives.size());
    for (const auto& one : archives)
        all.push_back({&one.file, one.is_judged ? &one.judged : nullptr});
    std::string paths;
    for (const auto& one : service::beyond(all, keep, now_ms))
        paths += one.file->path;
    return paths;
}

} // namespace

TEST(Keep, removes_what_is_beyond_the_newest_of_a_container) {
    const std::vector<One> four{archive("b", 2), archive("d", 4), archive("a", 1), archive("c", 3)};
    EXPECT_EQ(removed(four, 2), "dc"); // the oldest first
    EXPECT_EQ(removed(four, 1), "dcb");
    EXPECT_EQ(removed(four, 4), "");
    EXPECT_EQ(removed(four, 5), "");
    EXPECT_EQ(removed(four, 0), "") << "off";
    EXPECT_EQ(removed({}, 1), "");
}

TEST(Keep, counts_for_each_container_alone) {
    const auto of = [](const std::string& path, std::string JudgedArchive::* member, const char* value) {
        return changed(archive(path, 5), [&](One& one) { one.judged.*member = value; });
    };
    const std::vector<One> others{archive("a", 1), of("b", &JudgedArchive::engine, "containerd"),
                                  of("c", &JudgedArchive::name_space, "other"),
                                  of("d", &JudgedArchive::pod, "web-2"),
                                  of("e", &JudgedArchive::name, "app-2")};
    EXPECT_EQ(removed(others, 1), "");
    auto twice = others;
    for (const auto& one : others)
        twice.push_back(changed(one, [](One& older) {
            older.file.path += "'";
            older.file.id += "'";
            older.file.modified_ms -= 100;
        }));
    EXPECT_EQ(removed(twice, 1).size(), 2 * others.size());
    EXPECT_EQ(removed(twice, 2), "");
}

// Neither removed, nor counted: it takes nobody's place.
TEST(Keep, passes_over_what_is_not_its_business) {
    struct Case {
        const char* what;
        void (*change)(One&);
    };
    constexpr Case cases[] = {
        {"pinned", [](One& one) { one.file.pinned = true; }},
        {"of an object", [](One& one) { one.judged.of_object = true; }},
        {"being written", [](One& one) { one.file.writing = true; }},
        {"just written, without leases",
         [](One& one) {
             one.file.writing.reset();
             one.file.modified_ms = now_ms - service::rest_ms + 1;
         }},
        {"not whole", [](One& one) { one.judged.whole = false; }},
        {"not judged", [](One& one) { one.is_judged = false; }},
        {"of no engine", [](One& one) { one.judged.engine.clear(); }},
        {"of no namespace", [](One& one) { one.judged.name_space.clear(); }},
        {"of no pod", [](One& one) { one.judged.pod.clear(); }},
        {"of no name", [](One& one) { one.judged.name.clear(); }},
    };
    for (const auto& [what, change] : cases)
        for (const std::uint64_t age : {0UL, 9UL}) { // the newest, and the oldest
            auto odd = archive("x", age);
            EXPECT_EQ(removed({archive("a", 1), archive("b", 2), odd}, 1), age == 0 ? "ba" : "xb") << what;
            change(odd);
            EXPECT_EQ(removed({archive("a", 1), archive("b", 2), odd}, 1), "b") << what;
            const std::vector<One> alike{odd, changed(odd, [](One& one) { one.file.id += "'"; })};
            EXPECT_EQ(removed(alike, 1), "") << what;
        }
}

TEST(Keep, takes_an_archive_without_leases_once_it_rests) {
    const auto rests = changed(archive("b", 2), [](One& one) {
        one.file.writing.reset();
        one.file.modified_ms = now_ms - service::rest_ms;
    });
    EXPECT_EQ(removed({archive("a", 1), rests}, 1), "a");
}

TEST(Keep, knows_podmans_containers_by_their_name) {
    const auto podman = [](const std::string& path, std::uint64_t age, const char* name) {
        return changed(archive(path, age),
                       [&](One& one) { one.judged = {.whole = true, .engine = "Podman", .name = name}; });
    };
    EXPECT_EQ(removed({podman("a", 1, "db"), podman("b", 2, "db"), podman("c", 3, "web")}, 1), "b");
}

TEST(Keep, counts_a_file_with_two_names_once) {
    const auto again = changed(archive("a", 1), [](One& one) { one.file.path = "z"; });
    EXPECT_EQ(removed({archive("a", 1), again, archive("b", 2), archive("c", 3)}, 2), "c");
    EXPECT_EQ(removed({archive("b", 0), archive("a", 1), again}, 1), "z") << "once, by one of its names";
}

TEST(Keep, has_an_order_among_those_of_one_moment) {
    EXPECT_EQ(removed({archive("b", 1), archive("a", 1), archive("c", 1)}, 1), "ab");
}
