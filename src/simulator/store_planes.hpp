#pragma once
// Stores with addresses of their own: each Key Vault and App Configuration store has a listener on loopback,
// and the main listeners know it by its host name, {name}.vault.azure.net say.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/message.hpp"

namespace azlin::simulator {

struct Context;
struct Resource;

// The data plane of one type of store. `handle` runs under Context::mutex and, unless it reads, in a
// transaction that is rolled back when it throws; `render` words what it throws.
struct StorePlane {
  std::string type;  // "Microsoft.KeyVault/vaults"; its resources have lower(name) as their ref
  std::vector<std::string> domains;  // "vault.azure.net"
  std::function<Reply(Resource& store, Request&)> handle;
  std::function<Reply(const ApiError&)> render;
};

// Which store a request is for: `id` where a listener says so, else `plane` and `name` from the host.
struct StoreAddress {
  std::string id;
  const StorePlane* plane = nullptr;
  std::string name;
};

// nullopt: the host is none of a store's. `host` may carry a port.
std::optional<StoreAddress> store_of_host(const Context& context, std::string_view host);

// Answers the request. Status 0: there is no such store, so that on Azure the name would not resolve.
Reply dispatch_store(Context& context, const StoreAddress& address, Request& request);

// The ids of all stores, of every plane.
std::vector<std::string> all_stores(Context& context);

}  // namespace azlin::simulator
