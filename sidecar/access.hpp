// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <grpcpp/server_context.h>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/sidecar.hpp"

namespace lpm::sidecar {

// Who may do what. Who comes by the local socket was looked at when it came (local_socket.hpp), and may do all;
// who comes by TLS has a certificate of the clients' CA, and may do what its common name may.
class Access {
  public:
    using Clients = std::map<std::string, std::vector<config::Right>>;
    explicit Access(Clients clients) : clients_(std::move(clients)) {}

    // Errc::denied, with the client's name.
    [[nodiscard]] Result<> judge(const grpc::ServerContextBase& context, config::Right right) const;

  private:
    Clients clients_;
};

// For the log: the common name of a client, or "local".
[[nodiscard]] std::string name_of(const grpc::ServerContextBase& context);

} // namespace lpm::sidecar
