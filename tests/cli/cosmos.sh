# Cosmos DB: backup policy, restorable accounts, restore to a point in time, regions and failover.
. "$(dirname "$0")/harness.sh"

prepare() {
  start_simulator
  token=$(curl -fsS -X POST -H 'Content-Type: application/json' -d '{}' "$sim_url/_simulator/token" | jq -r .token)
  arm="$sim_url/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.DocumentDB/databaseAccounts"
}

cosmos() { # METHOD PATH [BODY]
  curl -fsS -X "$1" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' ${3:+-d "$3"} \
    "$arm/$2?api-version=2023-11-15" || fail "$1 $2"
}

is_in_state() { [ "$(cosmos GET "$1" | jq -r .properties.provisioningState)" = "$2" ]; }
# As `ok simulator clock`, beside a command whose output is still to be read.
ok_of_clock() { "$AZLIN" simulator clock "$@" >/dev/null 2>&1 || fail "the clock does not move"; }
hour_ago() { date -u -d '-1 hour' +%FT%TZ; }

test_the_migration_to_continuous_goes_one_way() {
  prepare
  ok platform cosmos backup-policy show staging-cosmos -o json
  expect_json '.policy == "Periodic" and .intervalMinutes == 240'
  ok platform cosmos backup-policy set staging-cosmos --interval-minutes 480 --retention-hours 48
  expect_out "Every 480 minutes, kept for 48 hours"
  run azlin platform cosmos backup-policy set staging-cosmos --interval-minutes 30
  expect_code 2
  run azlin platform cosmos restorable list staging-cosmos
  expect_out "No accounts with continuous backup"
  run azlin platform cosmos backup-policy set staging-cosmos --type Continuous
  expect_code 2
  ok platform cosmos backup-policy set staging-cosmos --type Continuous --dry-run
  ok simulator latency realistic # so that the migration is under way for as long as this looks at it
  "$AZLIN" platform cosmos backup-policy set staging-cosmos --type Continuous --tier Continuous7Days --yes >.out 2>.err &
  wait_until "the change has begun" is_in_state staging-cosmos Updating
  ok_of_clock --advance 3m
  wait $! || fail "the policy was not set: $(cat .err)"
  grep -q "cannot be taken back" .err || fail "no warning: $(cat .err)"
  grep -q "Migration to continuous: InProgress" .out || fail "no migration: $(cat .out)"
  run azlin platform cosmos backup-policy set staging-cosmos --interval-minutes 480
  expect_code 7
  run azlin platform cosmos regions staging-cosmos --automatic-failover on --yes
  [ "$code" -ne 0 ] || fail "the account was changed during the migration"
  ok simulator latency none
  ok simulator clock --advance 2h
  ok platform cosmos backup-policy show staging-cosmos
  expect_out "Continuous7Days"
  ok platform cosmos backup-policy set staging-cosmos --tier Continuous30Days --yes
  run azlin platform cosmos backup-policy set staging-cosmos --type Periodic --yes
  expect_code 2
  ok platform cosmos restorable list staging-cosmos -o json
  expect_json '.accounts | length == 1'
  # Points before the end of the migration are not there.
  run azlin platform cosmos restore staging-cosmos --at "$(hour_ago)" --to staging-two --yes
  expect_code 2
  expect_err "did not exist at"
}

# As Azure: the PUT answers at once, and the account is Initializing for a while.
test_a_restore_is_waited_for() {
  prepare
  ok platform cosmos restore prod-cosmos --at "$(hour_ago)" --to prod-two --dry-run -o json
  expect_json '.calls | length == 1'
  ok simulator latency realistic
  "$AZLIN" platform cosmos restore prod-cosmos --at "$(hour_ago)" --to prod-two --yes >.out 2>.err &
  wait_until "it says what it waits for" grep Initializing .err
  ok_of_clock --advance 40m
  wait $! || fail "it was not restored: $(cat .err)"
  grep -q "prod-two is there" .out || fail "it is not said to be there: $(cat .out)"
  ok platform cosmos backup-policy show prod-two
  expect_out "Continuous30Days"
  [ "$(cosmos GET prod-two/sqlDatabases/chat/containers | jq '.value | length')" = 2 ] || fail "not all containers are there"
  [ "$(cosmos GET prod-two | jq -r .properties.createMode)" = Restore ] || fail "it is no restore"
}

test_a_killed_restore_is_followed() {
  prepare
  ok simulator latency realistic
  local at
  at=$(hour_ago)
  "$AZLIN" platform cosmos restore prod-cosmos --at "$at" --to prod-two --yes >killed.out 2>&1 &
  local pid=$!
  wait_until "the restore has begun" is_in_state prod-two Initializing
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null
  ok recover
  expect_out cosmos.restore
  ok simulator clock --advance 2h
  ok platform cosmos restore prod-cosmos --at "$at" --to prod-two --yes
  run azlin platform cosmos restore prod-cosmos --at "$(date -u -d '-2 hours' +%FT%TZ)" --to prod-two --yes
  expect_code 2
  expect_err "not this restore"
}

test_parts_and_deleted_accounts_are_restored() {
  prepare
  ok platform cosmos restorable list prod-cosmos --at "$(hour_ago)" -o json
  expect_json '.resources == [{"database": "chat", "collections": (.resources[0].collections)}] and (.resources[0].collections | length == 2)'
  local one
  one=$(jq -r '.resources[0].collections[0]' <<<"$out")
  ok platform cosmos restore prod-cosmos --at "$(hour_ago)" --to prod-part --only "chat/$one" --yes
  [ "$(cosmos GET prod-part/sqlDatabases/chat/containers | jq -r '.value[].name')" = "$one" ] || fail "more than the part"
  run azlin platform cosmos restore prod-cosmos --at "$(hour_ago)" --to prod-none --only nothing --yes
  [ "$code" -ne 0 ] || fail "a database that was not there was restored"
  cosmos DELETE prod-cosmos >/dev/null
  ok platform cosmos restorable list prod-cosmos -o json
  expect_json '.accounts[0].deletedAt != null'
  ok platform cosmos restore prod-cosmos --at "$(hour_ago)" --to prod-back -g Production --yes
  expect_out "prod-back is there"
  run azlin platform cosmos restore nobody --at "$(hour_ago)" --to x-back -g Production --yes
  expect_code 3
  run azlin platform cosmos restore prod-cosmos --at "$(hour_ago)" --to prod-far -g Production -l westeurope --yes
  expect_code 2
  expect_err "had no data in westeurope"
}

test_regions_come_go_and_take_over() {
  prepare
  ok simulator latency demo
  ok platform cosmos regions staging-cosmos --add westus2 --yes
  run azlin platform cosmos regions staging-cosmos --add westus2 --yes
  expect_code 2
  ok platform cosmos regions staging-cosmos --automatic-failover on --yes
  expect_out "Automatic failover: on"
  ok platform cosmos failover staging-cosmos --to "West US 2" --yes -o json
  expect_json '.regions[] | select(.priority == 0) | .name == "West US 2"'
  run azlin platform cosmos failover staging-cosmos --to westus2 --yes
  expect_code 2
  expect_err "writes in westus2 already"
  # Refused before anything is asked or said about what would happen.
  for to in westus2 westeurope; do
    run azlin platform cosmos failover staging-cosmos --to $to
    expect_code 2
    reject_err "will write in"
    reject_err "--yes"
  done
  run azlin platform cosmos regions staging-cosmos --add westus2
  expect_code 2
  expect_err "is in westus2 already"
  for region in Mars westus99; do
    run azlin platform cosmos regions staging-cosmos --add $region
    expect_code 2
    expect_err "the subscription has no region"
  done
  run azlin platform storage backup vault create bv -g Production -l mars
  expect_code 2
  expect_err "the subscription has no region mars"
  run azlin platform cosmos regions staging-cosmos --remove westus2 --yes
  expect_code 2
  ok platform cosmos regions staging-cosmos --remove eastus --yes -o json
  expect_json '.regions | length == 1'
}

# The reply to the order is lost; the account tells that it was followed.
test_changes_whose_reply_was_lost_are_followed() {
  prepare
  ok simulator fault add --method POST --path '*/failoverPriorityChange*' --drop after --count 1
  ok platform cosmos failover prod-cosmos --to westus2 --yes -o json
  expect_json '.regions[] | select(.priority == 0) | .name == "West US 2"'
  ok simulator fault add --method POST --path '*/storageAccounts/prodstorage01/failover*' --drop after --count 1
  ok platform storage failover prodstorage01 --yes -o json
  expect_json '.sku == "Standard_LRS"'
  ok simulator fault add --method PATCH --path '*/staging-cosmos?*' --drop after --count 1
  ok platform cosmos regions staging-cosmos --add westus2 --yes
  ok simulator fault add --method PATCH --path '*/staging-cosmos?*' --drop after --count 1
  ok platform cosmos regions staging-cosmos --automatic-failover on --yes
  expect_out "Automatic failover: on"
  ok simulator fault add --method PATCH --path '*/stagingstorage01?*' --drop after --count 1
  ok platform storage replication set stagingstorage01 Standard_GRS --yes
  ok simulator fault add --method POST --path '*/startAccountMigration*' --drop after --count 1
  ok platform storage replication set prodstorage01 Standard_ZRS --migrate --yes
  ok platform storage backup vault create bv -g Production -l eastus
  ok platform storage backup policy create p30 --vault bv --operational-days 30
  ok simulator fault add --method POST --path '*/validateForBackup*' --drop after --count 1
  ok platform storage backup enable stagingstorage01 --vault bv --policy p30 --yes
  # Not begun at all: that is a failure, and nothing has changed.
  ok simulator fault add --method POST --path '*/failoverPriorityChange*' --drop before --count 1
  run azlin platform cosmos failover prod-cosmos --to eastus --yes
  expect_code 1
  ok platform cosmos regions prod-cosmos -o json
  expect_json '.regions[] | select(.priority == 0) | .name == "West US 2"'
}

run_tests "$@"
