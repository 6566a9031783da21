// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <regex>
#include <set>
#include <string>

static std::string content_of(const std::string& path) {
    std::ifstream file(std::string(LPM_SOURCE_ROOT) + "/" + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Document, tells_every_reason_that_an_object_may_have) {
    const std::string document = content_of("docs/controller.md");
    const std::regex reason(R"re((?:Kind::\w+,|observed,|container,|spec,|reason =)\s*"([A-Z]\w+)")re");
    std::set<std::string> reasons;
    for (const char* file : {"answer.cpp", "conclude.cpp", "decide.cpp", "outcome.cpp", "preflight.cpp"}) {
        const std::string code = content_of(std::string("crd-controller/") + file);
        for (std::sregex_iterator at(code.begin(), code.end(), reason), end; at != end; ++at)
            reasons.insert((*at)[1]);
    }
    EXPECT_GT(reasons.size(), 25U);
    for (const std::string& one : reasons)
        EXPECT_NE(document.find("`" + one + "`"), std::string::npos)
            << one << " is not in docs/controller.md";
}
