# The custom role of docs/platform.md is granted, and nothing else, while azlin does what it can with platform resources.
. "$(dirname "$0")/harness.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)

# grant [ACTION]: the role, without one action.
grant() {
  sed -n '/^```json$/,/^```$/{/^```/!p}' "$top/docs/platform.md" |
    jq --arg no "${1:-}" '{grants: [{principal: "*", scope: "/", actions: (.Actions + .DataActions - [$no])}]}' |
    curl -fsS -X PUT -H 'Content-Type: application/json' -d @- "$sim_url/_simulator/grants" >/dev/null || fail "no role"
}

new() {
  curl -fsS -X PUT -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "$2" \
    "$sim_url/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/$1" >/dev/null || fail "cannot make $1"
}

prepare() {
  start_simulator
  (umask 077 && echo never-in-a-log-4711 >password)
  token=$(curl -fsS -X POST -H 'Content-Type: application/json' -d '{}' "$sim_url/_simulator/token" | jq -r .token)
  new "Microsoft.KeyVault/vaults/dr-kv?api-version=2022-07-01" \
    '{"location":"eastus","properties":{"tenantId":"00000000-0000-0000-0000-000000000002","sku":{"family":"A","name":"standard"},"accessPolicies":[],"enableRbacAuthorization":true}}'
  new "Microsoft.AppConfiguration/configurationStores/dr-config?api-version=2022-05-01" '{"location":"eastus","sku":{"name":"standard"}}'
}

test_the_role_is_enough() {
  prepare
  grant
  local at
  at=$(date -u -d '-1 hour' +%FT%TZ)
  run azlin platform assess --all -o json
  expect_code 6
  expect_json '[.resources[].findings[] | select(.state == "unchecked")] == []'
  ok platform apply --all --yes
  ok platform checkpoint -g Production --to cp --password-file password
  ok platform cosmos restorable list prod-cosmos --at "$at"
  ok platform cosmos restore prod-cosmos --at "$at" --to prod-two --yes
  ok platform cosmos regions prod-two --add westus2 --yes
  ok platform cosmos failover prod-two --to westus2 --yes
  ok platform keyvault backup prod-kv --to kv --password-file password
  ok platform keyvault restore dr-kv --from kv --password-file password --yes
  ok platform keyvault diff dr-kv --from kv --password-file password
  ok platform appconfig import dr-config --from-store prod-config --yes
  ok platform appconfig export dr-config --to c.json --auth key
  jq '.items |= map(.locked = true)' c.json >locked.json
  ok platform appconfig import dr-config --from locked.json --yes
  ok platform appconfig rollback dr-config --file c.json --unlock --yes
  ok platform storage protection set prodstorage01 --recommended
  ok platform storage replication show prodstorage01
  ok platform storage backup vault create bv -g Production -l eastus
  ok platform storage backup policy create p30 --vault bv --operational-days 30
  ok platform storage failover prodstorage01 --yes
}

test_without_an_action_it_is_named() {
  prepare
  grant Microsoft.DocumentDB/databaseAccounts/failoverPriorityChange/action
  run azlin platform cosmos failover prod-cosmos --to westus2 --yes
  expect_code 5
  expect_err Microsoft.DocumentDB/databaseAccounts/failoverPriorityChange/action
  grant Microsoft.AppConfiguration/configurationStores/keyValues/read
  run azlin platform appconfig export prod-config --to c.json
  expect_code 5
  [ ! -e c.json ] || fail "a file was written"
}

run_tests "$@"
