#include "simulator/plain_types.hpp"
#include "simulator/platform.hpp"
#include "simulator/providers.hpp"

namespace azlin::simulator {

void register_all(Router& router, Context& context) {
  register_operations(router, context);
  register_subscriptions(router, context);
  register_resource_groups(router, context);
  register_generic_resources(router, context);
  register_provider_list(router, context);
  register_activity_log(router, context);
  register_monitoring(router, context);
  register_policies(router, context);
  register_features(router, context);
  register_tags(router, context);
  register_tag_names(router, context);
  register_group_actions(router, context);
  register_locks(router, context);
  register_authorization(router, context);
  register_graph(router, context);
  register_metadata(router, context);
  register_tokens(router, context);
  register_plain_deletion(context);
  register_compute_vms(router, context);
  register_network(router, context);
  register_restore_points(router, context);
  register_plain_compute(router, context);
  register_plain_network(router, context);
  register_galleries(router, context);
  register_identities(router, context);
  register_images(router, context);
  register_deployments(router, context);
  register_admin(router, context);
  register_encryption_sets(router, context);
  register_disks(router, context);
  register_snapshots(router, context);
  register_recovery_services(router, context);
  register_key_vault(router, context);
  register_vault_keys(router, context);
  register_app_configuration(router, context);
  register_storage(router, context);
  register_cosmos(router, context);
  register_data_protection(router, context);
  register_kubernetes(router, context);
}

}  // namespace azlin::simulator
