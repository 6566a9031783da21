// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "../support.hpp"
#include "kube/tls_authority.hpp"
#include "kube/tls_request.hpp"
#include "pki_folder.hpp"

using namespace lpm;
using namespace std::string_literals;
using sidecar::PkiFolder;

namespace {

std::chrono::sys_seconds now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// A certificate for `key` that is good from `from` to `until`, in days from now.
kube::Issued issued(const std::string& key, int from, int until) {
    const kube::Validity life{now() + std::chrono::days(from), now() + std::chrono::days(until)};
    const kube::Validity longer{life.from, life.until + std::chrono::days(1)};
    const auto authority = kube::make_authority("a", longer).value();
    return {.chain =
                kube::sign_key(authority, key, {kube::Purpose::server, "lpm-sidecar", "n", life}).value(),
            .others = kube::make_authority("b", longer).value().certificate};
}

mode_t mode_of(const std::string& path) {
    struct stat st{};
    return ::stat(path.c_str(), &st) == 0 ? st.st_mode & 07777 : 0;
}

Errc why(const Result<PkiFolder>& folder) {
    EXPECT_FALSE(folder);
    return folder ? Errc::io : folder.error().code;
}

} // namespace

TEST(PkiFolder, keeps_what_belongs_together) {
    const TempDir temp;
    const std::string path = temp.path("pki");
    auto folder = PkiFolder::open(path, ::getegid());
    ASSERT_TRUE(folder) << folder.error().text;
    EXPECT_EQ(mode_of(path), 02750U);
    EXPECT_FALSE(folder->renewal());
    const auto key = folder->pending_key().value();
    EXPECT_EQ(folder->pending_key().value(), key) << "the same until there is a certificate";
    EXPECT_EQ(mode_of(path + "/pending.key"), 0600U);
    const auto before = now();
    ASSERT_TRUE(folder->store(issued(key, -1, 2), key));
    for (const char* name : {"sidecar.crt", "sidecar.key", "clients-ca.crt"})
        EXPECT_EQ(mode_of(path + "/" + name), 0640U) << name;
    EXPECT_GE(folder->renewal(), before + std::chrono::days(1)) << "at two thirds of three days";
    EXPECT_LE(folder->renewal(), now() + std::chrono::days(1));
    EXPECT_NE(folder->pending_key().value(), key);
}

TEST(PkiFolder, asks_again_for_what_does_not_fit) {
    const TempDir temp;
    auto folder = PkiFolder::open(temp.path("pki"), ::getegid()).value();
    const auto key = kube::make_key().value();
    for (const char* name : {"sidecar.crt", "sidecar.key", "clients-ca.crt"}) {
        ASSERT_TRUE(folder.store(issued(key, 0, 1), key));
        EXPECT_TRUE(folder.renewal());
        temp.write(std::string("pki/") + name, "x");
        EXPECT_FALSE(folder.renewal()) << name;
    }
    ASSERT_TRUE(folder.store(issued(key, 0, 1), key));
    temp.write("pki/sidecar.key",
               kube::make_key().value()); // as a run leaves it that is killed between the two
    EXPECT_FALSE(folder.renewal());
}

TEST(PkiFolder, is_of_one_process_and_of_nobody_else) {
    const TempDir temp;
    {
        const auto first = PkiFolder::open(temp.path("pki"), ::getegid());
        ASSERT_TRUE(first);
        EXPECT_EQ(why(PkiFolder::open(temp.path("pki"), ::getegid())), Errc::busy);
    }
    ::chmod(temp.path("pki").c_str(), 0770);
    EXPECT_EQ(why(PkiFolder::open(temp.path("pki"), ::getegid())), Errc::denied);
    EXPECT_EQ(why(PkiFolder::open(temp.path("none/pki"), ::getegid())), Errc::absent);
    temp.write("file", "");
    EXPECT_FALSE(PkiFolder::open(temp.path("file"), ::getegid()));
}
