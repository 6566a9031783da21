// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/record.hpp"

#include <sys/utsname.h>

#include "base/paths.hpp"
#include "base/text.hpp"

namespace lpm::record {

Record begin_record(Operation operation) {
    Record record;
    record.id = new_id();
    record.lpm = paths::version;
    record.operation = operation;
    utsname system{};
    ::uname(&system);
    record.host = system.nodename;
    record.kernel = system.release;
    record.arch = system.machine;
    record.started = rfc3339(now());
    return record;
}

} // namespace lpm::record
