# azlin backup replicate…, as a user types them; and what is left by kill -9 and by two at once.
. "$(dirname "$0")/harness.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)

# latency PROFILE: how long copies take from now on.
latency() { ok simulator latency "$1"; }
target_puts() { azlin simulator requests -o json 2>/dev/null | jq '[.requests[] | select(.method == "PUT" and (.path | test("-westus2")))] | length'; }
back_up() {
  ok backup trigger "$1" -o json
  backup=$(jq -r .backup.name <<<"$out")
}

test_replicate_prints_what_goes_where_and_waits() {
  start_simulator
  ok backup configure vm1
  back_up vm1
  ok backup replicate "$backup" --target-region westus2
  expect_out "Replicating backup to westus2..."
  expect_out "  Source: $backup (eastus)"
  expect_out "  Target: $backup-westus2 (westus2)"
  expect_out "Replication started (job ID: 1)"
  expect_out "✓ Replication complete"
  ok backup list vm1
  expect_out "replicated ✓"
  ok backup replicate "$backup" --target-region westus2 -o json
  expect_json '.status == "completed" and .copies[0].adopted'
  [ "$(target_puts)" -eq "$(jq '.copies | length' <<<"$out")" ] || fail "a copy was made twice"
}

test_no_wait_is_followed_by_the_next_command() {
  start_simulator sample
  latency realistic
  ok backup configure vm1
  back_up vm1
  ok backup replicate "$backup" --target-region westus2 --no-wait
  expect_out "Track progress: azlin backup replication-status vm1"
  ok backup replication-jobs --status in_progress -o json
  expect_json '.jobs | length == 1 and .[0].percent < 100'
  ok simulator clock --advance 3h
  ok backup replication-status vm1
  expect_out "Completed (1):"
  expect_out "(no failed replications)"
  expect_out "RPO in westus2: "
}

test_trigger_queues_for_a_target_region() {
  start_simulator
  ok backup configure prod-db-vm --cross-region --target-region westus2
  ok backup trigger prod-db-vm
  expect_out "  Cross-region replication: queued → westus2 (job 1)"
  ok backup trigger --all -o json
  expect_json '.results[0].replication == {job: 2, targetRegion: "westus2", targetSnapshot: (.results[0].backup + "-westus2")}'
  ok backup replication-status prod-db-vm -o json
  expect_json '[.jobs[].status] == ["completed", "completed"]'
}

test_replicate_all_copies_what_is_missing_in_order() {
  start_simulator
  ok backup configure vm1
  for _ in 1 2 3; do back_up vm1; done
  ok backup replicate-all vm1 --target-region westus2 --max-parallel 3 --dry-run
  expect_out "Dry run: nothing was changed"
  ok backup replicate-all vm1 --target-region westus2 --max-parallel 3
  expect_out "Found 3 unreplicated backups for vm1"
  expect_out "✓ All replications complete (3/3 succeeded)"
  ok backup replicate-all vm1 --target-region westus2
  expect_out "No unreplicated backups for vm1"
  ok backup replication-jobs -o json
  expect_json '[.jobs[].id] == [3, 2, 1]'
}

test_bad_input_is_refused_before_any_call() {
  start_simulator
  for arguments in "replicate '' --target-region westus2" "replicate x --target-region ''" "replicate x" \
    "replicate x --target-region no-where!" "replicate x --target-region westus2 --max-parallel 0" \
    "replicate-all vm1 --target-region westus2 --max-parallel -1" "replicate-all --target-region westus2" \
    "replication-jobs --status lost" "replication-status vm1 --stalled-after soon"; do
    eval "run azlin backup $arguments"
    expect_code 2
  done
  [ "$(target_puts)" -eq 0 ] || fail "something was copied"
  ok backup replication-jobs -o json
  expect_json '.jobs == []'
  local word
  for word in 99999999999999999999 9223372036854775807 -1 0 1e3 ""; do
    run azlin backup replication-cancel -- "$word"
    expect_code 2
    expect_err "is no id"
  done
  run azlin backup replication-cancel 99
  expect_code 3
  expect_err "job 99 not found"
}

test_a_region_that_azure_does_not_have_is_refused() {
  start_simulator
  ok backup configure vm1
  back_up vm1
  for what in "replicate $backup" "replicate-all vm1" "replicate-all --all --no-wait" "replicate-all --all --dry-run"; do
    eval "run azlin backup $what --target-region mars"
    expect_code 2
    expect_err "mars"
  done
  ok backup replication-jobs -o json
  expect_json '.jobs == []'
}

# The subscription's regions cannot be read with it.
test_the_role_of_the_documentation_is_enough() {
  start_simulator
  sed -n '/^```json$/,/^```$/{/^```/!p}' "$top/docs/security.md" |
    jq '{grants: [{principal: "*", scope: "/", actions: .Actions}]}' |
    curl -fsS -X PUT -H 'Content-Type: application/json' -d @- "$sim_url/_simulator/grants" >/dev/null || fail "no role"
  ok backup configure vm1 --cross-region --target-region westus2
  ok backup trigger vm1 -o json
  backup=$(jq -r .backup.name <<<"$out")
  ok backup replicate "$backup" --target-region centralus
  ok backup verify-all vm1 --region westus2
  ok backup replication-status vm1 -o json
  expect_json '[.jobs[].status] == ["completed", "completed"]'
}

test_a_region_that_has_it_already_is_refused() {
  start_simulator
  ok backup configure vm1
  back_up vm1
  run azlin backup replicate "$backup" --target-region eastus
  expect_code 2
  expect_err "$backup is in eastus already"
  ok backup replication-jobs -o json
  expect_json '.jobs == []'
}

test_nothing_to_copy_is_no_error() {
  start_simulator
  ok backup replicate-all vm1 --target-region westus2 -o json
  expect_json '.found == 0 and .jobs == []'
  ok backup replicate-all --all --target-region westus2 --max-parallel 100
  expect_out "No unreplicated backups for all VMs"
  ok backup replication-status vm1 -o json
  expect_json '.jobs == []'
}

test_each_job_is_kept_and_the_newest_is_first() {
  start_simulator
  ok backup configure vm1
  back_up vm1
  ok backup replicate "$backup" --target-region westus2
  back_up vm1
  ok simulator fault add --method PUT --path '*-westus2*' --status 403 --code QuotaExceeded --count 1
  run azlin backup replicate "$backup" --target-region westus2 -o json
  expect_code 1
  expect_json '.status == "failed" and (.error | contains("QuotaExceeded"))'
  ok backup replicate "$backup" --target-region westus2
  ok backup replication-jobs -o json
  expect_json '[.jobs[] | [.id, .status]] == [[3, "completed"], [2, "failed"], [1, "completed"]]'
  ok backup replication-jobs --status failed -o json
  expect_json '[.jobs[].id] == [2]'
  ok backup replication-jobs --status completed --vm vm1 -o json
  expect_json '[.jobs[].id] == [3, 1]'
  ok backup list vm1 -o json
  expect_json 'all(.backups[]; .replicated)'
}

test_a_failed_copy_fails_the_command_and_raises_an_alert() {
  start_simulator
  ok backup configure vm1
  back_up vm1
  ok simulator fault add --method PUT --path '*-westus2*' --status 403 --code QuotaExceeded --count -1
  run azlin backup replicate "$backup" --target-region westus2
  expect_code 1
  expect_out "✗ Replication failed:"
  ok alert list -o json
  expect_json '[.alerts[] | select(.rule == "replication_failure")] | length == 1'
  ok simulator fault clear
  ok backup replicate "$backup" --target-region westus2
  ok alert list -o json
  expect_json '[.alerts[] | select(.rule == "replication_failure" and .resolvedAt == null)] | length == 0'
}

test_a_stalled_copy_says_what_to_do_and_cancel_deletes_it() {
  start_simulator
  latency realistic
  ok backup configure vm1
  back_up vm1
  ok backup replicate "$backup" --target-region westus2 --no-wait
  ok simulator fault add --region-down eastus # copies out of it wait, at last at 99.9 %
  ok simulator clock --advance 24h
  ok backup replication-status vm1
  ok simulator clock --advance 20m
  ok backup replication-status vm1 -o json
  expect_json '.jobs[0].stalled | not'
  ok simulator clock --advance 15m
  run azlin backup replication-status vm1
  expect_code 6
  expect_err "has made no progress for"
  ok backup replication-status vm1 --stalled-after 2h
  run azlin backup replication-jobs -o json
  expect_code 6
  expect_json '.jobs[0].stalled'
  ok simulator fault add --region-up eastus
  ok backup replication-cancel 1
  expect_out "✓ Job 1 cancelled: $backup → westus2"
  expect_out "Deleted the unfinished copy $backup-westus2"
  ok backup replication-jobs --status failed -o json
  expect_json '.jobs[0].error == "cancelled"'
  ok backup list vm1 -o json
  expect_json '.backups[0].replicas == []'
}

test_kill_9_during_a_copy_is_made_good_by_the_next_command() {
  start_simulator
  ok backup configure vm1
  back_up vm1
  latency realistic
  "$AZLIN" backup replicate "$backup" --target-region westus2 >/dev/null 2>&1 &
  local pid=$!
  a_copy_began() { [ "$(target_puts)" -ge 1 ]; }
  wait_until "a copy has begun" a_copy_began
  kill -9 "$pid"
  wait "$pid" 2>/dev/null
  ok simulator clock --advance 3h
  ok recover
  expect_out "backup.replicate on vm1"
  ok backup replication-jobs -o json
  expect_json '.jobs | length == 1 and .[0].status == "completed"'
}

test_two_at_once_make_one_copy_a_snapshot() {
  start_simulator
  ok backup configure prod-db-vm
  for _ in 1 2 3; do back_up prod-db-vm; done
  local disks
  ok backup list prod-db-vm -o json
  disks=$(jq '[.backups[].disks] | add' <<<"$out")
  latency demo
  "$AZLIN" backup replicate-all prod-db-vm --target-region westus2 >one 2>&1 &
  local one=$!
  "$AZLIN" backup replicate-all prod-db-vm --target-region westus2 >two 2>&1 &
  local two=$!
  wait "$one" || fail "the first failed: $(cat one)"
  wait "$two" || fail "the second failed: $(cat two)"
  [ "$(target_puts)" -eq "$disks" ] || fail "$(target_puts) copies of $disks snapshots"
}

test_a_source_region_that_is_down_leaves_its_replica_usable() {
  start_simulator
  ok backup configure vm1
  back_up vm1
  ok backup replicate "$backup" --target-region westus2
  ok simulator fault add --region-down eastus
  run azlin backup list vm1
  expect_code 4
  expect_out "$backup"
  expect_out "replica, westus2"
  expect_err "1 set is not readable: region eastus does not answer ($backup)"
  run azlin backup list vm1 -o json
  expect_json '.unreadable[0].region == "eastus" and .backups[0].unreadableIn == ["eastus"] and (.backups[0].replicas[0].complete)'
  run azlin backup restore vm1 --backup "$backup" --new-vm vm1-dr --dry-run
  reject_err "region eastus does not answer:"
  run azlin backup cleanup vm1
  expect_code 1
  run azlin backup delete "$backup" --force --yes
  expect_code 1
  expect_err "eastus"
  ok backup verify "$backup" --level disk
  ok simulator fault add --region-up eastus
  ok backup list vm1
}

test_state_rebuild_finds_replicas_by_their_tags() {
  start_simulator
  ok backup configure vm1 --cross-region --target-region westus2
  ok backup trigger vm1
  ok backup replication-status vm1
  rm -f "$AZLIN_HOME"/replication.db*
  ok state rebuild
  expect_out "replication.db: 1 replica added, 0 known already"
  ok backup replication-jobs -o json
  expect_json '.jobs[0].status == "completed" and .jobs[0].note == "found in Azure"'
}

run_tests "$@"
