#pragma once
// alerts.yaml against the `alerts` of a protection file.
#include "azlin/protection/plan.hpp"

namespace azlin::protection {

void add_alert_changes(Plan& plan, const ProtectionFile& file);

}  // namespace azlin::protection
