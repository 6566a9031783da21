// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "access.hpp"

#include <algorithm>
#include <optional>

#include <grpc/grpc_security_constants.h>

#include "base/text.hpp"

namespace lpm::sidecar {

// Nothing of one that came by no TLS. Empty where its certificate has no common name, or several: then it is
// nobody's.
static std::optional<std::string> common_name(const grpc::ServerContextBase& context) {
    const auto peer = context.auth_context();
    if (!peer)
        return std::nullopt;
    const auto security = peer->FindPropertyValues(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
    if (security.empty() || security.front() == "insecure")
        return std::nullopt;
    const auto names = peer->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
    return names.size() == 1 ? std::string(names.front().data(), names.front().size()) : std::string();
}

Result<> Access::judge(const grpc::ServerContextBase& context, config::Right right) const {
    const auto name = common_name(context);
    if (!name)
        return {};
    const auto client = clients_.find(*name);
    if (client != clients_.end() && std::ranges::contains(client->second, right))
        return {};
    return fail(Errc::denied, "the client " + one_line(*name, 64) + " may not do what needs \"" +
                                  std::string(lpm::name_of(right)) + "\": [clients] in sidecar.toml says who may");
}

std::string name_of(const grpc::ServerContextBase& context) {
    return common_name(context).value_or("local");
}

} // namespace lpm::sidecar
