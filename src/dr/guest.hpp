#pragma once
// Is the guest of a restored VM up, and does its sshd answer?
#include <functional>
#include <stop_token>
#include <string>

#include "azlin/azure/compute.hpp"

namespace azlin::dr {

// Waits until the VM runs and its guest agent reports. `seen` gets what is observed each time ("power state
// running, guest agent ready"). False: not within `limit`. Throws core::Error (interrupted).
bool await_guest(arm::ArmClient& arm, core::Clock& clock, const std::string& vm_id, core::Millis limit,
                 const std::function<void(const std::string&)>& seen, std::stop_token stop);

// Waits until sshd answers inside the guest, asked by Run Command: a look from here would meet whoever has
// that private address on this network. Empty: it does; else why not, after `limit`. Throws core::Error:
// interrupted, unauthorized.
std::string await_sshd(arm::ArmClient& arm, core::Clock& clock, const std::string& vm_id, core::Millis limit,
                       std::stop_token stop);

}  // namespace azlin::dr
