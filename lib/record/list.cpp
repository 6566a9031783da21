// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "record/store.hpp"

namespace lpm::record {

static constexpr const char* records_dir = "records";

// "2026-01"
static bool is_month(std::string_view name) {
    constexpr std::size_t dash = 4;
    if (name.size() != 7 || name[dash] != '-')
        return false;
    return to_number<unsigned>(name.substr(0, dash)) && to_number<unsigned>(name.substr(dash + 1));
}

// What lies under that name is no folder, and so none of ours, or is gone.
static bool is_no_folder(const Error& error) {
    return error.sys == ENOENT || error.sys == ENOTDIR || error.sys == ELOOP;
}

namespace {

// In which order ids and months are listed, and behind which of them (empty: from the first one on).
struct Order {
    bool back = false;
    std::string_view after;

    [[nodiscard]] bool operator()(std::string_view one, std::string_view other) const {
        return back ? one > other : one < other;
    }
    [[nodiscard]] bool has_passed(std::string_view id) const { return after.empty() || (*this)(after, id); }
};

} // namespace

static Result<std::vector<std::string>> list_months(int records, const Order& order) {
    const std::string first = order.after.empty() ? std::string() : month_of(order.after);
    std::vector<std::string> months;
    const bool read = each_entry(records, [&](int, const dirent& entry) {
        if (is_month(entry.d_name) && (first.empty() || !order(entry.d_name, first)))
            months.emplace_back(entry.d_name);
        return true;
    });
    if (!read)
        return fail_errno(errno, "read records");
    std::ranges::sort(months, order);
    return months;
}

// The first `limit` ids of a month.
static Result<std::vector<std::string>> list_ids(int records, const std::string& month, const Order& order,
                                                 std::size_t limit) {
    TRY_ASSIGN(const Fd folder, open_at(records, month, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    std::vector<std::string> ids; // a heap, with the last of them in front
    const bool read = each_entry(folder.get(), [&](int, const dirent& entry) {
        std::string_view id = entry.d_name;
        if (!id.ends_with(record_suffix))
            return true;
        id.remove_suffix(record_suffix.size());
        const bool full = ids.size() == limit;
        if (!order.has_passed(id) || (full && !order(id, ids.front())) || !valid_id(id) ||
            month_of(id) != month)
            return true;
        if (full) {
            std::ranges::pop_heap(ids, order);
            ids.pop_back();
        }
        ids.emplace_back(id);
        std::ranges::push_heap(ids, order);
        return true;
    });
    if (!read)
        return fail_errno(errno, "read");
    std::ranges::sort_heap(ids, order);
    return ids;
}

Result<Listing> Store::list(std::string_view after, std::size_t limit, Listed listed) const {
    if (limit == 0 || (!after.empty() && !valid_id(after)))
        return fail(Errc::invalid, "a listing needs a limit, and the id of a record to begin after");
    const Order order{.back = listed == Listed::newest_first, .after = after};
    Listing listing;
    const auto records = open_at(dir_.get(), records_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!records && records.error().sys == ENOENT)
        return listing; // nobody has written yet
    if (!records)
        return std::unexpected(records.error());
    TRY_ASSIGN(const auto months, list_months(records->get(), order));
    std::size_t left = limit;
    for (const std::string& month : months) {
        const auto ids = list_ids(records->get(), month, order, left);
        if (!ids && !is_no_folder(ids.error()))
            listing.faults.push_back(std::string(records_dir) + "/" + month + ": " + ids.error().text);
        if (!ids)
            continue;
        for (const std::string& id : *ids) {
            auto record = load(id);
            if (record || record.error().sys != ENOENT)
                listing.records.push_back({id, std::move(record)});
        }
        left -= ids->size();
        if (left == 0) {
            listing.next = ids->back();
            break;
        }
    }
    return listing;
}

} // namespace lpm::record
