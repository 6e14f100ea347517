#pragma once
// What a VM wrote to its serial console.
#include <stop_token>
#include <string>

namespace azlin::arm {
class ArmClient;
}

namespace azlin::azure {

// The last `lines` lines; empty when there are none or they cannot be read (it explains another failure and
// must not hide it). Needs boot diagnostics. Source: Virtual Machines - Retrieve Boot Diagnostics Data
// (2024-07-01); the link that it gives is a secret and is read without a token.
std::string boot_log_tail(arm::ArmClient& arm, const std::string& vm_id, std::size_t lines,
                          std::stop_token stop = {});

}  // namespace azlin::azure
