// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include "kube/reflector.hpp"
#include "loop/queue.hpp"
#include "numbers.hpp"
#include "schema.hpp"
#include "store.hpp"

// What comes from the API server, and where it goes.
namespace lpm::controller {

// ContainerCheckpoints: the store has them, and the queue each that changes.
[[nodiscard]] kube::Reflector::Sink object_handlers(Store& store, Queue& queue);
// Their CustomResourceDefinition: which fields the API server keeps.
[[nodiscard]] kube::Reflector::Sink crd_handlers(Schema& schema, Numbers& numbers);

} // namespace lpm::controller
