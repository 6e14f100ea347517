# Cosmos DB, Storage, Key Vault, App Configuration: assessed, protected, backed up, restored; recovery plans.
. "$(dirname "$0")/harness.sh"

password=never-in-a-log-4711

# A simulated Azure, a password file, and $arm, the address of what is in Production.
prepare() {
  start_simulator
  (umask 077 && echo "$password" >password)
  token=$(curl -fsS -X POST -H 'Content-Type: application/json' -d '{}' "$sim_url/_simulator/token" | jq -r .token)
  arm="$sim_url/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers"
}

# arm_put PATH?VERSION BODY
arm_put() {
  curl -fsS -X PUT -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "$2" "$arm/$1" >/dev/null ||
    fail "cannot make $1"
}

empty_vault() {
  arm_put "Microsoft.KeyVault/vaults/$1?api-version=2022-07-01" \
    '{"location":"eastus","properties":{"tenantId":"00000000-0000-0000-0000-000000000002","sku":{"family":"A","name":"standard"},"accessPolicies":[],"enableRbacAuthorization":true}}'
}

empty_store() {
  arm_put "Microsoft.AppConfiguration/configurationStores/$1?api-version=2022-05-01" '{"location":"eastus","sku":{"name":"standard"}}'
}

test_assess_names_what_falls_short_and_what_mends_it() {
  prepare
  run azlin platform assess --all --html page.html -o json
  expect_code 6
  expect_json '[.resources[].kind] | length == 8'
  expect_json '.resources[] | select(.name == "prod-cosmos") | .ok and .consistency == "Session"'
  expect_json '.resources[] | select(.name == "staging-cosmos") | .ok | not'
  expect_json 'all(.resources[]; .rto != "" and .rpo != "" and .cost != "" and .compliance != "")'
  grep -q staging-cosmos page.html || fail "the page does not name staging-cosmos"
  ok platform assess --print-expectations
  run azlin platform assess --all
  expect_code 6
  expect_out "azlin platform storage protection set stagingstorage01 --versioning on"
  expect_out "Redeploy from templates"
}

test_apply_mends_what_needs_no_choice() {
  prepare
  run azlin platform apply --all
  expect_code 2
  run azlin platform apply --all --yes
  expect_code 0
  run azlin platform assess --all -o json
  expect_json '.resources[] | select(.name == "stagingstorage01") | .ok'
  expect_json '.resources[] | select(.name == "staging-kv") | .findings[] | select(.check == "purge protection") | .state == "ok"'
}

test_cosmos_policy_restore_regions_and_failover() {
  prepare
  ok platform cosmos backup-policy show staging-cosmos
  expect_out "Periodic"
  run azlin platform cosmos backup-policy set staging-cosmos --type Continuous
  expect_code 2
  ok platform cosmos backup-policy set staging-cosmos --type Continuous --tier Continuous30Days --yes
  expect_out "Continuous30Days"
  local at
  at=$(date -u -d '-1 hour' +%FT%TZ)
  ok platform cosmos restorable list prod-cosmos --at "$at"
  expect_out "chat: 2 collections"
  ok platform cosmos restore prod-cosmos --at "$at" --to prod-cosmos-two --yes
  expect_out "prod-cosmos-two is there"
  run azlin platform cosmos restore prod-cosmos --at "$(date -u -d '+1 hour' +%FT%TZ)" --to prod-cosmos-three --yes
  expect_code 2
  ok platform cosmos regions staging-cosmos --add westus2 --yes
  ok platform cosmos regions staging-cosmos --automatic-failover on --yes
  ok platform cosmos failover prod-cosmos --to westus2 --yes
  expect_match 'West US 2 +0 \(writes\)'
}

test_storage_protection_is_never_lowered_unless_told() {
  prepare
  ok platform storage protection set stagingstorage01 --recommended
  ok platform storage protection show stagingstorage01
  expect_match 'Versioning: +on'
  expect_match 'Soft delete of containers: +30 days'
  run azlin platform storage protection set stagingstorage01 --blob-soft-delete-days 5
  expect_code 2
  expect_err "--allow-lower"
  run azlin platform storage protection set stagingstorage01 --point-in-time-days 30
  expect_code 2
  ok platform storage protection set stagingstorage01 --point-in-time-days 29
  run azlin platform storage restore stagingstorage01 --at 2020-01-01T00:00:00Z --yes
  expect_code 2
  expect_err "before the earliest time"
}

test_storage_replication_and_failover() {
  prepare
  run azlin platform storage replication set stagingstorage01 Standard_ZRS --yes
  expect_code 2
  expect_err "--migrate"
  ok platform storage replication set stagingstorage01 Standard_GRS --yes
  ok platform storage replication show prodstorage01
  expect_out "would be lost by a failover now"
  ok platform storage failover prodstorage01 --yes
  expect_out "prodstorage01 is in westus now, Standard_LRS"
}

test_azure_backup_for_blobs() {
  prepare
  ok platform storage backup vault create bv -g Production -l eastus
  expect_out "Storage Account Backup Contributor"
  ok platform storage backup policy create p30 --vault bv --operational-days 30
  ok platform storage backup enable prodstorage01 --vault bv --policy p30 --yes
  ok platform storage backup status --vault bv
  expect_out prodstorage01
}

test_key_vault_into_an_empty_vault() {
  prepare
  ok platform keyvault backup prod-kv --to kv --password-file password
  expect_out "2 saved"
  ok platform keyvault backup prod-kv --to kv --password-file password
  expect_out "0 saved, 2 unchanged"
  empty_vault dr-kv
  run azlin platform keyvault diff dr-kv --from kv --password-file password
  expect_code 6
  ok platform keyvault restore dr-kv --from kv --password-file password --yes
  expect_out "2 items restored into dr-kv"
  ok platform keyvault diff dr-kv --from kv --password-file password
  run azlin platform keyvault restore staging-kv --from kv --password-file password --yes
  expect_code 4
  expect_out "exists with other versions"
  echo wrong-password >password
  run azlin platform keyvault diff dr-kv --from kv --password-file password
  [ "$code" -ne 0 ] || fail "a wrong password was taken"
}

test_secrets_are_in_no_log_database_or_file() {
  prepare
  empty_vault dr-kv
  ok platform keyvault backup prod-kv --to kv --password-file password --values -vv
  cat .out .err >said
  ok platform keyvault restore dr-kv --from kv --password-file password --values --yes -vv
  cat .out .err >>said
  chmod 644 password
  run azlin platform keyvault backup prod-kv --to kv --password-file password
  expect_code 2
  local vault value name
  vault=$(curl -fsS -H "Authorization: Bearer $token" "$arm/Microsoft.KeyVault/vaults/prod-kv?api-version=2022-07-01" | jq -r .properties.vaultUri)
  local data
  data=$(curl -fsS -X POST -H 'Content-Type: application/json' -d '{"audience":"https://vault.azure.net"}' "$sim_url/_simulator/token" | jq -r .token)
  for name in db-password api-key; do
    value=$(curl -fsS -H "Authorization: Bearer $data" "${vault}secrets/$name?api-version=7.4" | jq -r .value)
    [ ${#value} -gt 3 ] || fail "secret $name has no value to look for"
    ! grep -rqF -- "$value" said kv home || fail "the value of $name was written"
  done
  ! grep -rqF -- "$password" said kv home || fail "the password was written"
}

test_a_killed_key_vault_backup_goes_on() {
  prepare
  ok simulator fault add --method POST --path '/secrets/*/backup?*' --delay 30s
  "$AZLIN" platform keyvault backup prod-kv --to kv --password-file password >killed.out 2>&1 &
  local pid=$!
  it_began() { [ -e kv ] && [ "$(azlin operations list -o json 2>/dev/null | jq '[.operations[] | select(.kind == "platform.keyvault.backup")] | length')" = 1 ]; }
  wait_until "the backup has begun" it_began
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null
  ok simulator fault clear
  ok recover
  expect_out platform.keyvault.backup
  ok platform keyvault backup prod-kv --to kv --password-file password
  empty_vault dr-kv
  ok platform keyvault restore dr-kv --from kv --password-file password --yes
  ok platform keyvault diff dr-kv --from kv --password-file password
}

test_app_configuration_round_trip() {
  prepare
  ok platform appconfig export prod-config --to c.json
  expect_out "Exported 5 items"
  [ "$(stat -c %a c.json)" = 600 ] || fail "others can read the export"
  ok platform appconfig diff prod-config --file c.json
  jq '(.items[] | select(.key == "app:color") | .value) = "red"' c.json >d.json
  run azlin platform appconfig diff prod-config --file d.json
  expect_code 6
  expect_out "app:color"
  ok platform appconfig import prod-config --from d.json --yes
  ok platform appconfig rollback prod-config --file c.json --yes
  ok platform appconfig diff prod-config --file c.json --auth key
  empty_store dr-config
  ok platform appconfig import dr-config --from-store prod-config --yes
  ok platform appconfig diff dr-config --store prod-config
}

test_checkpoint_before_changes() {
  prepare
  ok platform checkpoint -g Production --to cp --password-file password -o json
  expect_json '.parts | length == 3 and all(.[]; .error == "")'
}

test_the_standard_recovery_plan() {
  prepare
  ok platform keyvault backup prod-kv --to kv --password-file password
  ok platform appconfig export prod-config --to c.json
  empty_vault dr-kv
  empty_store dr-config
  printf '#!/bin/sh\necho "$0 $*" >>%s/hooks\n' "$work" >hook
  chmod +x hook
  export AZLIN_BACKUP_PASSWORD=$password
  local set=(--set group=Production --set vault=prod-kv --set new_vault=dr-kv --set "vault_backup=$work/kv"
    --set "store_export=$work/c.json" --set new_store=dr-config --set storage=prodstorage01 --set cosmos=prod-cosmos
    --set new_cosmos=prod-cosmos-two --set "restore_at=$(date -u -d '-1 hour' +%FT%TZ)" --set "deploy_hook=$work/hook"
    --set "cutover_hook=$work/hook")
  ok recovery run standard --dry-run "${set[@]}"
  [ ! -e hooks ] || fail "a dry run called a hook"
  run azlin recovery run standard "${set[@]}"
  expect_code 6
  [ ! -e hooks ] || fail "a hook was called without approval"
  ok recovery run standard "${set[@]}" --resume --yes --report report.md
  expect_out "done"
  [ "$(wc -l <hooks)" = 2 ] || fail "the hooks were not called once each"
  grep -q cut-over report.md || fail "the report does not name the last step"
  ok recovery list
  expect_out standard
  ok platform keyvault diff dr-kv --from kv
}

test_a_killed_recovery_plan_goes_on() {
  prepare
  cat >plan.yaml <<'PLAN'
name: two
steps:
  - name: look
    phase: assess
    run: [platform, cosmos, regions, prod-cosmos]
  - name: deploy
    phase: provision
    hook: ["./hook"]
PLAN
  printf '#!/bin/sh\n[ -e second ] || { touch second; kill -KILL $PPID; }\n' >hook
  chmod +x hook
  run azlin recovery run plan.yaml --yes
  expect_code 137
  ok recover
  expect_out "recovery.run"
  expect_out "azlin recovery run plan.yaml … --resume"
  ok recovery run plan.yaml --resume --yes
  ok recover
  expect_out "Nothing to recover"
}

run_tests "$@"
