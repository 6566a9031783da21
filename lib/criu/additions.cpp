// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/additions.hpp"

#include <algorithm>

namespace lpm::criu {

using config::Tcp;
using oci::Option;

namespace {

constexpr const char* ours = "lpm";

class Builder {
  public:
    explicit Builder(const std::vector<std::string>& flags) : flags_(flags) {}

    // A flag that the runtime always sends: on its command line or not at all.
    void word(std::string_view flag, std::string_view value = "true") {
        if (lists(flag))
            additions_.words.push_back({std::string(flag), std::string(value), ours});
    }

    void line(std::string_view option, std::string_view value = {}) {
        additions_.lines.push_back({std::string(option), std::string(value), ours});
    }

    [[nodiscard]] bool lists(std::string_view flag) const { return oci::RuntimeFacts::lists(flags_, flag); }

    [[nodiscard]] Additions take() { return std::move(additions_); }

  private:
    const std::vector<std::string>& flags_;
    Additions additions_;
};

} // namespace

Additions for_checkpoint(const config::Options& options, const oci::Invocation& invocation,
                         const oci::RuntimeFacts& runtime) {
    if (runtime.kind != oci::RuntimeKind::runc)
        return {};
    Builder builder(runtime.checkpoint_flags);
    const bool told = invocation.on(Option::tcp_established);
    if (options.tcp == Tcp::established && !told)
        builder.word("tcp-established");
    else if (options.tcp == Tcp::close && !told)
        builder.line("tcp-close"); // no runc has a flag for it
    if (options.skip_in_flight && !invocation.on(Option::tcp_skip_in_flight)) {
        if (builder.lists("tcp-skip-in-flight"))
            builder.word("tcp-skip-in-flight");
        else
            builder.line("skip-in-flight");
    }
    // When the container goes on, CRIU takes the new name away after the dump: nobody could restore it.
    if (options.link_remap && !invocation.on(Option::link_remap) && !invocation.on(Option::leave_running)) {
        if (builder.lists("link-remap"))
            builder.word("link-remap");
        else
            builder.line("link-remap"); // a runc that does not know the flag does not send it either
    }
    if (!options.ghost_limit.empty())
        builder.line("ghost-limit", options.ghost_limit);
    return builder.take();
}

Additions for_restore(const config::Options& options, const oci::Invocation& invocation,
                      const oci::RuntimeFacts& runtime, const Dumped& dumped) {
    if (runtime.kind != oci::RuntimeKind::runc)
        return {};
    Builder builder(runtime.restore_flags);
    // CRIU refuses images whose dump was told to close connections unless it is told so again.
    if (dumped.tcp_close)
        builder.line("tcp-close");
    else if (dumped.tcp_established && !invocation.on(Option::tcp_established))
        builder.word("tcp-established");
    if (dumped.allow_uprobes)
        builder.line("allow-uprobes");
    // Without it CRIU leaves out the locks and says nothing; CRI-O gives it at checkpoint only.
    if (dumped.file_locks && options.file_locks && !invocation.on(Option::file_locks))
        builder.word("file-locks");
    // CRIU would move the processes into the cgroups that they were dumped in, out of their limits.
    if (options.own_cgroup && runtime.ignores_cgroups &&
        invocation.text(Option::manage_cgroups_mode) == nullptr)
        builder.word("manage-cgroups-mode", "ignore");
    return builder.take();
}

} // namespace lpm::criu
