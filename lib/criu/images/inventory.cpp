// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/images/inventory.hpp"

#include "criu/wire.hpp"

namespace lpm::criu {

static constexpr std::uint32_t inventory_magic = 0x58313116;

namespace inventory_entry {
static constexpr std::uint32_t img_version = 1;
static constexpr std::uint32_t lsmtype = 6;
static constexpr std::uint32_t tcp_close = 10;
static constexpr std::uint32_t network_lock_method = 11;
static constexpr std::uint32_t allow_uprobes = 14;
} // namespace inventory_entry

const char* lock_method(std::uint32_t number) {
    return number == 0 ? "iptables" : number == 1 ? "nftables" : "skip";
}

Result<InventoryEntry> parse_inventory(std::string_view image) {
    Image file(image);
    if (file.word() != inventory_magic)
        return fail(Errc::invalid, "inventory.img is not a CRIU inventory");
    const auto record = file.next();
    if (!record)
        return damaged(inventory_img);
    InventoryEntry inventory;
    Message entry(*record);
    while (const auto field = entry.next()) {
        if (field->number == inventory_entry::img_version)
            inventory.img_version = field->u32();
        else if (field->number == inventory_entry::lsmtype)
            inventory.lsmtype = static_cast<LsmType>(field->u32());
        else if (field->number == inventory_entry::tcp_close)
            inventory.tcp_close = field->flag();
        else if (field->number == inventory_entry::network_lock_method)
            inventory.network_lock_method = field->u32();
        else if (field->number == inventory_entry::allow_uprobes)
            inventory.allow_uprobes = field->flag();
    }
    if (entry.broken() || inventory.img_version == 0)
        return damaged(inventory_img);
    return inventory;
}

} // namespace lpm::criu
