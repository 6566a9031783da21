// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "access.hpp"

#include <algorithm>

#include <grpc/grpc_security_constants.h>

#include "base/text.hpp"

namespace lpm::sidecar {

// gRPC gives the first of a certificate.
static std::string common_name(const grpc::ServerContextBase& context) {
    const auto names = context.auth_context()->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
    return names.size() == 1 ? std::string(names.front().data(), names.front().size()) : std::string();
}

Result<> Access::judge(const grpc::ServerContextBase& context, config::Right right) const {
    if (!clients_)
        return {};
    const std::string name = common_name(context);
    const auto client = clients_->find(name);
    if (client != clients_->end() && std::ranges::contains(client->second, right))
        return {};
    return fail(Errc::denied, "the client " + one_line(name, 64) + " may not do what needs \"" +
                                  std::string(lpm::name_of(right)) +
                                  "\": [clients] in sidecar.toml says who may");
}

std::string Access::name_of(const grpc::ServerContextBase& context) const {
    return clients_ ? one_line(common_name(context), 64) : "local";
}

} // namespace lpm::sidecar
