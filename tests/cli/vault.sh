# azlin vault, policy, restore: each tool of the Recovery Services seed, and what goes wrong.
. "$(dirname "$0")/harness.sh"

hana=prod-db-vm sql=prod-app-vm

# A registered VM with a policy; azlin uses the sample's only vault.
prepare_hana() {
  start_at_ten
  ok vault register-vm $hana --workload SAPHana
  ok policy create hana-policy --workload SAPHana
}
protect_hana() {
  prepare_hana
  ok vault protect HXE/HXE --server $hana --policy hana-policy
}
protect_sql() {
  start_at_ten
  ok vault register-vm $sql --workload MSSQL
  ok policy create sql-policy --workload MSSQL
  ok vault protect --all --server $sql --policy sql-policy --yes
}
clock() { ok simulator clock "$@"; }

test_list_vaults_and_use() {
  start_simulator sample
  ok vault list -o json
  expect_json '.vaults | length == 1 and .[0].name == "my-vault" and .[0].softDelete == "Enabled"'
  ok vault create second -g Production -l eastus --redundancy LocallyRedundant
  ok vault show second -o json
  expect_json '.redundancy == "LocallyRedundant"'
  run azlin vault items
  expect_code 2
  expect_err "several vaults could be meant"
  ok vault use my-vault
  ok vault items
  run azlin vault show my-vaul
  expect_code 3
  expect_err "did you mean 'my-vault'?"
}

# A group is a part of the path of what is asked: one that cannot be a group's name is asked for nowhere, and
# one that is not the chosen vault's means another vault.
test_the_group_of_a_vault_is_checked() {
  start_simulator sample
  ok vault use my-vault
  local group
  for group in "" "a/b" "../.."; do
    for command in "vault summary" "vault items --vault my-vault" "vault list" "policy list" "vault use my-vault"; do
      run azlin $command -g "$group"
      expect_code 2
      expect_err "is not a valid resource group name"
    done
  done
  run azlin vault items --vault "a/b" -g Production
  expect_code 2
  run azlin vault items --vault /subscriptions/x
  expect_code 2
  run azlin restore vm critical-vm --target-group a/b --staging-account prodstorage01 --dry-run
  expect_code 2
  run azlin vault items -g nosuch
  expect_code 3
  expect_err "nosuch"
  ok vault create second -g Production -l eastus
  ok vault items -g production
  ok vault delete second --yes
  run azlin vault show my-vault --vault other
  expect_code 2
  run azlin vault jobs --limit=-5
  expect_code 2
}

test_a_dry_run_of_create_looks_at_group_region_and_name() {
  start_simulator sample
  run azlin vault create second -g nosuch -l eastus --dry-run
  expect_code 3
  expect_err nosuch
  run azlin vault create second -g Production -l eastsu --dry-run
  expect_code 2
  expect_err "did you mean eastus?"
  run azlin vault create second -g Production -l eastsu
  expect_code 2
  run azlin vault create my-vault -g Production -l eastus --dry-run
  expect_code 2
  expect_err "exists already"
  ok vault create second -g Production -l "East US" --dry-run
  ok vault list -o json
  expect_json '.vaults | length == 1'
}

test_vault_update_and_delete() {
  start_simulator sample
  ok vault create spare -g Production -l eastus
  ok vault update --vault spare --soft-delete-days 30
  ok vault show spare -o json
  expect_json '.softDeleteDays == 30'
  run azlin vault update --vault spare --cross-region-restore on
  expect_code 2
  expect_err "needs a confirmation"
  ok vault update --vault spare --cross-region-restore on --yes
  run azlin vault update --vault spare --cross-region-restore off --yes
  expect_code 2
  expect_err "cannot be turned off"
  run azlin vault update --vault spare --immutability Locked --yes
  expect_code 2
  run azlin vault delete spare
  expect_code 2
  ok vault delete spare --yes
  run azlin vault show spare
  expect_code 3
}

test_test_connection_names_the_missing_role() {
  start_simulator sample
  ok vault test-connection
  curl -fsS -X PUT -H 'Content-Type: application/json' "$sim_url/_simulator/grants" -d '{"grants":[{"principal":"*","scope":"/","actions":["*/read"]}]}' >/dev/null
  run azlin vault test-connection -o json
  expect_code 6
  expect_json '.ok == false and any(.checks[]; .ok == false and (.detail | contains("Backup Operator")))'
  run azlin vault register-vm $hana
  expect_code 5
  expect_err "AuthorizationFailed"
  expect_err "test-connection"
}

test_configuration_names_vaults_and_switches_off() {
  start_simulator sample
  mkdir -p "$AZLIN_HOME"
  cat >"$AZLIN_HOME/config.toml" <<TOML
[recovery_services.vaults.production]
subscription_id = "00000000-0000-0000-0000-000000000001"
resource_group = "Production"
vault_name = "my-vault"
description = "Production backup vault"
TOML
  ok vault list
  expect_out "Production backup vault"
  ok vault items --vault production
  printf '[recovery_services]\nenabled = false\n' >"$AZLIN_HOME/config.toml"
  run azlin vault list
  expect_code 2
  expect_err "enabled = false"
}

test_several_named_vaults_and_a_primary_one() {
  start_simulator sample
  ok vault create stage-vault -g Production -l eastus
  mkdir -p "$AZLIN_HOME"
  cat >"$AZLIN_HOME/config.toml" <<TOML
[recovery_services]
enabled = true
subscription_id = "00000000-0000-0000-0000-000000000001"
resource_group = "Production"
vault_name = "my-vault"
[recovery_services.vaults.production]
resource_group = "Production"
vault_name = "my-vault"
description = "Production backup vault"
[recovery_services.vaults.staging]
subscription_id = "00000000-0000-0000-0000-000000000001"
resource_group = "Production"
vault_name = "stage-vault"
description = "Staging backup vault"
TOML
  ok vault show -o json
  expect_json '.name == "my-vault" and .description == "Production backup vault"'
  ok vault show --vault staging -o json
  expect_json '.name == "stage-vault" and .description == "Staging backup vault"'
  ok vault list -o json
  expect_json '[.vaults[] | {(.key): .description}] | add == {"production": "Production backup vault", "staging": "Staging backup vault"}'
  AZLIN_VAULT=staging run azlin vault show -o json
  expect_json '.name == "stage-vault"'
  run azlin vault delete staging
  expect_code 2
  expect_err "needs a confirmation"
  ok vault delete staging --yes
}

test_register_reregister_unregister_and_status() {
  start_simulator sample
  run azlin vault registration-status $hana
  expect_code 3
  run azlin vault reregister-vm $hana
  expect_code 3
  expect_err "register-vm"
  ok vault register-vm $hana --workload SAPHana -o json
  expect_json '.status == "Registered" and .found.SAPHana > 0'
  ok vault registration-status $hana
  ok vault registration-status -o json
  expect_json '.vms | length == 1'
  ok vault reregister-vm $hana
  ok vault register-vm $sql --workload MSSQL
  ok vault reregister-vm $sql
  ok vault reregister-vm $sql --dry-run
  expect_out "PUT "
  ok vault unregister-vm $sql --yes
  run azlin vault unregister-vm $hana
  expect_code 2
  ok vault unregister-vm $hana --yes
  run azlin vault registration-status $hana
  expect_code 3
}

test_policies() {
  start_simulator sample
  ok policy create hana-daily --workload SAPHana --daily --keep-days 14
  ok policy create sql-policy --workload MSSQL --differential-days Wednesday
  ok policy create vm-policy --workload AzureVM --every-hours 4
  ok policy list -o json
  expect_json '.policies | length == 6'
  ok policy list --workload SAPHana -o json
  expect_json '.policies | length == 1 and .[0].schedules[0] == "Full: daily at 02:00"'
  ok policy show sql-policy
  expect_out "Differential: weekly on Wednesday at 02:00"
  ok policy create --template --workload MSSQL
  expect_out '"workLoadType": "SQLDataBase"'
  run azlin policy create bad --workload SAPHana --log-every 5
  expect_code 2
  expect_err "every 15 to 1440"
  printf 'workload: SAPHana\nfull:\n  days: [Saturday]\n  keepWeeks: 8\n' >policy.yaml
  ok policy create from-file --file policy.yaml
  expect_out "weekly on Saturday"
  ok policy update hana-daily --workload SAPHana --daily --keep-days 30
  expect_out "30 Days"
  ok policy delete from-file --yes
  run azlin policy show from-file
  expect_code 3
  expect_err "hana-daily"
}

test_protect_before_register_says_what_to_do() {
  start_simulator sample
  ok policy create hana-policy --workload SAPHana
  run azlin vault protect HXE/HXE --policy hana-policy
  expect_code 3
  expect_err "register-vm"
}

test_protectable_protect_and_items() {
  prepare_hana
  ok vault protectable -o json
  expect_json 'any(.items[]; .name == "SYSTEMDB" and .protectable)'
  ok vault protect HXE/HXE --server $hana --policy hana-policy
  expect_out "is protected by policy hana-policy"
  ok vault items -o json
  expect_json '.items | length == 1 and .[0].state == "IRPending" and .[0].policy == "hana-policy"'
  ok policy create other --workload SAPHana --log-every 30
  ok vault protect HXE/HXE --policy other
  ok vault items -o json
  expect_json '.items[0].policy == "other"'
  ok policy create sql-policy --workload MSSQL
  run azlin vault protect SYSTEMDB --policy sql-policy
  expect_code 2
  expect_err "is for MSSQL"
  run azlin vault unregister-vm $hana --yes
  expect_code 1
  expect_err "BMSUserErrorContainerHasDatasources"
  expect_err "unprotect --all"
  run azlin vault delete my-vault --yes
  expect_code 1
  expect_err "BMSUserErrorVaultDeletionNotAllowed"
  run azlin policy delete other --yes
  expect_code 1
  expect_err "BMSUserErrorPolicyObjectInUse"
}

test_backup_jobs_and_summary() {
  protect_hana
  run azlin vault backup HXE/HXE --type log
  expect_code 2
  expect_err "only full and differential"
  run azlin vault backup HXE/HXE --type incremental
  expect_code 2
  expect_err "--type differential"
  run azlin vault summary
  expect_code 6
  ok vault backup HXE/HXE --type full -o json
  expect_json '.status == "Completed" and .operation == "Backup" and (.tasks | length) == 1'
  ok vault backup HXE/HXE --type differential
  ok vault jobs --operation Backup --since 24h -o json
  expect_json '.jobs | length == 2 and all(.[]; .status == "Completed")'
  job=$(jq -r '.jobs[0].id' <<<"$out")
  ok vault job show "$job"
  expect_out "Transfer data to vault: Completed"
  ok vault job wait "$job"
  run azlin vault job cancel "$job" --yes
  expect_code 2
  run azlin vault job show 00000000-0000-0000-0000-000000000000
  expect_code 3
  ok vault jobs --status Failed
  expect_out "No such jobs"
  ok vault summary -o json
  expect_json '.items.AzureWorkload == 1 and .unhealthy == 0'
}

test_no_wait_and_cancel() {
  protect_hana
  ok simulator latency realistic
  ok vault backup HXE/HXE --no-wait -o json
  job=$(jq -r .job <<<"$out")
  ok vault jobs --status InProgress -o json
  expect_json ".jobs[0].id == \"$job\""
  clock --advance 60s
  ok vault job show "$job" -o json
  expect_json '.percent != null and .cancellable'
  ok simulator latency none
  ok vault job cancel "$job" --yes
  ok vault job show "$job" -o json
  expect_json '.status == "Cancelled"'
}

test_waiting_shows_tasks_and_percentage() {
  protect_hana
  ok simulator latency realistic # it is under way for as long as this looks at it
  "$AZLIN" vault backup HXE/HXE >.out 2>.err &
  wait_until "progress is shown" grep -E 'Backup InProgress [0-9]+ %, Transfer data to vault: InProgress' .err
  "$AZLIN" simulator clock --advance 1h >/dev/null 2>&1 || fail "the clock does not move"
  wait $! || fail "the backup failed: $(cat .err)"
  grep -qF "Transfer data to vault: Completed" .err || fail "not completed: $(cat .err)"
}

test_many_at_once_ask_once_and_report_each() {
  start_simulator sample
  ok vault register-vm $sql --workload MSSQL
  ok policy create sql-policy --workload MSSQL
  run azlin vault protect --all --server $sql --policy sql-policy
  expect_code 2
  expect_err "protecting 3 databases needs a confirmation"
  ok vault protect --all --server $sql --policy sql-policy --yes -o json
  expect_json '.done == 3 and .failed == 0 and all(.items[]; .ok and .job != "")'
  run azlin vault backup --all
  expect_code 2
  run azlin vault backup --all --server $sql
  expect_code 2
  vm=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/$sql
  curl -fsS -X POST -H 'Content-Type: application/json' "$sim_url/_simulator/recovery/databases" -d "{\"vm\":\"$vm\",\"name\":\"sqldatabase;mssqlserver;orders\",\"set\":{\"fail\":{\"code\":1,\"title\":\"UserErrorOpeningSQLConnection\",\"text\":\"No connection.\",\"recommendations\":[]}}}" >/dev/null
  run azlin vault backup --all --server $sql --yes -o json
  expect_code 4
  expect_json '.done == 2 and .failed == 1 and any(.items[]; .ok == false and (.item | contains("orders")) and (.error | contains("UserErrorOpeningSQLConnection")))'
  ok vault unprotect --all --server $sql --yes -o json
  expect_json '.done == 3'
  ok vault unprotect --all --server $sql --delete-backup-data --yes
  ok vault undelete --all --server $sql -o json
  expect_json '.done == 3'
}

test_an_instance_is_protected_automatically() {
  start_simulator sample
  ok vault register-vm $sql --workload MSSQL
  ok policy create sql-policy --workload MSSQL
  ok vault protect MSSQLSERVER --server $sql --auto --policy sql-policy
  ok vault items --server $sql -o json
  expect_json '.items | length == 3'
  ok vault items -o csv
  [ "$(wc -l <<<"$out")" -eq 4 ] || fail "a header and three rows"
  expect_match '^name,instance,server'
}

test_a_failed_job_explains_itself() {
  protect_hana
  vm=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/$hana
  curl -fsS -X POST -H 'Content-Type: application/json' "$sim_url/_simulator/recovery/databases" -d "{\"vm\":\"$vm\",\"name\":\"saphanadatabase;hxe;hxe\",\"set\":{\"fail\":{\"code\":310000,\"title\":\"UserErrorHanaPreScriptNotRun\",\"text\":\"Pre-registration script not run.\",\"recommendations\":[\"Run the script.\"]}}}" >/dev/null
  run azlin vault backup HXE/HXE --type full
  expect_code 1
  expect_err "UserErrorHanaPreScriptNotRun"
  expect_err "reregister-vm"
  run azlin vault summary
  expect_code 6
}

test_unprotect_undelete_and_resume() {
  protect_hana
  ok vault backup HXE/HXE
  run azlin vault unprotect HXE/HXE
  expect_code 2
  ok vault unprotect HXE/HXE --yes
  ok vault items -o json
  expect_json '.items[0].state == "ProtectionStopped"'
  run azlin vault backup HXE/HXE
  expect_code 2
  ok vault unprotect HXE/HXE --delete-backup-data --yes
  ok vault items --deleted -o json
  expect_json '.items | length == 1 and .[0].softDeleted'
  run azlin restore original HXE/HXE --yes
  expect_code 2
  expect_err "vault undelete"
  run azlin vault protect HXE/HXE --policy hana-policy
  expect_code 2
  ok vault undelete HXE/HXE
  ok vault protect HXE/HXE --policy hana-policy
  ok vault items -o json
  expect_json '.items[0].state == "Protected"'
  ok operations list -o json
  expect_json '[.operations[].kind] | index("vault.unprotect") != null and index("vault.undelete") != null'
}

test_bulk_unprotect_refuses_without_a_word_and_survives_a_failure() {
  protect_sql
  run azlin vault unprotect --all --delete-backup-data
  expect_code 2
  expect_err "--all needs --server"
  run azlin vault unprotect --all --server $sql --delete-backup-data
  expect_code 2
  expect_err "needs a confirmation"
  ok simulator fault add --method DELETE --path '*sqldatabase;mssqlserver;orders*' --status 409 --code BMSUserErrorObjectLocked --count 100
  run azlin vault unprotect --all --server $sql --delete-backup-data --yes -o json
  expect_code 4
  expect_json '.done == 2 and .failed == 1 and any(.items[]; .ok == false and (.item | contains("orders")) and .hint != "")'
  ok simulator fault clear
  ok vault unprotect --all --server $sql --delete-backup-data --yes
  ok vault items --deleted -o json
  expect_json '.items | length == 3'
}

test_restore_points_original_alternate_and_files() {
  protect_hana
  run azlin restore original HXE/HXE --yes
  expect_code 3
  expect_err "no recovery point yet"
  ok vault backup HXE/HXE
  clock --advance 2h
  ok restore points HXE/HXE
  expect_match 'Any moment from [0-9: -]* to [0-9: -]* UTC'
  ok restore points HXE/HXE -o json
  expect_json '(.points | length) == 1 and (.logRanges | length) == 1'
  start=$(jq -r '.logRanges[0].start' <<<"$out")
  run azlin restore original HXE/HXE --at 2020-01-01T00:00:00Z --yes
  expect_code 3
  expect_err "any moment from"
  run azlin restore original HXE/HXE --at "$start"
  expect_code 2
  ok vault register-vm critical-vm --workload SAPHana
  ok restore alternate HXE/HXE --target-server critical-vm --target-database HXE2 --point latest
  expect_out "restored as HXE/HXE2 on critical-vm"
  run azlin restore alternate HXE/HXE --target-server critical-vm --target-database HXE2
  expect_code 1
  expect_err "--overwrite"
  ok restore alternate HXE/HXE --target-server critical-vm --target-database HXE2 --overwrite --yes
  run azlin restore alternate HXE/HXE --target-server staging-vm
  expect_code 3
  expect_err "register-vm staging-vm"
  ok restore files HXE/HXE --path /hana/restore
  ok restore original HXE/HXE --at "$start" --yes
  expect_out "HXE/HXE on prod-db-vm restored to "
}

test_sql_files_are_moved() {
  protect_sql
  ok vault backup sales --server $sql
  run azlin restore alternate sales --target-server $sql --target-database sales2 --move 'nothere=F:\x.mdf'
  expect_code 2
  expect_err "sales_log"
  ok restore alternate sales --target-server $sql --target-database sales2 --move 'sales=G:\data\sales2.mdf' --move 'sales_log=G:\log\sales2.ldf'
  ok vault backup sales --type log
  ok vault backup sales --type copy-only-full --keep-days 10
}

test_vm_protection_and_restore() {
  start_simulator sample
  ok vault protect prod-db-vm --workload AzureVM --policy DefaultPolicy
  ok vault backup prod-db-vm --workload AzureVM
  ok restore points prod-db-vm --workload AzureVM -o json
  expect_json '.points | length == 1 and (.[0].tiers | index("HardenedRP")) != null'
  run azlin restore vm prod-db-vm --staging-account staging
  expect_code 2
  ok restore vm prod-db-vm --to disks --target-group Production --staging-account staging
  run azlin restore vm prod-db-vm --to replace --staging-account staging
  expect_code 2
  ok restore vm prod-db-vm --to replace --staging-account staging --yes
  network=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Network/virtualNetworks
  network=$(curl -fsS -H "Authorization: Bearer $(curl -fsS -X POST "$sim_url/_simulator/token" | jq -r .token)" "$sim_url$network?api-version=2023-09-01" | jq -r '.value[0].id')
  ok restore vm prod-db-vm --to vm --target-group Production --staging-account staging --target-vm restored-vm --network "$network" --subnet default
}

test_cross_region_restore() {
  protect_hana
  ok vault update --cross-region-restore on --yes
  ok vault backup HXE/HXE
  ok vault items --cross-region -o json
  expect_json '.items | length == 1'
  ok restore points HXE/HXE --cross-region
  run azlin restore original HXE/HXE --cross-region --yes
  expect_code 2
}

test_cross_region_restore_goes_to_a_vm_of_the_paired_region() {
  cat >seed.json <<'SEED'
{"vms": [{"name": "near", "databases": [{"type": "SAPHana", "instance": "HXE", "names": ["SYSTEMDB", "HXE"]}]},
         {"name": "far", "location": "westus", "databases": [{"type": "SAPHana", "instance": "HXE", "names": ["SYSTEMDB"]}]}],
 "vaults": [{"name": "near-vault"}, {"name": "far-vault", "location": "westus"}]}
SEED
  start_simulator "$PWD/seed.json"
  export AZLIN_VAULT=near-vault
  run azlin vault items --cross-region
  expect_code 1
  expect_err "Cross region restore is not enabled"
  ok vault update --cross-region-restore on --yes
  ok vault register-vm near
  ok vault register-vm far --vault far-vault
  ok policy create hana-policy --workload SAPHana
  ok vault protect HXE/HXE --policy hana-policy
  ok vault backup HXE/HXE
  run azlin restore alternate HXE/HXE --cross-region --target-server far --target-database HXE2
  expect_code 2
  expect_err "--target-vault"
  ok restore alternate HXE/HXE --cross-region --target-server far --target-vault far-vault --target-database HXE2 -o json
  expect_json '.operation == "CrossRegionRestore" and .status == "Completed"'
  ok restore files HXE/HXE --cross-region --target-server far --target-vault far-vault --path /hana/restore
}

test_dry_run_changes_nothing() {
  prepare_hana
  ok vault protect HXE/HXE --policy hana-policy --dry-run
  expect_out "PUT "
  ok vault items -o json
  expect_json '.items | length == 0'
  ok policy create x1y --workload MSSQL --dry-run -o json
  expect_json '.dryRun and (.calls | length) == 1'
}

test_ten_thousand_items_and_fifty_thousand_jobs_in_constant_memory() {
  start_simulator empty
  auth="Authorization: Bearer $(curl -fsS -X POST "$sim_url/_simulator/token" | jq -r .token)"
  group=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/big
  curl -fsS -X PUT -H "$auth" -H 'Content-Type: application/json' "$sim_url$group?api-version=2021-04-01" -d '{"location":"eastus"}' >/dev/null
  for n in 1 2 3 4 5; do
    ok vault create vault-$n -g big -l eastus
    curl -fsS -X POST -H 'Content-Type: application/json' "$sim_url/_simulator/recovery/fill" \
      -d "{\"vault\":\"$group/providers/Microsoft.RecoveryServices/vaults/vault-$n\",\"items\":2000,\"jobs\":10000}" >/dev/null
  done
  listed=0
  for n in 1 2 3 4 5; do
    ok vault items --vault vault-$n
    listed=$((listed + $(wc -l <<<"$out") - 1))
  done
  [ "$listed" -eq 10000 ] || fail "$listed items"
  curl -fsS -X DELETE "$sim_url/_simulator/requests" >/dev/null
  ok vault jobs --vault vault-1 -o json
  expect_json '(.jobs | length) == 10000 and ([.jobs[].id] | unique | length) == (.jobs | length)'
  ok vault items --vault vault-1 -o csv
  [ "$(wc -l <<<"$out")" -eq 2001 ] || fail "$(wc -l <<<"$out") lines of CSV"
  pages=$(curl -fsS "$sim_url/_simulator/requests" | jq '[.requests[] | select(.path | endswith("/backupJobs"))] | length')
  [ "$pages" -ge 100 ] || fail "$pages pages of jobs"
  [ -x /usr/bin/time ] || return 0
  for format in text json csv; do
    /usr/bin/time -f '%M' -o small.txt "$AZLIN" vault jobs --vault vault-1 --limit 100 -o $format >/dev/null 2>&1 || fail "jobs"
    /usr/bin/time -f '%M' -o large.txt "$AZLIN" vault jobs --vault vault-1 -o $format >jobs.txt 2>/dev/null || fail "jobs"
    [ $(($(cat large.txt) - $(cat small.txt))) -lt 8000 ] || fail "-o $format: memory grew from $(cat small.txt) to $(cat large.txt) KiB"
    echo "   -o $format: $(cat small.txt) KiB for 100 jobs, $(cat large.txt) KiB for $(wc -c <jobs.txt) bytes of them"
  done
}

run_tests "$@"
