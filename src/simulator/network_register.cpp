#include "simulator/network.hpp"
#include "simulator/providers.hpp"

namespace azlin::simulator {

void register_network(Router& router, Context& context) {
  register_network_type(router, context, {kVnetType, prepare_vnet, check_vnet_delete, disconnect_peers});
  register_network_type(router, context, {kNsgType, prepare_nsg, check_nsg_delete, {}});
  register_network_type(router, context, {kNicType, prepare_nic, check_nic_delete, release_nic});
  register_network_type(router, context, {kPublicIpType, prepare_public_ip, check_public_ip_delete, {}});
  register_subnets(router, context);
  register_peerings(router, context);
  register_effective(router, context);
  register_rules(router, context);
}

}  // namespace azlin::simulator
