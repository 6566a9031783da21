// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "follow.hpp"

#include <string>
#include <utility>

#include "node/log.hpp"

namespace lpm::controller {

using node::Level;

static auto warn_of(const char* what) {
    return [what](const Error& error) { node::log(Level::warn, what, {{"error", error.text}}); };
}

kube::Reflector::Sink object_handlers(Store& store, Queue& queue) {
    return {.list_begins = [&store] { store.list_begins(); },
            .set =
                [&store, &queue](const json::Value& object) {
                    if (auto read = read_checkpoint(object)) {
                        const std::string key = read->key.text();
                        store.set(*std::move(read));
                        queue.add(key);
                    } else {
                        node::log(Level::warn, "an object is left alone", {{"error", read.error().text}});
                    }
                },
            .removed =
                [&store, &queue](const json::Value& object) {
                    if (const auto read = read_checkpoint(object)) {
                        store.removed(read->key);
                        queue.add(read->key.text()); // it does not wait for room any more
                    }
                },
            .list_ended =
                [&store, &queue] {
                    for (const Key& key : store.list_ended())
                        queue.add(key.text());
                },
            .failed = warn_of("ContainerCheckpoints are not followed just now")};
}

kube::Reflector::Sink crd_handlers(Schema& schema, Numbers& numbers) {
    return {.list_begins = [] {},
            .set =
                [&schema, &numbers](const json::Value& crd) {
                    auto missing = missing_fields(crd);
                    if (missing != schema.missing())
                        node::log(missing.empty() ? Level::info : Level::warn, "the installed CRD is read",
                                  {{"missing", names_of(missing)}});
                    numbers.set_missing_fields(missing.size());
                    schema.set(std::move(missing));
                },
            .removed = [](const json::Value&) {},
            .list_ended = [] {},
            .failed = warn_of("the CRD is not followed just now")};
}

} // namespace lpm::controller
