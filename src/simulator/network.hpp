#pragma once
// What the network's resource types share, and what virtual machines need to know of the network.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

inline constexpr const char* kNicType = "Microsoft.Network/networkInterfaces";
inline constexpr const char* kVnetType = "Microsoft.Network/virtualNetworks";
inline constexpr const char* kNsgType = "Microsoft.Network/networkSecurityGroups";
inline constexpr const char* kPublicIpType = "Microsoft.Network/publicIPAddresses";
inline constexpr const char* kRouteTableType = "Microsoft.Network/routeTables";

// How one type differs from the others.
struct NetworkType {
  const char* type;
  // Fills `fresh` (from make_resource) by the request's body. Throws ApiError for what Azure refuses.
  std::function<void(Context&, const Request&, Resource& fresh, const std::optional<Resource>& existing)>
      prepare;
  // Throws ApiError when it is in use.
  std::function<void(Context&, const Resource&)> check_delete;
  // Gives back what it holds, when it goes; may be empty.
  std::function<void(Context&, const Resource&)> release;
};

// PUT, PATCH (tags), GET, DELETE and both lists, with the network's long-running operations and weak ETags.
void register_network_type(Router& router, Context& context, const NetworkType& type);
// Throws ApiError 400 InvalidResourceName unless `name` has 1 to `longest` letters, digits, '.', '-' and '_',
// begins with a letter or digit and ends with one or '_'.
// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftnetwork
void check_network_name(const std::string& name, std::size_t longest = 80);
// Saves with a new weak ETag.
void save_network(Context& context, Resource& resource);
// Throws ApiError 400 InvalidResourceReference unless `id` is there, of `type` and in `location` ("": any).
Resource require_reference(Context& context, const std::string& id, const std::string& type,
                           const std::string& location, const std::string& referrer);

// --- network_subnets.cpp ---
// An IPv4 prefix.
struct Prefix {
  std::uint32_t address = 0;
  int bits = 0;
  std::uint32_t last() const;
  bool contains(const Prefix& other) const;
  bool overlaps(const Prefix& other) const;
};
// Throws ApiError 400 InvalidAddressPrefixFormat.
Prefix parse_prefix(const std::string& text);
std::string to_dotted(std::uint32_t address);
// The subnet of that id inside its network's body. Throws ApiError 400 InvalidResourceReference.
Json require_subnet(Context& context, const std::string& subnet_id, const std::string& referrer);
void register_subnets(Router& router, Context& context);
void prepare_vnet(Context&, const Request&, Resource& fresh, const std::optional<Resource>& existing);
void check_vnet_delete(Context&, const Resource& vnet);
void disconnect_peers(Context&, const Resource& vnet);

// --- network_effective.cpp, network_peerings.cpp ---
void register_effective(Router& router, Context& context);
void register_peerings(Router& router, Context& context);

// --- network_rules.cpp ---
// securityRules of a security group as resources of their own.
void register_rules(Router& router, Context& context);
void prepare_nsg(Context&, const Request&, Resource& fresh, const std::optional<Resource>& existing);
void check_nsg_delete(Context&, const Resource& nsg);
// Whether a guest behind this NIC reaches Azure's public end points on TCP 443, which Run Command needs: the
// security rules let it out, and there is a way (a public address, a NAT gateway or the default outbound
// access).
bool outbound_open(Context& context, const Resource& nic);

// --- network_nics.cpp ---
void prepare_nic(Context&, const Request&, Resource& fresh, const std::optional<Resource>& existing);
void check_nic_delete(Context&, const Resource& nic);
void release_nic(Context&, const Resource& nic);
void prepare_public_ip(Context&, const Request&, Resource& fresh, const std::optional<Resource>& existing);
void check_public_ip_delete(Context&, const Resource& address);
// Removes a NIC at once, with the public addresses whose deleteOption is Delete.
void remove_nic(Context& context, const std::string& id);
// Throws ApiError 400 NicReservedForAnotherVm while the NIC is held for a VM other than `vm_id` ("" = any).
void check_nic_reserved(Context& context, const Resource& nic, const std::string& vm_id);
// "10.0.0.4"; "" when there is none.
std::string private_address(const Resource& nic);

}  // namespace azlin::simulator
