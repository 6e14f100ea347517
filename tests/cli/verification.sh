# azlin backup verify, verify-all, verification-report: what is said, and with which exit code.
. "$(dirname "$0")/harness.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)

at() { ok simulator clock --set "$1"; }

# One backup of vm1; its name is in $name.
back_up() {
  ok backup configure vm1
  ok backup trigger vm1 -o json
  name=$(jq -r '.backup.name' <<<"$out")
}

spoil() { # OFFSET: bytes of the backup's OS disk go bad
  curl -fsS -X POST "$sim_url/_simulator/disk-writes" -H 'Content-Type: application/json' -d "{\"resource\":
    \"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute/snapshots/$name\",
    \"offset\": $1, \"length\": 512, \"fill\": \"x\"}" >/dev/null || fail "nothing was written"
}

test_verify_says_what_was_checked() {
  start_simulator
  back_up
  ok backup verify "$name"
  expect_out "Verifying backup $name..."
  expect_out "Creating test disk from snapshot...  ✓"
  expect_out "Verifying disk properties...          ✓"
  expect_match "  - Size matches: [0-9]+ GB"
  expect_out "  - Status: Ready"
  expect_out "  - Readable: Yes"
  expect_out "Deleting test disk...                 ✓"
  expect_out "✓ Backup verified successfully"
  expect_match "  Verification time: [0-9]+m [0-9]+s"
  expect_out "  Result: PASS - backup is restorable"
  ok backup list vm1
  expect_out "verified ✓"
  ok backup verify "$name" --level disk
  expect_out "Readable: Not checked (level disk)"
  ok backup verify "$name" --level full -o json
  expect_json '.success and .level == "full" and .disks[0].root != "" and .cleanupError == null'
}

test_a_damaged_backup_fails_with_exit_6_and_an_alert() {
  start_simulator
  back_up
  spoil 512
  run azlin backup verify "$name" --debug
  expect_code 6
  expect_out "✗ Backup verification failed"
  expect_out "Action required: Recreate backup"
  reject_err "sig="
  ok backup list vm1
  expect_out "FAILED"
  ok alert list
  expect_out "verification_failure"
  ok backup verification-report --vm vm1
  expect_out "  Success rate: 0% (0/1 passed)"
  expect_out "Failed Verifications:"
  expect_out "  $name"
  expect_out "    Action required: Recreate backup"
}

test_verify_all_takes_what_is_due_only() {
  start_simulator
  back_up
  ok backup trigger vm1
  ok backup verify-all vm1
  expect_out "Found 2 unverified backups for vm1"
  expect_out "Verifying in parallel (max 2):"
  expect_match '  \[2/2\] (monthly|weekly|daily)-[0-9-]+  ✓  [0-9]+m [0-9]+s'
  expect_out "✓ All verifications complete (2/2 passed)"
  expect_out "  Success rate: 100%"
  ok backup verify-all vm1
  expect_out "✓ Nothing is due"
  ok backup verify-all --all --reverify --level disk -o json
  expect_json '.passed == 2 and .failed == 0 and all(.results[]; .level == "disk")'
}

test_verify_all_goes_on_after_a_bad_one() {
  start_simulator
  back_up
  ok backup trigger vm1
  spoil 512
  run azlin backup verify-all vm1 -o json
  expect_code 6
  expect_json '.passed == 1 and .failed == 1 and (.results | length) == 2'
}

test_a_report_without_data_says_so() {
  start_simulator
  ok backup verification-report
  expect_out "Backup Verification Report (Last 7 Days)"
  back_up
  ok backup verification-report --days 30
  expect_out "  Success rate: no data"
  expect_out "    $name  never verified"
  ok backup verification-report -o json
  expect_json '.overall.successRate == null and .overall.totalBackups == 1'
  for days in 0 -3 x; do
    run azlin backup verification-report --days "$days"
    expect_code 2
  done
}

test_a_row_of_the_first_schema_makes_no_namesake() {
  start_simulator
  back_up
  ok backup verify "$name" --level disk
  sqlite3 "$AZLIN_HOME/verification.db" "INSERT INTO verifications (backup_name, vm_name, verified_at, success)
    VALUES ('vm1-old', 'vm1', strftime('%Y-%m-%dT%H:%M:%SZ', '2026-11-20 07:00:00'), 1)"
  ok backup verification-report --days 36500
  [ "$(grep -c '^VM: vm1$' <<<"$out")" = 2 ] || fail "not by name alone: $out"
}

test_a_report_counts_only_what_its_days_hold() {
  start_simulator
  at 2026-11-20T08:00:00Z
  back_up
  ok backup verify "$name" --level disk
  at 2026-11-26T08:00:00Z
  ok backup verification-report -o json
  expect_json '.overall.checked == 1 and .overall.successRate == 100'
  at 2026-11-28T08:00:00Z
  ok backup verification-report -o json
  expect_json '.overall.checked == 0 and .overall.successRate == null and .overall.totalBackups == 1'
  expect_json '.vms[0].unverified[0].backup == "'"$name"'"'
  ok backup verification-report --days 9 -o json
  expect_json '.overall.checked == 1'
}

test_a_backup_and_its_replica_are_verified_each_in_its_region() {
  start_simulator
  back_up
  ok backup replicate "$name" --target-region westus2
  ok backup verify "$name" -o json
  expect_json '.region == "eastus" and (.replica | not)'
  ok backup verify-all vm1 --region westus2 -o json
  expect_json '.passed == 1 and .results[0].region == "westus2" and .results[0].replica'
  ok backup verification-report --vm vm1 -o json
  expect_json '.overall.successRate == 100 and .overall.totalBackups == 1'
  ok backup verification-report --vm prod-db-vm -o json
  expect_json '.overall.successRate == null and .overall.totalBackups == 0'
}

# Keys of replicas once were VM:BACKUP@REGION, without group and scope.
test_an_open_alert_about_a_replica_closes_after_an_upgrade() {
  start_simulator
  back_up
  ok backup replicate "$name" --target-region westus2
  ok simulator fault add --method PUT --path '*/disks/*' --status 400 --code Broken --count -1
  run azlin backup verify "$name" --region westus2 --level disk
  [ "$code" -ne 0 ] || fail "verified"
  ok simulator fault clear
  ok alert list -o json
  expect_json '.alerts | length == 1'
  sqlite3 "$AZLIN_HOME/alerts.db" "UPDATE alerts SET key = 'verification_failure:vm1:$name@westus2'"
  ok backup verify "$name" --region westus2 --level disk
  ok alert list -o json
  expect_json '.alerts == []'
}

test_a_list_that_fails_is_an_error_and_not_nothing() {
  start_simulator
  back_up
  ok simulator fault add --method GET --path '*/snapshots*' --status 400 --code Broken --count -1
  for which in vm1 --all; do
    run azlin backup verify-all $which
    expect_code 1
    expect_err Broken
  done
}

test_what_is_not_there_and_what_is_asked_wrongly() {
  start_simulator
  back_up
  run azlin backup verify nothing-like-it
  expect_code 3
  run azlin backup verify "$name" --region westus2
  expect_code 3
  expect_err "no replica in westus2"
  run azlin backup verify "$name" --level deep
  expect_code 2
  run azlin backup verify-all
  expect_code 2
}

test_a_dry_run_makes_no_disk() {
  start_simulator
  back_up
  ok backup verify "$name" --dry-run
  expect_out "PUT /subscriptions/"
  expect_out "/beginGetAccess"
  ok backup verification-report -o json
  expect_json '.vms[0].checked == 0'
}

# What failed at a level is verified again at that level, whatever is asked: it is said, and shown beforehand.
test_a_level_that_failed_before_is_taken_again() {
  start_simulator
  back_up
  spoil 512
  run azlin backup verify "$name"
  expect_code 6
  for which in "verify $name" "verify-all vm1 --reverify"; do
    ok backup $which --level disk --dry-run
    expect_out "/beginGetAccess"
    expect_err "$name: it failed at level content before"
  done
  run azlin backup verify-all vm1 --reverify --level disk -o json
  expect_code 6
  expect_err "$name: it failed at level content before"
  expect_json '.results[0].levelAsked == "content"'
}

test_a_killed_verification_is_cleaned_up_by_recover() {
  start_simulator
  back_up
  ok simulator fault add --method DELETE --path '*/disks/azlin-verify-*' --delay 50s
  "$AZLIN" backup verify "$name" --level disk >"$work/verify.out" 2>&1 &
  local pid=$!
  until grep -qs "deleting the test disk" "$work/verify.out"; do kill -0 $pid || fail "$(cat "$work/verify.out")"; done
  kill -9 $pid
  wait $pid 2>/dev/null
  ok simulator fault clear
  run azlin recover
  expect_code 0
  expect_out "deleted test disk azlin-verify-"
  ok recover
  expect_out "✓ Nothing to recover"
  ok backup verify "$name"
}

# grant_all_but ACTION: the custom role of docs/security.md, without one action.
grant_all_but() {
  sed -n '/^```json$/,/^```$/{/^```/!p}' "$top/docs/security.md" |
    jq --arg no "$1" '{grants: [{principal: "*", scope: "/", actions: (.Actions - [$no])}]}' |
    curl -fsS -X PUT -H 'Content-Type: application/json' -d @- "$sim_url/_simulator/grants" >/dev/null || fail "no role"
}

# Without a right that the check needs it ends at once with exit 5; what could not be undone is exit 4, and named.
test_a_lacking_permission_is_told_at_once() {
  start_simulator
  back_up
  for action in Compute/snapshots/beginGetAccess/action Compute/disks/write Compute/locations/diskOperations/read \
    Resources/tags/write; do
    grant_all_but "Microsoft.$action"
    run timeout 300 "$AZLIN" backup verify "$name"
    expect_code 5
    [[ "$out$err" == *"AuthorizationFailed"* ]] || fail "the reason is not told: $out$err"
    grant_all_but none
    ok recover
  done
  grant_all_but Microsoft.Compute/snapshots/endGetAccess/action
  run timeout 300 "$AZLIN" backup verify "$name"
  expect_code 4
  expect_err "is not revoked"
  grant_all_but none
  ok recover
}

run_tests "$@"
