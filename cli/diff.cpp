// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "diff.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/text.hpp"

namespace lpm::cli {

static std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty())
        lines.push_back(next_line(text));
    return lines;
}

namespace {

// How many lines olds[i..] and news[j..] have in common, in that order, for each i and j.
class Common {
  public:
    Common(const std::vector<std::string_view>& olds, const std::vector<std::string_view>& news)
        : width_(news.size() + 1) {
        constexpr std::size_t most = std::size_t{4} << 20; // numbers in memory
        if ((olds.size() + 1) > most / width_)
            return;
        counts_.resize((olds.size() + 1) * width_);
        for (std::size_t i = olds.size(); i-- > 0;)
            for (std::size_t j = news.size(); j-- > 0;)
                counts_[i * width_ + j] =
                    olds[i] == news[j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
    }
    [[nodiscard]] std::uint32_t at(std::size_t i, std::size_t j) const {
        return counts_.empty() ? 0 : counts_[i * width_ + j];
    }

  private:
    std::size_t width_;
    std::vector<std::uint32_t> counts_;
};

} // namespace

std::string diff_of(std::string_view before, std::string_view after) {
    const auto olds = lines_of(before);
    const auto news = lines_of(after);
    const Common common(olds, news);
    std::string text;
    const auto add = [&](char mark, std::string_view line) {
        text.append(1, mark).append(line).append("\n");
    };
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < olds.size() || j < news.size())
        if (i < olds.size() && j < news.size() && olds[i] == news[j]) {
            add(' ', olds[i++]);
            ++j;
        } else if (i < olds.size() && (j == news.size() || common.at(i + 1, j) >= common.at(i, j + 1)))
            add('-', olds[i++]);
        else
            add('+', news[j++]);
    return text;
}

} // namespace lpm::cli
