#pragma once
// The parts of `azlin vault`.
#include "cli/command.hpp"

namespace azlin::cli {

void add_vault_vm_commands(CLI::App& group, Job& chosen);  // register-vm …
void add_vault_item_commands(CLI::App& group,
                             Job& chosen);  // protectable, protect, unprotect, undelete, items
void add_vault_job_commands(CLI::App& group, Job& chosen);  // backup, jobs, job, summary

}  // namespace azlin::cli
