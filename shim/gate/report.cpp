// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "report.hpp"

#include <cstdio>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "json/json.hpp"

namespace lpm::gate {

// conmon reads the runtime's standard error once, into 8191 bytes.
static constexpr std::size_t max_line = 4000;

void add_line(std::string_view message) {
    const std::string line = one_line(message, max_line) + "\n";
    // Nobody is left to tell when standard error is closed.
    (void)write_all(STDERR_FILENO, line);
}

void warn(const std::vector<std::string>& lines) {
    for (const auto& line : lines)
        std::fprintf(stderr, "lpm-gate: %s\n", line.c_str());
}

void report_error(const oci::Invocation& invocation, std::string_view message) {
    if (const char* log = invocation.text(oci::Option::log); log != nullptr && *log != '\0') {
        const char* format = invocation.text(oci::Option::log_format);
        const std::string text = one_line(message, max_line);
        const std::string time = rfc3339(now());
        const std::string line = format != nullptr && std::string_view(format) == "json"
                                     ? json::write({{"level", "error"}, {"msg", text}, {"time", time}})
                                     : "time=\"" + time + "\" level=error msg=" + json::write(text);
        // runc's own flags and mode (main.go), so that whoever comes second finds the same file.
        if (const auto fd = open_at(AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0644))
            (void)write_all(fd->get(), line + "\n");
    }
    add_line(message);
}

} // namespace lpm::gate
