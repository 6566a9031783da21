// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include <utility>

#include "api/checkpoint.hpp"

// ContainerCheckpointContent: what stands for the archive.
namespace lpm::controller {

using json::Value;

std::string content_name(const Checkpoint& of) {
    static constexpr std::size_t longest = 253;
    const std::string end = "." + of.uid.substr(0, 8);
    std::string begin = of.key.space + "." + of.key.name;
    if (begin.size() + end.size() > longest)
        begin.resize(longest - end.size());
    while (begin.ends_with('.') || begin.ends_with('-')) // a part of a name ends in a letter or a digit
        begin.pop_back();
    return begin + end;
}

Value content_of(const Checkpoint& of, const Status& status) {
    Value spec = {{"containerCheckpointRef",
                   {{"apiVersion", group_version},
                    {"kind", "ContainerCheckpoint"},
                    {"namespace", of.key.space},
                    {"name", of.key.name},
                    {"uid", of.uid}}},
                  {"podNamespace", of.key.space},
                  {"podName", of.spec.pod},
                  {"containerName", status.container},
                  {"artifactURI", "file://" + status.archive},
                  {"deletionPolicy", of.spec.remove_archive ? "Delete" : "Retain"}};
    for (const auto& [name, text] :
         {std::pair{"nodeName", &status.node}, std::pair{"podUID", &status.pod_uid},
          std::pair{"containerID", &status.container_id}, std::pair{"image", &status.image},
          std::pair{"imageDigest", &status.image_digest}, std::pair{"recordID", &status.record}})
        if (!text->empty())
            spec[name] = *text;
    return {{"apiVersion", group_version},
            {"kind", "ContainerCheckpointContent"},
            {"metadata", {{"name", content_name(of)}}},
            {"spec", std::move(spec)}};
}

bool is_content_of(const Value& content, const Checkpoint& of) {
    return json::text_or_empty(content, "spec.containerCheckpointRef.uid") == of.uid;
}

} // namespace lpm::controller
