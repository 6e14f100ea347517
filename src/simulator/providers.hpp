#pragma once
// Every group of routes, registered by name when a server is made.
#include <string>

#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

void register_operations(Router& router, Context& context);
void register_subscriptions(Router& router, Context& context);
void register_resource_groups(Router& router, Context& context);
void register_generic_resources(Router& router, Context& context);
void register_provider_list(Router& router, Context& context);
void register_activity_log(Router& router, Context& context);
void register_monitoring(Router& router, Context& context);
void register_policies(Router& router, Context& context);
void register_features(Router& router, Context& context);
void register_tags(Router& router, Context& context);
void register_tag_names(Router& router, Context& context);
void register_group_actions(Router& router, Context& context);
void register_locks(Router& router, Context& context);
void register_authorization(Router& router, Context& context);
void register_role_definitions(Router& router, Context& context);
void register_graph(Router& router, Context& context);
void register_metadata(Router& router, Context& context);
void register_tokens(Router& router, Context& context);
void register_compute_vms(Router& router, Context& context);
void register_restore_points(Router& router, Context& context);
void register_images(Router& router, Context& context);
void register_deployments(Router& router, Context& context);
void register_network(Router& router, Context& context);
void register_recovery_services(Router& router, Context& context);
void register_key_vault(Router& router, Context& context);
void register_admin(Router& router, Context& context);
void register_encryption_sets(Router& router, Context& context);
void register_vault_keys(Router& router, Context& context);
void register_disks(Router& router, Context& context);      // and the data plane of all disk contents
void register_snapshots(Router& router, Context& context);  // needs register_disks

// All of them.
void register_all(Router& router, Context& context);

// Fills a new or cleared state: sample | empty | fleet:VMSxSETS | a JSON file. Throws core::Error (usage).
void apply_seed(Context& context, const std::string& seed);
// What apply_seed() would throw, with nothing changed in `context`.
void check_seed(const Context& context, const std::string& seed);

}  // namespace azlin::simulator
