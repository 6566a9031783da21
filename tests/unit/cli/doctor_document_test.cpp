// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "doctor/judges.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

using namespace lpm;

TEST(Doctor, says_where_a_distribution_has_criu) {
    const auto how = [](std::string id, std::string like = "", std::string version = "") {
        doctor::NodeState node;
        node.distribution = {{"ID", id}, {"ID_LIKE", like}, {"VERSION_ID", version}};
        return doctor::how_to_get_criu(node);
    };
    EXPECT_TRUE(how("ubuntu", "debian", "24.04").contains("no package"));
    EXPECT_FALSE(how("ubuntu", "debian", "25.10").contains("no package"));
    EXPECT_TRUE(how("debian").contains("forky"));
    EXPECT_TRUE(how("rocky", "rhel centos fedora").starts_with("dnf install"));
    EXPECT_TRUE(how("opensuse-leap", "suse opensuse").starts_with("zypper install"));
    EXPECT_TRUE(how("gentoo").contains("4.2"));
    EXPECT_TRUE(doctor::how_to_get_criu({}).contains("4.2"));
}

TEST(Doctor, has_a_row_for_each_line_in_its_document) {
    std::ifstream file(LPM_SOURCE_ROOT "/docs/doctor.md");
    std::stringstream text;
    text << file.rdbuf();
    std::vector<std::string> rows;
    for (std::string line; std::getline(text, line);)
        if (line.starts_with("| `"))
            rows.push_back(line.substr(3, line.find('`', 3) - 3));
    const auto ids = doctor::ids();
    EXPECT_TRUE(std::ranges::equal(rows, ids));
    EXPECT_EQ(rows.size(), ids.size());
}
