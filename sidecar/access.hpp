// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <grpcpp/server_context.h>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/sidecar.hpp"

namespace lpm::sidecar {

// Who may do what.
class Access {
  public:
    using Clients = std::map<std::string, std::vector<config::Right>>;
    // Of who comes by the local socket, and was looked at when it came (local_socket.hpp): all.
    [[nodiscard]] static Access of_this_node() { return Access(std::nullopt); }
    // Of who comes by TLS, with a certificate of the clients' CA: what its common name may.
    [[nodiscard]] static Access of_others(Clients clients) { return Access(std::move(clients)); }

    // Errc::denied, with the client's name.
    [[nodiscard]] Result<> judge(const grpc::ServerContextBase& context, config::Right right) const;
    // For the log: the common name of the client, or "local".
    [[nodiscard]] std::string name_of(const grpc::ServerContextBase& context) const;

  private:
    explicit Access(std::optional<Clients> clients) : clients_(std::move(clients)) {}
    std::optional<Clients> clients_;
};

} // namespace lpm::sidecar
