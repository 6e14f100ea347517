#pragma once
// The Azure CLI as a source of tokens.
#include <optional>
#include <stop_token>
#include <string>

#include "azlin/arm/credential.hpp"

namespace azlin::arm {

// AZLIN_AZ, else "az".
std::string azure_cli_program(const core::Env& env);

// $AZURE_CONFIG_DIR, else $HOME/.azure; "" when neither is set.
std::string azure_cli_folder(const core::Env& env);

// The output of `az account get-access-token`, of old and new versions: `expires_on` (from 2.54) before the
// token's own expiry before `expiresOn`, which is this machine's local time without a zone. Throws
// core::Error (unauthorized) when it holds no token; the output itself is never quoted.
Token parse_az_token(const std::string& output);

// Runs it. nullopt: az is not installed, or nobody is signed in; `why` then says which. Throws core::Error
// (unauthorized) when az is signed in and fails.
std::optional<Token> fetch_az_token(core::ProcessRunner& processes, const core::Env& env,
                                    const std::string& resource, std::string& why, std::stop_token stop);

}  // namespace azlin::arm
