#pragma once
// The groups of routes of the platform resources besides Key Vault.
#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

void register_app_configuration(Router& router, Context& context);
void register_storage(Router& router, Context& context);
void register_cosmos(Router& router, Context& context);
void register_data_protection(Router& router, Context& context);  // needs register_storage
void register_kubernetes(Router& router, Context& context);

}  // namespace azlin::simulator
