// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/bundle.hpp"

#include "oci/cgroup.hpp"
#include "oci/restore_from.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lpm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto bundle = oci::parse_bundle(text);
    if (const auto from = oci::parse_restore_from(text); from && *from && (*from)->fault.empty()) {
        // They become names of files.
        for (const auto* name : {&(*from)->pod_uid, &(*from)->container, &(*from)->source})
            if (name->empty() || name->contains('/') || name->starts_with('.'))
                std::abort();
    }
    (void)oci::in_cgroup_of(text, bundle ? std::string_view(bundle->cgroups_path) : text.substr(0, size / 2),
                            "a");
    return 0;
}
