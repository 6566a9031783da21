// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "gate.hpp"

namespace lpm::sidecar {

Result<lpm::node::Reply> Gate::ask(const service::Request& request, std::chrono::milliseconds time,
                                   const Ended& ended) {
    const Deadline deadline(time);
    if (!free_.try_acquire_for(time))
        return fail(Errc::unavailable, "too many ask lpm-gate at the same time");
    const Permit permit(free_);
    if (ended())
        return fail(Errc::unavailable, "nobody waits for it any more");
    return lpm::node::ask_gate(socket_, request, deadline, ended);
}

} // namespace lpm::sidecar
