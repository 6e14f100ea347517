# azlin backup: configure, trigger, list, cleanup, hold, delete, forecast, as a user types them.
. "$(dirname "$0")/harness.sh"

# clock TIME: moves the simulator's clock; azlin is told the same time by the services it talks to.
at() { ok simulator clock --set "$1"; }

test_configure_shows_and_stores_the_schedule() {
  start_simulator
  ok backup configure prod-db-vm --daily-retention 7 --weekly-retention 4 --monthly-retention 12 --cross-region --target-region westus2
  expect_out "✓ Backup schedule configured for prod-db-vm"
  expect_out "  Daily retention: 7 days"
  expect_out "  Cross-region replication: enabled → westus2"
  expect_out "Configuration saved to VM tags (azlin:backup-schedule)"
  ok backup config-show prod-db-vm -o json
  expect_json '.schedule == {enabled:true,dailyRetention:7,weeklyRetention:4,monthlyRetention:12,weeklyEnabled:true,monthlyEnabled:true,crossRegion:true,targetRegion:"westus2"}'
}

test_configure_again_keeps_what_is_not_stated() {
  start_simulator
  ok backup configure vm1 --daily-retention 5 --no-monthly
  ok backup configure vm1 --weekly-retention 2
  ok backup config-show vm1 -o json
  expect_json '.schedule | .dailyRetention == 5 and .weeklyRetention == 2 and .monthlyRetention == 12 and (.monthlyEnabled | not)'
}

test_configure_refuses_bad_input_and_writes_nothing() {
  start_simulator
  for flags in "--daily-retention 0" "--weekly-retention -1" "--cross-region" "--target-region eastus --cross-region" \
    "--cross-region --no-cross-region" "--target-region nowhere! --cross-region" "--target-region marsus2 --cross-region" "--daily-retention x" "--daily-retention 501"; do
    # shellcheck disable=SC2086
    run azlin backup configure vm1 $flags
    expect_code 2
    [ -n "$err" ] || fail "no message for $flags"
  done
  run azlin backup config-show vm1
  expect_code 3
  expect_err "no backups are configured for vm1"
}

test_dry_run_of_configure_changes_nothing() {
  start_simulator
  ok backup configure vm1 --dry-run
  expect_out "PATCH /subscriptions/"
  run azlin backup config-show vm1
  expect_code 3
}

test_trigger_backs_up_all_disks_and_list_shows_it() {
  start_simulator
  ok backup configure prod-db-vm
  ok backup trigger prod-db-vm
  expect_out "Creating backup for prod-db-vm..."
  expect_out "Retention tier: monthly (12 months)"
  expect_out "✓ Backup created successfully"
  ok backup list prod-db-vm
  expect_out "Backups for prod-db-vm (1 total):"
  expect_out "Monthly (1):"
  ok backup list prod-db-vm -o json
  expect_json '.total == 1 and .backups[0].complete and .backups[0].disks == 3 and .backups[0].tier == "monthly"'
  ok backup list prod-db-vm -o csv
  [ "$(wc -l <<<"$out")" -eq 2 ] || fail "CSV has $(wc -l <<<"$out") lines"
  ok operations list -o json
  expect_json '.operations[0] | .kind == "backup.trigger" and .state == "succeeded"'
}

test_second_trigger_of_a_day_is_a_daily_and_tier_overrides() {
  start_simulator
  ok backup configure vm1
  ok backup trigger vm1 -o json
  expect_json '.backup.tier == "monthly"'
  ok backup trigger vm1 -o json
  expect_json '.backup.tier == "daily"'
  ok backup trigger vm1 --tier weekly -o json
  expect_json '.backup.tier == "weekly"'
  ok backup list vm1 --tier weekly -o json
  expect_json '.total == 1'
}

test_trigger_without_a_schedule_or_disabled_makes_no_snapshot() {
  start_simulator
  run azlin backup trigger vm1
  expect_code 1
  ok backup configure vm1
  ok backup disable vm1
  run azlin backup trigger vm1
  expect_code 1
  ok backup list vm1 -o json
  expect_json '.total == 0'
  ok alert list -o json
  expect_json '.alerts == []' # nothing failed: the operator wants none
}

test_a_lock_is_named_and_is_not_called_busy() {
  start_simulator
  ok backup configure vm1
  token=$(curl -s -H Metadata:true "$sim_url/metadata/identity/oauth2/token?resource=https://management.azure.com&api-version=2018-02-01" | jq -r .access_token)
  curl -s -X PUT -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"properties":{"level":"ReadOnly"}}' \
    "$sim_url/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Authorization/locks/frozen?api-version=2016-09-01" >lock.json
  run azlin backup trigger vm1
  expect_code 1
  expect_err ScopeLocked
  expect_err frozen
  reject_err "is busy"
}

test_a_deletion_that_removed_nothing_is_exit_1() {
  start_simulator
  ok backup configure vm1
  ok backup trigger vm1 -o json
  name=$(jq -r .backup.name <<<"$out")
  ok simulator fault add --method DELETE --path '*/snapshots/*' --status 409 --code Conflict --count -1
  run azlin backup delete "$name" --yes --force
  expect_code 1
  expect_out "✗ Nothing was deleted of $name"
}

test_dry_run_of_trigger_names_the_copies() {
  start_simulator
  ok backup configure vm1 --cross-region --target-region westus2
  ok backup trigger vm1 --dry-run
  expect_match "PUT .*-westus2"
  expect_out "CopyStart of vm1-backup-monthly-"
  ok backup trigger --all --dry-run
  expect_match "PUT .*-westus2"
}

test_unknown_vm_gets_a_suggestion() {
  start_simulator
  run azlin backup trigger prod-db-mv
  expect_code 3
  expect_err "did you mean prod-db-vm"
  run azlin backup trigger 'bad/name'
  expect_code 2
  run azlin backup list vm1 -g no-such-group
  [ "$code" -ne 0 ] || fail "a missing group gave exit 0"
}

test_trigger_all_reports_each_vm() {
  start_simulator
  for vm in vm1 my-vm staging-vm; do ok backup configure "$vm"; done
  ok backup trigger --all -o json
  expect_json '.succeeded == 3 and .failed == 0'
  ok backup trigger --due -o json
  expect_json '.notDue == 3'
}

test_trigger_all_with_one_failure_is_exit_4() {
  start_simulator
  for vm in vm1 my-vm; do ok backup configure "$vm"; done
  ok simulator fault add --method PUT --path '*/snapshots/my-vm-*' --status 403 --code AuthorizationFailed --message "no" --count -1
  run azlin backup trigger --all -o json
  expect_code 4
  expect_json '.succeeded == 1 and .failed == 1'
}

test_a_failed_snapshot_leaves_nothing_behind() {
  start_simulator
  ok backup configure prod-db-vm
  ok simulator fault add --method PUT --path '*/snapshots/*-lun1*' --status 409 --code OperationNotAllowed --message "quota" --count -1
  run azlin backup trigger prod-db-vm
  expect_code 1
  expect_err "quota"
  run curl -fsS "$sim_url/_simulator/state"
  expect_json '[to_entries[] | select(.key | test("snapshots"; "i")) | .value[]] | length == 0'
}

test_a_failed_backup_raises_an_alert_and_the_next_good_one_resolves_it() {
  start_simulator
  ok backup configure vm1
  ok simulator fault add --method PUT --path '*/snapshots/*' --status 403 --code AuthorizationFailed --message no --count 1
  run azlin backup trigger vm1
  expect_code 5
  ok alert list -o json
  expect_json '[.. | strings | select(. == "backup_failure")] | length > 0'
  ok backup trigger vm1
  ok alert list -o json
  expect_json '[.alerts[]? | select(.state == "open")] | length == 0'
}

test_cleanup_dry_run_gives_a_reason_for_each() {
  start_simulator
  ok backup configure vm1
  ok backup trigger vm1
  ok backup cleanup vm1 --dry-run
  expect_match "keep +vm1-backup-monthly-.*"
  ok backup cleanup vm1
  expect_out "deleted 0 backups"
}

test_cleanup_judges_the_tiers_apart_and_counts_each() {
  start_simulator
  at 2026-11-22T08:00:00Z
  ok backup configure vm1 --daily-retention 7 --weekly-retention 2 --monthly-retention 12
  for tier in daily daily weekly monthly; do ok backup trigger vm1 --tier "$tier" --no-cleanup; done
  at 2026-12-04T09:00:00Z # the dailies are over, the weekly is not
  ok backup trigger vm1 --tier daily --no-cleanup
  ok backup cleanup vm1 --yes
  expect_out "✓ vm1: deleted 2 backups (daily: 2, weekly: 0, monthly: 0)"
  at 2026-12-07T09:00:00Z
  ok backup cleanup vm1 --yes -o json
  expect_json '.results[0].deleted | length == 1'
  ok backup list vm1 -o json
  expect_json '[.backups[].tier] | sort == ["daily", "monthly"]'
}

test_a_lost_reply_or_an_interrupt_leaves_no_lease() {
  start_simulator
  local id=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/vm1
  local auth
  auth="Authorization: Bearer $(curl -fsS -X POST "$sim_url/_simulator/token" | jq -r .token)"
  lease() { curl -fsS -H "$auth" "$sim_url$id?api-version=2023-09-01" | jq -r '.tags | if type != "object" then "no answer" else .["azlin:lease"] // "none" end'; }
  ok backup configure vm1
  ok simulator fault add --method PATCH --path '*/virtualMachines/vm1*' --drop after --count -1
  run azlin backup trigger vm1
  expect_code 1
  ok simulator fault clear
  [ "$(lease)" = none ] || fail "left: $(lease)"
  # The answer to the write of the lease comes late: SIGTERM meanwhile.
  ok simulator fault add --method PATCH --path '*/virtualMachines/vm1?*' --delay 20s --count 1
  "$AZLIN" backup trigger vm1 >/dev/null 2>&1 &
  local azlin=$!
  begun_or_gone() {
    "$AZLIN" operations list --limit 1 2>/dev/null | grep running && return
    ! kill -0 "$azlin" 2>/dev/null
  }
  wait_until "the backup has begun" begun_or_gone
  kill -TERM "$azlin"
  code=0
  wait "$azlin" || code=$?
  expect_code 130
  [ "$(lease)" = none ] || fail "left: $(lease)"
}

test_a_lease_that_was_not_taken_back_is_taken_off_by_recover() {
  start_simulator
  local id=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/vm1
  local auth
  auth="Authorization: Bearer $(curl -fsS -X POST "$sim_url/_simulator/token" | jq -r .token)"
  lease() { curl -fsS -H "$auth" "$sim_url$id?api-version=2023-09-01" | jq -r '.tags | if type != "object" then "no answer" else .["azlin:lease"] // "none" end'; }
  ok backup configure vm1
  ok simulator fault add --method PATCH --path '*/vm1/providers/Microsoft.Resources/tags/default*' --status 403 --code AuthorizationFailed --count -1
  run azlin backup trigger vm1
  [ "$(lease)" != none ] || fail "it was given back"
  run azlin recover
  expect_code 4
  expect_out "✗ the lease of VM vm1"
  ok simulator fault clear
  AZLIN_HOME="$work/other" run azlin recover
  expect_out "Nothing to recover" # it is not another machine's business
  [ "$(lease)" != none ] || fail "another machine took it off"
  ok recover
  expect_out "took the lease off VM vm1"
  [ "$(lease)" = none ] || fail "left: $(lease)"
  ok recover -o json
  expect_json '.leases == []'
}

test_hold_delete_and_the_newest_is_refused() {
  start_simulator
  ok backup configure vm1
  ok backup trigger vm1 -o json
  name=$(jq -r .backup.name <<<"$out")
  run azlin backup delete "$name" --yes
  expect_code 1
  ok backup hold "$name" --reason "case 4711"
  run azlin backup delete "$name" --yes --force
  expect_code 1
  expect_err hold
  ok backup hold "$name" --release
  run azlin backup delete "$name" --force
  expect_code 2
  expect_err "--yes"
  ok backup delete "$name" --yes --force
  ok backup list vm1 -o json
  expect_json '.total == 0'
}

test_forecast_names_points_and_reasons() {
  start_simulator
  ok backup configure vm1
  ok backup trigger vm1
  ok backup forecast vm1 --on "$(date -u -d '+60 days' +%F)" -o json
  expect_json '.points | length > 7'
  run azlin backup forecast vm1 --on 2001-01-01
  expect_code 2
  run azlin backup forecast vm1 --on someday
  expect_code 2
}

test_a_tag_that_cannot_be_read_stops_every_deletion() {
  start_simulator
  id=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/vm1
  token=$(curl -fsS -H 'Metadata: true' "$sim_url/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/" | jq -r .access_token)
  curl -fsS -X PATCH -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{"operation":"Merge","properties":{"tags":{"azlin:backup-schedule":"{\"v\":1,\"on\":tru"}}}' \
    "$sim_url$id/providers/Microsoft.Resources/tags/default?api-version=2021-04-01" >/dev/null || fail "could not write the tag"
  run azlin backup cleanup vm1
  expect_code 1
  expect_err vm1
  expect_err azlin:backup-schedule
  run azlin backup configure vm1
  [ "$code" -ne 0 ] || fail "configure replaced an unreadable tag without --replace"
  ok backup configure vm1 --replace
}

test_the_long_form_of_the_tag_is_read() {
  start_simulator
  id=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/vm1
  token=$(curl -fsS -H 'Metadata: true' "$sim_url/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/" | jq -r .access_token)
  curl -fsS -X PATCH -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{"operation":"Merge","properties":{"tags":{"azlin:backup-schedule":"{\"enabled\": true, \"daily_retention\": 3, \"cross_region_enabled\": false}"}}}' \
    "$sim_url$id/providers/Microsoft.Resources/tags/default?api-version=2021-04-01" >/dev/null || fail "could not write the tag"
  ok backup config-show vm1 -o json
  expect_json '.schedule.dailyRetention == 3 and .schedule.weeklyRetention == 4'
}

test_an_expired_or_malformed_token_is_exit_5() {
  start_simulator
  export AZLIN_ACCESS_TOKEN=not-a-token
  run azlin backup list vm1
  expect_code 5
  reject_err not-a-token
}

test_a_home_that_cannot_be_written_and_a_newer_database_are_clear_errors() {
  start_simulator
  ok backup configure vm1
  sqlite3 "$AZLIN_HOME/operations.db" 'PRAGMA user_version = 99'
  run azlin backup trigger vm1
  expect_code 1
  expect_err "operations.db"
  export AZLIN_HOME=/proc/azlin
  run azlin backup trigger vm1
  expect_code 1
  expect_err "/proc/azlin"
}

run_tests "$@"
