# azlin backup --engine azure-backup: the same verbs on the points of a vault, and what they refuse there.
. "$(dirname "$0")/harness.sh"

vm=prod-db-vm
group=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production

token() { curl -fsS -X POST "$sim_url/_simulator/token" | jq -r .token; }
arm() { curl -fsS -X "$1" -H "Authorization: Bearer $(token)" -H 'Content-Type: application/json' "$sim_url$2" "${@:3}"; }
tag() { arm GET "$group/providers/Microsoft.Compute/virtualMachines/$vm?api-version=2024-07-01" | jq -r ".tags[\"$1\"] // \"\""; }

in_vault() {
  start_at_ten
  ok backup configure $vm --engine azure-backup --vault my-vault --daily-retention 14 --weekly-retention 8
}

test_the_numbers_become_a_policy_and_a_protected_item() {
  in_vault
  expect_out "Policy: azlin-d14-w8-m12"
  [ "$(tag azlin:backup-engine)" = "azure-backup:$group/providers/Microsoft.RecoveryServices/vaults/my-vault" ] || fail "tag: $(tag azlin:backup-engine)"
  [ -z "$(tag azlin:backup-schedule)" ] || fail "a snapshot schedule as well"
  ok policy show azlin-d14-w8-m12 -o json
  expect_json '.workload == "AzureVM" and (.retentions[0] | contains("daily 14 Days") and contains("weekly 8 Weeks") and contains("monthly 12 Months"))'
  ok vault items --workload AzureVM -o json
  expect_json '.items | length == 1 and .[0].name == "prod-db-vm" and .[0].policy == "azlin-d14-w8-m12"'
  ok backup config-show $vm -o json
  expect_json '.engine == "azure-backup" and .vault == "my-vault" and .daily == 14 and .weekly == 8 and .monthly == 12'
  ok operations list -o json
  expect_json '[.operations[].kind] | index("vault.protect") != null and index("vault.policy-create") != null and index("backup.configure") != null'
  # what is not stated stays; VMs with the same numbers share a policy
  ok backup configure $vm --monthly-retention 24
  ok backup config-show $vm -o json
  expect_json '.daily == 14 and .weekly == 8 and .monthly == 24 and .policy == "azlin-d14-w8-m24"'
  ok backup configure critical-vm --engine azure-backup --vault my-vault --daily-retention 14 --weekly-retention 8 --monthly-retention 24
  ok policy show azlin-d14-w8-m24 -o json
  expect_json '.items == 2'
  run azlin backup configure $vm --daily-retention 7
  expect_code 2
  expect_err "the new numbers"
  ok backup configure $vm --daily-retention 7 --yes
}

test_snapshot_is_the_default_and_the_way_back() {
  start_simulator sample
  ok backup configure $vm --daily-retention 9
  [ -n "$(tag azlin:backup-schedule)" ] || fail "no schedule"
  ok backup trigger $vm
  ok backup configure $vm --engine azure-backup --vault my-vault
  expect_err "Snapshot backups of prod-db-vm are switched off"
  ok backup config-show $vm -o json
  expect_json '.engine == "azure-backup" and .daily == 9'
  [ "$(tag azlin:backup-schedule | jq .on)" = false ] || fail "snapshots go on: $(tag azlin:backup-schedule)"
  # the snapshots stay, and are restored as before
  ok backup list $vm -o json
  expect_json '.total == 1 and .backups[0].engine == null'
  ok backup restore $vm --backup "$(jq -r '.backups[0].name' <<<"$out")" --yes
  ok backup configure $vm --engine snapshot --yes
  [ -z "$(tag azlin:backup-engine)" ] || fail "the tag stayed"
  [ "$(tag azlin:backup-schedule | jq .on)" = true ] || fail "snapshots are off"
  ok vault items --workload AzureVM -o json
  expect_json '.items[0].state == "ProtectionStopped"'
  ok backup trigger $vm
}

test_trigger_list_and_restore_work_on_points_of_the_vault() {
  in_vault
  ok backup trigger $vm
  expect_out "Backup of prod-db-vm is in vault my-vault"
  ok simulator clock --advance 2h
  ok backup trigger $vm -o json
  expect_json '.status == "Completed" and .operation == "Backup"'
  ok backup list $vm -o json
  expect_json '.total == 2 and all(.backups[]; .engine == "azure-backup" and .vault == "my-vault") and .backups[0].createdAt > .backups[1].createdAt'
  newest=$(jq -r '.backups[0].name' <<<"$out") oldest=$(jq -r '.backups[1].name' <<<"$out") between=$(jq -r '.backups[0].createdAt' <<<"$out")
  ok backup list $vm
  expect_out "$newest"
  ok backup list --all -o json
  expect_json '.total == 2'
  ok backup list $vm --tier weekly -o json
  expect_json '.total == 0'
  run azlin backup restore $vm --backup "$newest" --yes
  expect_code 2
  expect_err "--staging-account"
  run azlin backup restore $vm --backup "$newest" --staging-account staging
  expect_code 2
  expect_err "needs a confirmation"
  ok backup restore $vm --backup "$newest" --staging-account staging --yes
  ok restore snapshot $vm --at "$between" --staging-account staging --yes -o json
  expect_json '.operation == "Restore" and .status == "Completed"'
  run azlin backup restore $vm --at 2020-01-01 --staging-account staging --yes
  expect_code 3
  expect_err "the oldest is of"
  ok backup restore $vm --backup "$oldest" --new-vm prod-db-old --staging-account staging
  arm GET "$group/providers/Microsoft.Compute/virtualMachines/prod-db-old?api-version=2024-07-01" >vm.json || fail "no new VM"
  ok backup trigger $vm --no-wait -o json
  expect_json '.job != "" and .status == "InProgress"'
}

test_what_azure_backup_cannot_do_is_refused_before_the_call() {
  start_simulator sample
  for days in 2 6; do
    run azlin backup configure $vm --engine azure-backup --vault my-vault --daily-retention $days
    expect_code 2
    expect_err "1 day, or at least 7"
    expect_err "--engine snapshot"
  done
  run azlin backup configure $vm --engine azure-backup --vault my-vault --cross-region --target-region westus2
  expect_code 2
  expect_err "paired region"
  run azlin backup configure $vm --vault my-vault
  expect_code 2
  expect_err "--engine azure-backup"
  [ -z "$(tag azlin:backup-engine)" ] || fail "it was changed"
  ok backup configure $vm --engine azure-backup --vault my-vault
  ok backup trigger $vm
  run azlin backup trigger $vm --tier weekly
  expect_code 2
  expect_err "no tiers on demand"
  ok backup trigger $vm --due -o json
  expect_json '.due == false'
  ok backup list $vm -o json
  point=$(jq -r '.backups[0].name' <<<"$out")
  run azlin backup verify "$point"
  expect_code 2
  expect_err "without a restore"
  expect_err "azlin restore vm prod-db-vm --to disks --point $point"
  run azlin backup hold "$point" --reason audit
  expect_code 2
  expect_err "can hold none"
  run azlin backup delete "$point" --yes
  expect_code 2
  expect_err "deletes no single point"
  expect_err "azlin vault unprotect $vm"
  run azlin backup replicate "$point" --target-region westus2
  expect_code 2
  expect_err "no single point"
  expect_err "azlin vault update --vault my-vault"
  ok backup list $vm -o json
  expect_json '.total == 1'
  ok restore vm prod-db-vm --to disks --point "$point" --vault my-vault --target-group Production --staging-account staging
  run azlin backup restore $vm --backup "$point" --new-vm x1 --size Standard_D2s_v5 --staging-account staging
  expect_code 2
  expect_err "in the size that it had"
  run azlin backup restore $vm --backup "$point" --delete-old-disks --staging-account staging --yes
  expect_code 2
  expect_err "keeps the disks"
  run azlin backup forecast $vm --on 2030-01-01
  expect_code 2
  expect_err "in vault my-vault"
  run azlin backup restore critical-vm --at 2030-01-01 --staging-account staging
  expect_code 2
  expect_err "snapshots are restored without one"
}

test_disable_keeps_the_points_and_soft_delete_is_said() {
  in_vault
  ok backup trigger $vm
  ok backup disable $vm
  expect_out "the points in vault my-vault are preserved"
  ok backup list $vm -o json
  expect_json '.total == 1'
  run azlin backup trigger $vm
  expect_code 2
  expect_err "stopped"
  ok backup configure $vm
  ok backup trigger $vm
  ok vault unprotect $vm --workload AzureVM --delete-backup-data --yes
  run azlin backup configure $vm
  expect_code 2
  expect_err "azlin vault undelete prod-db-vm"
}

test_dry_run_says_each_call() {
  start_simulator sample
  ok backup configure $vm --engine azure-backup --vault my-vault --dry-run -o json
  expect_json '.dryRun and ([.calls[].method] | length == 3) and (.calls[0].path | endswith("backupPolicies/azlin-d7-w4-m12"))'
  ok vault items -o json
  expect_json '.items | length == 0'
}

run_tests "$@"
