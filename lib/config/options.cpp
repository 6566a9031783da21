// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "config/keys.hpp"

namespace lpm::config {

// Digits, and a letter for their unit: it becomes a line of CRIU's configuration.
static bool is_limit(std::string_view text) {
    constexpr std::size_t longest = 16;
    const auto digits = text.substr(0, text.find_first_not_of("0123456789"));
    const auto unit = text.substr(digits.size());
    return !digits.empty() && digits.size() <= longest &&
           (unit.empty() || unit == "K" || unit == "M" || unit == "G");
}
static constexpr Form limit{is_limit, R"(a number of bytes as a text, or with K, M or G: "512M")"};

static constexpr Key<Options> keys[] = {
    {.table = "options",
     .name = "tcp",
     .means = "what becomes of connections at a checkpoint; `refuse` leaves it to the caller's own options",
     .tcp = &Options::tcp,
     .words = tcp_modes},
    {.table = "options",
     .name = "skip_in_flight",
     .means = "connections that nobody has accepted yet are dropped instead of failing the checkpoint",
     .flag = &Options::skip_in_flight},
    {.table = "options",
     .name = "link_remap",
     .means =
         "a file whose name is gone gets a new one for the restore, when the checkpoint ends the container",
     .flag = &Options::link_remap},
    {.table = "options",
     .name = "ghost_limit",
     .means = "deleted files in use up to this size are taken along; CRIU's own limit when it is not set",
     .text = &Options::ghost_limit,
     .form = limit,
     .example = R"("1M")"},
    {.table = "options",
     .name = "file_locks",
     .means = "locks in the images are held again at a restore",
     .flag = &Options::file_locks},
    {.table = "options",
     .name = "own_cgroup",
     .means = "at a restore the runtime alone places the container in cgroups",
     .flag = &Options::own_cgroup},
};
static_assert(are_whole<Options>(keys));
static_assert(std::ranges::all_of(keys,
                                  [](const auto& key) {
                                      return key.flag != nullptr || key.text != nullptr || key.tcp != nullptr;
                                  }),
              "Options::set reads no others");
static_assert(std::ranges::all_of(keys,
                                  [](const auto& key) {
                                      return key.text == nullptr || !key.form.expects.empty();
                                  }),
              "an option that is a text has a form");

std::span<const Key<Options>> option_keys() {
    return keys;
}

bool Options::set(std::string_view name, std::string_view value) {
    const auto* key = find_key(option_keys(), "options", name);
    if (key == nullptr)
        return false;
    if (key->flag != nullptr && (value == "true" || value == "false"))
        this->*key->flag = value == "true";
    else if (key->text != nullptr && key->form.fits(value))
        this->*key->text = value;
    else if (const auto mode = find_value<Tcp>(value); key->tcp != nullptr && mode)
        this->*key->tcp = *mode;
    else
        return false;
    return true;
}

} // namespace lpm::config
