// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "criu/additions.hpp"

#include <algorithm>

namespace lpm::criu {

using config::Tcp;
using oci::Option;

namespace {

constexpr const char* ours = "lpm";

class Adding {
  public:
    explicit Adding(const std::vector<std::string>& flags) : flags_(flags) {}

    // A flag that the runtime always sends: on its command line or not at all.
    void word(std::string_view flag, std::string_view value = "true") {
        if (lists(flag))
            additions_.words.push_back({std::string(flag), std::string(value), ours});
    }

    void line(std::string_view option, std::string_view value = {}) {
        additions_.lines.push_back({std::string(option), std::string(value), ours});
    }

    [[nodiscard]] bool lists(std::string_view flag) const { return RuntimeFacts::lists(flags_, flag); }

    [[nodiscard]] Additions take() { return std::move(additions_); }

  private:
    const std::vector<std::string>& flags_;
    Additions additions_;
};

} // namespace

Additions for_checkpoint(const config::Options& options, const oci::Invocation& invocation,
                         const RuntimeFacts& runtime) {
    if (runtime.kind != RuntimeKind::runc)
        return {};
    Adding adding(runtime.checkpoint_flags);
    const bool told = invocation.on(Option::tcp_established);
    if (options.tcp == Tcp::established && !told)
        adding.word("tcp-established");
    else if (options.tcp == Tcp::close && !told)
        adding.line("tcp-close"); // no runc has a flag for it
    if (options.skip_in_flight && !invocation.on(Option::tcp_skip_in_flight)) {
        if (adding.lists("tcp-skip-in-flight"))
            adding.word("tcp-skip-in-flight");
        else
            adding.line("skip-in-flight");
    }
    // When the container goes on, CRIU takes the new name away after the dump: nobody could restore it.
    if (options.link_remap && !invocation.on(Option::link_remap) && !invocation.on(Option::leave_running)) {
        if (adding.lists("link-remap"))
            adding.word("link-remap");
        else
            adding.line("link-remap"); // a runc that does not know the flag does not send it either
    }
    if (!options.ghost_limit.empty())
        adding.line("ghost-limit", options.ghost_limit);
    return adding.take();
}

Additions for_restore(const config::Options& options, const oci::Invocation& invocation,
                      const RuntimeFacts& runtime, const Dumped& dumped) {
    if (runtime.kind != RuntimeKind::runc)
        return {};
    Adding adding(runtime.restore_flags);
    // CRIU refuses images whose dump was told to close connections unless it is told so again.
    if (dumped.tcp_close)
        adding.line("tcp-close");
    else if (dumped.tcp_established && !invocation.on(Option::tcp_established))
        adding.word("tcp-established");
    if (dumped.allow_uprobes)
        adding.line("allow-uprobes");
    // Without it CRIU leaves out the locks and says nothing; CRI-O gives it at checkpoint only.
    if (dumped.file_locks && options.file_locks && !invocation.on(Option::file_locks))
        adding.word("file-locks");
    // CRIU would move the processes into the cgroups that they were dumped in, out of their limits.
    if (options.own_cgroup && runtime.ignores_cgroups &&
        invocation.text(Option::manage_cgroups_mode) == nullptr)
        adding.word("manage-cgroups-mode", "ignore");
    return adding.take();
}

} // namespace lpm::criu
