// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "oci/argv.hpp"
#include "oci/runtime.hpp"

namespace lpm::inspect {

// create: before the container is there, when only config.json is known (lpm-hook).
enum class Stage { create, checkpoint, restore };

struct ImageFacts;
class Layer;

// What is to be checkpointed or restored.
struct Subject {
    Stage stage = Stage::checkpoint;
    std::string id;
    std::string root;                        // of the runtime's states
    std::string bundle_dir;                  // empty: the one that the runtime's state names
    std::string image_path;                  // absolute
    const ImageFacts* told_images = nullptr; // of images that are elsewhere: nothing is read at image_path
    std::string kubelet_dir;
    std::string runtime_key; // of the runtime's file in the probe's cache
    oci::RuntimeKind kind = oci::RuntimeKind::unknown;
    // That the request asks for, as in [options] of lpm.toml: name and value.
    std::vector<std::pair<std::string, std::string>> options{};
    bool checkpoint_in_progress = false; // another one, of the same container
    const Layer* layer = nullptr;        // of a restore at create: what its root file system will get
    bool at_create = false;              // a restore that stands in for the create of a new container
};

// What checks need to know of the runtime's command line.
struct CallOptions {
    bool leave_running = false;
    bool incremental = false; // on top of a parent: --parent-path
    bool page_server = false; // memory goes elsewhere
    bool detach = false;
    bool console_socket = false;
    bool lsm_profile = false; // another one is asked for
};
[[nodiscard]] CallOptions call_options(const oci::Invocation& invocation);

} // namespace lpm::inspect
