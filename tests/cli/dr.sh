# azlin dr, as a user types it.
. "$(dirname "$0")/harness.sh"

sim_call() { # METHOD PATH [BODY]
  local token
  token=$(curl -fsS -X POST "$sim_url/_simulator/token" -d '{}' | jq -r .token)
  curl -fsS -X "$1" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    ${3:+-d "$3"} "$sim_url$2?api-version=2023-10-02"
}

state_ids() { curl -fsS "$sim_url/_simulator/state" | jq -S .; }

# A copy of every snapshot of the backup in westus2, as `backup replicate` makes it.
copy_to_westus2() {
  local snapshots=/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Compute/snapshots
  sim_call GET "$snapshots" | jq -c --arg set "$name" '.value[] | select(.tags["azlin:set"] == $set)' >snaps.json
  while read -r snap; do
    body=$(jq -c '{location: "westus2", tags: (.tags + {"azlin:replica-of": ("eastus/production/" + .name)}),
      properties: {incremental: true, osType: .properties.osType, hyperVGeneration: .properties.hyperVGeneration,
        securityProfile: .properties.securityProfile,
        creationData: {createOption: "CopyStart", sourceResourceId: .id}}}
      | .properties |= with_entries(select(.value != null))' <<<"$snap")
    sim_call PUT "$(jq -r .id <<<"$snap")-westus2" "$body" >/dev/null || fail "cannot copy"
  done <snaps.json
}

replicated() {
  start_simulator
  ok backup configure prod-db-vm
  ok backup trigger prod-db-vm -o json
  name=$(jq -r .backup.name <<<"$out")
  copy_to_westus2
  before=$(state_ids)
}

disk_of_the_drill() { state_ids | grep 'prod-db-vm-dr-test-.*-os'; }
nothing_left() { [ "$before" = "$(state_ids)" ] || fail "something is left: $(diff <(echo "$before") <(state_ids))"; }

test_a_drill_reads_as_in_the_guide() {
  replicated
  ok dr test prod-db-vm --test-region westus2
  expect_out "Starting DR test for prod-db-vm..."
  expect_out "  Backup: $name"
  expect_out "  Test region: westus2"
  expect_match "Test VM: prod-db-vm-dr-test-[0-9]{8}"
  expect_match "^Phase 1: Restore backup to test VM\.\.\. +✓  [0-9]+m [0-9]{2}s"
  expect_match "^Phase 2: Verify VM boots successfully\.\.\. +✓"
  expect_match "^Phase 3: Verify SSH connectivity\.\.\. +✓"
  expect_match "^Phase 4: Cleanup test resources\.\.\. +✓"
  expect_out "✓ DR test PASSED"
  expect_out "RTO (Recovery Time Objective): "
  expect_out "Target: <15 minutes ✓"
  expect_out "    - Connectivity: SUCCESS"
  expect_out "0 left"
  nothing_left
}

test_a_drill_as_json() {
  replicated
  ok dr test prod-db-vm --test-region "West US 2" --backup "$name" --verify-command true -o json
  expect_json '.success and .verdict == "passed" and .testRegion == "westus2" and (.rtoSeconds != null)'
  expect_json '[.phases[].name] == ["restore", "boot", "connectivity", "command", "cleanup"]'
  expect_json '[.phases[].outcome] | unique == ["passed"]'
  nothing_left
}

test_no_copy_in_the_region_says_replicate_first() {
  replicated
  run azlin dr test prod-db-vm --test-region northeurope
  expect_code 3
  expect_err "replicate first"
  run azlin dr test prod-db-vm --test-region mars
  expect_code 2
  run azlin dr test prod-db-vm --test-region westus2 --backup nope
  expect_code 3
  run azlin dr test prod-db-vm
  expect_code 2
  nothing_left
}

test_a_failed_drill_names_the_phase_and_what_the_service_said() {
  replicated
  ok simulator fault add --method PUT --path '*/virtualMachines/prod-db-vm-dr-test*' --status 409 --code SkuNotAvailable --message "no capacity here" --count 1
  run azlin dr test prod-db-vm --test-region westus2
  expect_code 1
  expect_out "✗ DR test FAILED"
  expect_out "no capacity here"
  expect_out "    - Restore: FAILED"
  expect_out "    - Boot: NOT RUN"
  expect_out "    - Cleanup: SUCCESS"
  nothing_left
}

test_a_mistyped_size_is_no_failed_drill() {
  replicated
  run azlin dr test prod-db-vm --test-region westus2 --size Standard_D2s_v55
  expect_code 2
  expect_err "westus2 does not offer Standard_D2s_v55; did you mean"
  run azlin dr failover prod-db-vm --target-region westus2 --size Standard_Nope --yes
  expect_code 2
  expect_err "westus2 does not offer Standard_Nope"
  ok dr test-history -o json
  expect_json '.tests == []'
  nothing_left
}

test_restore_only_is_no_pass() {
  replicated
  ok dr test prod-db-vm --test-region westus2 --no-verify-boot --no-verify-ssh
  expect_out "RESTORE ONLY"
  reject_out "RTO (Recovery"
  ok dr success-rate
  expect_out "no data"
  expect_out "Restore only: 1"
  expect_out "Compliance: no data"
}

test_dry_run_prints_the_calls() {
  replicated
  ok dr test prod-db-vm --test-region westus2 --dry-run
  expect_out "no public address"
  nothing_left
  ok dr test-history -o json
  expect_json '.tests == []'
}

test_history_and_success_rate() {
  replicated
  ok dr test-history
  expect_out "no data"
  ok dr test prod-db-vm --test-region westus2
  ok dr test-history prod-db-vm --days 30
  expect_out "DR Test History for prod-db-vm (Last 30 Days)"
  expect_match "✓ PASS +RTO: .* westus2"
  expect_out "Passed: 1 (100%)"
  ok dr success-rate --vm prod-db-vm --days 90
  expect_out "Success rate: 100% ✓"
  expect_out "Compliance: PASSING"
  run azlin dr test prod-db-vm --test-region westus2 --verify-command false
  expect_code 1
  run azlin dr success-rate --days 90
  expect_code 6
  expect_out "Success rate: 50% ✗"
  expect_out "Compliance: FAILING"
  for days in 0 -3; do
    run azlin dr test-history "--days=$days"
    expect_code 2
    run azlin dr success-rate "--days=$days"
    expect_code 2
  done
}

test_vms_of_one_name_have_histories_and_alerts_of_their_own() {
  echo '{"vms": [{"name": "web", "group": "Shop", "osDiskGb": 32}, {"name": "web", "group": "Test", "osDiskGb": 32}]}' >seed.json
  start_simulator "$work/seed.json"
  for group in Shop Test; do
    ok backup configure web -g $group
    ok backup trigger web -g $group
  done
  ok dr test web -g Shop --test-region westus2 --replicate
  run azlin dr test web -g Test --test-region westus2 --replicate --verify-command false
  expect_code 1
  ok alert list -o json
  expect_json '[.alerts[] | select(.rule == "dr_test_failure") | .key[0:25]] == ["dr_test_failure:test/web@"]'
  run azlin dr test web --test-region westus2
  expect_code 2
  ok dr test-history web
  expect_err "VMs called web were drilled in several groups (Shop, Test)"
  expect_match "web \(Shop\) +✓ PASS"
  expect_match "web \(Test\) +✗ FAIL"
  ok dr test-history WEB -g shop -o json
  expect_json '(.tests | length) == 1 and .tests[0].resourceGroup == "Shop"'
  reject_err "several groups"
  run azlin dr success-rate
  expect_code 6
  expect_out "VM: web (Shop)"
  expect_out "VM: web (Test)"
  ok dr success-rate --vm web -g Shop
  ok dr test web -g Test --test-region westus2
  ok alert list -o json
  expect_json '[.alerts[] | select(.rule == "dr_test_failure")] == []'
  run azlin status
  expect_out "drill of web (Test): failed"
  ok backup verification-report -o json
  expect_json '[.vms[].resourceGroup] | length == 2'
}

test_a_kept_drill_stays_until_it_is_named() {
  replicated
  ok dr test prod-db-vm --test-region westus2 --no-cleanup -o json
  drill=$(jq -r .drill <<<"$out")
  expect_json '.keptUntil != null'
  ok dr cleanup
  expect_out "stays: kept by --no-cleanup"
  ok dr cleanup --drill "$drill"
  expect_out "removed, 0 left"
  nothing_left
  ok dr cleanup
  expect_out "No drill left anything behind"
}

test_what_cleanup_left_is_removed_later() {
  replicated
  ok simulator fault add --method DELETE --path '*/networkSecurityGroups/azlin-drill*' --status 409 --code ScopeLocked --message locked --count 1000
  run azlin dr test prod-db-vm --test-region westus2 --quiet
  expect_code 1
  expect_out "✓ DR test PASSED"
  expect_out "Cleanup: FAILED"
  expect_out "azlin dr cleanup tries again"
  ok simulator fault clear
  ok dr cleanup
  nothing_left
}

test_after_kill_9_the_rest_is_found() {
  replicated
  ok simulator fault add --method PUT --path '*/virtualMachines/prod-db-vm-dr-test*' --delay 60s --count 1
  "$AZLIN" dr test prod-db-vm --test-region westus2 >/dev/null 2>&1 &
  victim=$!
  wait_until "the drill has a disk" disk_of_the_drill
  kill -9 "$victim"
  wait "$victim" 2>/dev/null
  ok simulator fault clear
  ok dr test-history -o json
  expect_json '.tests[0].verdict == "interrupted"'
  ok recover
  expect_out "0 left"
  nothing_left
}

# timeout(1) signals the process and then its group: that is one interrupt, and what was made goes.
test_an_interrupt_that_comes_twice_still_cleans_up() {
  replicated
  ok simulator fault add --method PUT --path '*/virtualMachines/prod-db-vm-dr-test*' --delay 60s --count 1
  timeout --preserve-status 600 "$AZLIN" dr test prod-db-vm --test-region westus2 >.out 2>.err </dev/null &
  local victim=$!
  wait_until "the drill has a disk" disk_of_the_drill
  kill -INT "$victim"
  wait "$victim"
  code=$? out=$(cat .out) err=$(cat .err)
  expect_code 130
  expect_out "DR test INTERRUPTED"
  expect_out "0 left"
  nothing_left
}

test_a_region_that_azure_does_not_have_is_refused_everywhere() {
  replicated
  printf 'name: shop\nregion: wstus2\ngroups: [{name: all, vms: [prod-db-vm]}]\n' >plan.yaml
  for what in "dr test prod-db-vm --test-region" "dr test gone --test-region" "dr test --group shop --test-region" \
    "dr failover prod-db-vm --target-region" "backup replication-status prod-db-vm --target-region" \
    "backup verify $name --region" "backup verify-all --all --region" "backup delete $name --yes --region"; do
    eval "run azlin $what 'wstus2'"
    expect_code 2
    expect_err "the subscription has no region wstus2"
    expect_err "did you mean westus2?"
  done
  for what in "dr test --plan plan.yaml" "dr failover --plan plan.yaml --yes"; do
    eval "run azlin $what"
    expect_code 2
    expect_err "the subscription has no region wstus2"
  done
  nothing_left
  ok backup delete "$name" --region "West US 2" --yes --force # the name that people know
}

test_a_region_that_does_not_exist_is_not_configured() {
  start_simulator
  run azlin dr configure prod-db-vm --test-region mars
  expect_code 2
  expect_err "the subscription has no region mars"
  run azlin dr show prod-db-vm -o json
  reject_out mars
}

test_what_holds_for_a_vm_is_configured_shown_and_disabled() {
  start_simulator
  ok dr show prod-db-vm
  expect_out "not configured"
  ok backup configure prod-db-vm --cross-region --target-region westus2
  ok dr show prod-db-vm
  expect_out "Enabled (by azlin:backup-schedule)"
  ok dr configure prod-db-vm --test-region "West US 3" --every 14d --target-rto 20m
  expect_out "✓ DR tests configured for prod-db-vm"
  ok dr show prod-db-vm -o json
  expect_json '.enabled and .testRegion == "westus3" and .everyHours == 336 and .targetRtoSeconds == 1200 and .due'
  ok dr configure prod-db-vm --every 1d
  ok dr show prod-db-vm -o json
  expect_json '.testRegion == "westus3" and .everyHours == 24'
  ok dr disable prod-db-vm
  ok dr show prod-db-vm
  expect_out "Disabled"
  run azlin dr configure prod-db-vm --test-region eastus
  expect_code 2
  run azlin dr configure vm1
  expect_code 2
  run azlin dr configure vm1 --test-region westus2 --every soon
  expect_code 2
}

test_all_that_are_due_are_drilled_and_one_failure_stops_no_other() {
  replicated
  ok dr test-all
  expect_out "No VM has DR tests enabled"
  ok dr configure prod-db-vm --test-region westus2
  ok dr test-all
  expect_out "Running scheduled DR tests..."
  expect_match "^\[1/1\] prod-db-vm +✓ .* RTO: "
  expect_out "✓ All DR tests passed (1/1)"
  expect_out "Average RTO: "
  expect_out "Success rate: 100%"
  ok dr test-all
  expect_out "No DR test is due"
  ok dr configure vm1 --test-region westus2 # has no backup
  run azlin dr test-all --force -o json
  expect_code 4
  expect_json '.total == 2 and .passed == 1 and ([.tests[].success] | sort == [false, true])'
  run azlin dr test-all
  expect_code 1
  expect_out "no backups"
  nothing_left
}

test_region_and_target_come_from_the_configuration() {
  replicated
  ok dr configure prod-db-vm --test-region westus2 --target-rto 45m
  ok dr test prod-db-vm
  expect_out "Test region: westus2"
  expect_out "Target: <45 minutes"
}

test_readiness_names_the_gaps_and_what_closes_them() {
  replicated
  run azlin dr readiness prod-db-vm
  expect_code 6
  expect_out "NOT READY"
  expect_out "Newest copy: $name in westus2 (RPO "
  expect_out "no region is set for it to come back in"
  expect_out "azlin dr configure prod-db-vm --test-region westus2"
  ok dr configure prod-db-vm --test-region westus2
  run azlin dr readiness --all -o json
  expect_code 6
  expect_json '.total == 1 and .vms[0].newestCopy == "'"$name"'" and .vms[0].rpoSeconds != null'
  expect_json '[.vms[0].gaps[].command] | any(startswith("azlin dr test"))'
  ok dr test prod-db-vm
  run azlin dr readiness prod-db-vm -o json
  expect_json '.vms[0].rto.drills == 1 and ([.vms[0].gaps[].command] | any(startswith("azlin dr test")) | not)'
  run azlin dr readiness -g Production -o json
  expect_code 6
  expect_json '.total == 1'
  run azlin dr readiness -g Elsewhere
  expect_code 3
  run azlin dr readiness -o json
  expect_json '.total == 1'
  run azlin dr readiness prod-db-vm --all
  expect_code 2
}

region_down() { curl -fsS -X POST "$sim_url/_simulator/faults" -d '{"region": "eastus"}' >/dev/null; }

test_readiness_says_that_a_copy_is_missing_where_the_policy_s_region_answers() {
  replicated
  curl -fsS -X POST "$sim_url/_simulator/faults" -d '{"region": "westus2"}' >/dev/null
  ok dr configure prod-db-vm --test-region northeurope
  run azlin dr readiness prod-db-vm -o json
  expect_code 6
  expect_json '[.vms[0].gaps[].text] | any(contains("region westus2 does not answer"))'
  expect_json '[.vms[0].gaps[].text] | any(. == "there is no complete copy in northeurope")'
  ok dr configure prod-db-vm --test-region westus2
  run azlin dr readiness prod-db-vm -o json
  expect_json '[.vms[0].gaps[].text] | any(startswith("there is no complete copy")) | not'
}

test_a_lost_region_is_failed_over_for_good() {
  replicated
  region_down
  run azlin dr failover prod-db-vm --target-region westus2
  expect_code 2 # no terminal and no --yes
  ok dr failover prod-db-vm --target-region westus2 --dry-run
  expect_out "PUT /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production-westus2"
  nothing_left
  ok dr failover prod-db-vm --target-region "West US 2" --yes --check true --hook 'echo "$AZLIN_VM at $AZLIN_ADDRESS" >hooked; echo done'
  expect_out "✓ prod-db-vm is up in westus2"
  expect_match "RTO: [0-9]+m [0-9]{2}s"
  expect_match "RPO: "
  expect_out "Check: passed"
  expect_out "Hook: passed (done)"
  expect_out "point DNS or the load balancer"
  grep -qE '^prod-db-vm at 10\.251\.0\.[0-9]+$' hooked || fail "the hook was not told: $(cat hooked)"
  ok dr failover prod-db-vm --target-region westus2 --yes -o json
  expect_json '.doneBefore and .up and .rtoSeconds == null and .targetResourceGroup == "Production-westus2"'
  ok operations list -o json
  expect_json '[.operations[] | select(.kind == "dr.failover" and .state == "succeeded")] | length == 2'
}

test_a_failed_over_vm_goes_home() {
  replicated
  region_down
  ok dr failover prod-db-vm --target-region westus2 --yes
  run azlin dr failback prod-db-vm -g Production-westus2 --yes
  expect_code 1 # home is still down
  ok simulator fault clear
  ok simulator fault add --method PUT --path '*/snapshots/*' --status 409 --code OperationNotAllowed --message 'Nothing today.'
  run azlin dr failback prod-db-vm -g Production-westus2 --yes
  expect_code 1
  expect_err "Nothing today"
  reject_err "today.."
  ok simulator fault clear
  run azlin dr failback prod-db-vm -g Production --yes
  expect_code 2
  ok simulator fault add --method PATCH --path '*/disks/prod-db-vm_OsDisk/*tags/default?*' --count -1 --status 403 --code RequestDisallowedByPolicy --message injected
  ok dr failback prod-db-vm -g Production-westus2 --yes
  expect_out "✓ prod-db-vm is up at home in eastus"
  expect_match "Downtime: [0-9]+m"
  expect_err "the old disk prod-db-vm_OsDisk could not be tagged"
  ok simulator fault clear
  ok dr failback prod-db-vm -g Production-westus2 --yes
  expect_out "went home before"
}

test_a_failover_waits_until_its_region_is_down() {
  replicated
  ok dr failover prod-db-vm --target-region westus2 --if-region-down --yes
  expect_out "eastus answers: nothing was done"
  nothing_left
  run azlin dr failover prod-db-vm --target-region northeurope --yes
  expect_code 3
}

test_a_failover_whose_hook_fails_has_exit_code_4() {
  replicated
  run azlin dr failover prod-db-vm --target-region westus2 --yes --hook 'echo no such zone; exit 1'
  expect_code 4
  expect_out "Hook: FAILED (no such zone)"
}

test_a_killed_failover_is_settled_by_recover() {
  replicated
  ok simulator fault add --method PUT --path '*/virtualMachines/prod-db-vm*' --delay 60s --count 1
  "$AZLIN" dr failover prod-db-vm --target-region westus2 --yes >/dev/null 2>&1 &
  victim=$!
  disk_of_the_failover() { state_ids | grep -i 'production-westus2.*/disks/'; }
  wait_until "the failover has a disk" disk_of_the_failover
  kill -9 "$victim"
  wait "$victim" 2>/dev/null
  ok simulator fault clear
  ok recover
  ok dr failover prod-db-vm --target-region westus2 --yes
}

test_drills_below_the_target_rate_are_found_by_alert_check() {
  replicated
  ok dr configure prod-db-vm --test-region westus2 --target-rto 1s
  run azlin dr test prod-db-vm --test-region westus2 --verify-command false
  expect_code 1
  run azlin alert check
  expect_code 6
  expect_out "Success rate of DR drills is 0.00 %"
}

test_a_drill_replicates_first_when_it_is_asked_to() {
  start_simulator
  ok backup configure prod-db-vm
  ok backup trigger prod-db-vm
  run azlin dr test prod-db-vm --test-region westus2
  expect_code 3
  expect_err "--replicate"
  ok dr test prod-db-vm --test-region westus2 --replicate
  expect_out "Replicating prod-db-vm-backup-"
  expect_out "✓ DR test PASSED"
  expect_match 'Cost: about \$[0-9]+\.[0-9]{2} \(estimate'
  ok dr test prod-db-vm --test-region westus2 --replicate
  reject_out "Replicating"
}

# A real sshd with key login stands for the one in the guest: ssh is led to it by its configuration, since the
# simulated address leads nowhere.
test_a_drill_logs_in_to_a_real_sshd_with_a_key() {
  command -v /usr/sbin/sshd >/dev/null || { echo "skipped: no sshd"; return 0; }
  replicated
  ssh-keygen -q -t ed25519 -N '' -f "$work/host_key"
  ssh-keygen -q -t ed25519 -N '' -f "$work/user_key"
  cp user_key.pub authorized_keys
  cat >sshd_config <<EOF
HostKey $work/host_key
AuthorizedKeysFile $work/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PidFile $work/sshd.pid
EOF
  [ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
  trap 'kill $sshd_pid 2>/dev/null; stop_simulator' EXIT
  # sshd cannot choose a port, and says nothing of a taken one but in its log: then another is tried. These are below those
  # that the system gives out.
  heard() { grep -E 'Server listening|Bind to port' sshd.log || ! kill -0 "$sshd_pid"; }
  until grep -qs 'Server listening' sshd.log; do
    port=$((20000 + RANDOM % 12000))
    : >sshd.log
    /usr/sbin/sshd -D -f "$work/sshd_config" -o "ListenAddress=127.0.0.1:$port" -E "$work/sshd.log" &
    sshd_pid=$!
    wait_until "sshd listens" heard
    attempts=$((${attempts:-0} + 1))
    [ "$attempts" -lt 20 ] || fail "sshd does not listen: $(cat sshd.log)"
  done
  printf 'Host *\n  HostName 127.0.0.1\n  Port %s\n' "$port" >ssh_config
  ssh -F ssh_config -i user_key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "$(id -un)@guest" true \
    </dev/null >/dev/null 2>&1 || { echo "(this account has no login shell: not checked)"; return 0; }
  mkdir bin
  printf '#!/bin/sh\nexec /usr/bin/ssh -F %s/ssh_config "$@"\n' "$work" >bin/ssh
  chmod +x bin/ssh
  ok dr configure prod-db-vm --test-region westus2 --ssh-user "$(id -un)" --ssh-key "$work/user_key"
  PATH="$work/bin:$PATH" run azlin dr test prod-db-vm --public-ip --tester-address 198.51.100.7 -o json
  expect_code 0
  expect_json '.phases[] | select(.name == "connectivity") | .outcome == "passed" and (.detail | startswith("logged in as"))'
  grep -q "Accepted publickey" sshd.log || fail "nobody logged in: $(cat sshd.log)"
  nothing_left
  run azlin dr test prod-db-vm --public-ip --tester-address all
  expect_code 2
  run azlin dr test prod-db-vm --public-ip
  expect_code 2
  expect_err "--public-ip needs --tester-address"
}

write_plan() {
  cat >shop.yaml <<'EOF'
name: shop
region: westus2
groups:
  - name: database
    vms:
      - name: prod-db-vm
        check: "true"
    hook: echo "$AZLIN_GROUP in $AZLIN_REGION" >>hooks
    drill_hook: echo drilled >>hooks
EOF
}

test_a_plan_with_mistakes_names_line_and_column() {
  write_plan
  ok dr plan validate shop.yaml
  expect_out "1. database: prod-db-vm (checked), then its hook"
  printf 'name: shop\nregion: westus2\ngroups:\n  - name: a\n    vms: [x y]\n    order: 1\n' >bad.yaml
  for command in "dr plan validate bad.yaml" "dr test --plan bad.yaml" "dr failover --plan bad.yaml"; do
    run azlin $command
    expect_code 2
    expect_err "bad.yaml:5:11: "
    expect_err "bad.yaml:6:5: unknown key 'order' in a group"
  done
  run azlin dr plan validate nope.yaml
  expect_code 3
}

test_a_plan_is_drilled_and_failed_over() {
  replicated
  write_plan
  ok dr test --plan shop.yaml -o json
  expect_json '.success and .groups[0].vms[0].drill.verdict == "passed" and .groups[0].hookPassed'
  [ "$(cat hooks)" = drilled ] || fail "hooks: $(cat hooks)"
  nothing_left
  run azlin dr test prod-db-vm --plan shop.yaml
  expect_code 2
  region_down
  ok dr failover --plan shop.yaml --yes
  expect_out "✓ plan shop passed"
  expect_out "point DNS"
  [ "$(tail -1 hooks)" = "database in westus2" ] || fail "hooks: $(cat hooks)"
  ok dr failover --plan shop.yaml --yes -o json
  expect_json '.groups[0].vms[0].failover.doneBefore'
}

# The groups come up one after the other in one network, and are there together when the last hook runs.
test_a_plan_is_drilled_together() {
  start_simulator
  export sim_url
  for vm in prod-db-vm prod-app-vm; do
    ok backup configure $vm
    ok backup trigger $vm -o json
    ok backup replicate "$(jq -r .backup.name <<<"$out")" --target-region westus2
  done
  before=$(state_ids)
  cat >shop.yaml <<'EOF'
name: shop & co
region: westus2
groups:
  - name: database
    vms: [{name: prod-db-vm, check: "true"}]
    drill_hook: curl -fsS "$sim_url/_simulator/state" >after-database
  - name: app
    vms: [prod-app-vm]
    drill_hook: curl -fsS "$sim_url/_simulator/state" >after-app
EOF
  ok dr test --plan shop.yaml --dry-run -o json
  expect_json '[.calls[] | select(.method == "PUT" and (.path | test("virtualNetworks/"))) ] | length == 1'
  expect_json '[.calls[] | select(.method == "PUT" and (.path | test("virtualMachines/")))] | length == 2'
  nothing_left
  ok dr test --plan shop.yaml
  expect_out "✓ plan shop & co passed"
  expect_out "Left behind: 0 left"
  expect_match 'Cost: about \$[0-9]'
  nothing_left
  grep -q prod-app-vm-dr-test after-database && fail "the second group did not wait"
  for vm in prod-db-vm prod-app-vm; do
    grep -q "$vm-dr-test" after-app || fail "$vm was not up with the other"
  done
  ok dr test-history -o json
  expect_json '(.tests | length) == 2 and ([.tests[].drill] | unique | length) == 1 and all(.tests[]; .success)'
  ok simulator fault add --method PUT --path '*/virtualMachines/prod-app-vm-dr-test*' --status 409 --code SkuNotAvailable --message "no capacity here" --count 1
  run azlin dr test --plan shop.yaml -o json
  expect_code 4
  expect_json '[.groups[].outcome] == ["passed", "failed"] and (.success | not)'
  nothing_left
}

test_a_killed_plan_drill_is_settled_by_recover() {
  replicated
  write_plan
  ok simulator fault add --method PUT --path '*/virtualMachines/prod-db-vm-dr-test*' --delay 60s --count 1
  "$AZLIN" dr test --plan shop.yaml >/dev/null 2>&1 &
  victim=$!
  wait_until "the drill has a disk" disk_of_the_drill
  kill -9 "$victim"
  wait "$victim" 2>/dev/null
  ok simulator fault clear
  ok recover
  nothing_left
  ok dr test-history -o json
  expect_json '.tests[0].verdict == "interrupted"'
}

# A stand-in for the system's ssh that says what it was called with.
test_ssh_finds_the_address_and_passes_the_exit_code_on() {
  start_simulator
  mkdir bin
  printf '#!/bin/sh\necho "$@"\nexit 42\n' >bin/ssh
  chmod +x bin/ssh
  PATH="$PWD/bin:$PATH" run azlin ssh prod-db-vm --user op -- systemctl status --no-pager
  expect_code 42
  expect_match "^-o ConnectTimeout=15 -l op -- [0-9.]+ systemctl status --no-pager$"
  PATH="$PWD/bin:$PATH" run azlin ssh prod-db-vm --connect-timeout 3 -- true
  expect_match "^-o ConnectTimeout=3 -- "
  PATH="$PWD/bin:$PATH" run azlin ssh prod-db-vm --connect-timeout 0 -- true
  expect_match "^-- [0-9.]+ true$"
  run azlin ssh prod-db-vm --connect-timeout -1
  expect_code 2
  PATH="$PWD/bin:$PATH" run azlin ssh prod-db-vm "systemctl status"
  expect_code 42
  run azlin ssh nope
  expect_code 3
}

test_ssh_without_a_connection_says_what_else_there_is() {
  start_simulator
  mkdir bin
  printf '#!/bin/sh\nexit 255\n' >bin/ssh
  chmod +x bin/ssh
  PATH="$PWD/bin:$PATH" run azlin ssh prod-db-vm
  expect_code 255
  expect_err "no public address"
  expect_err "az network bastion ssh"
  expect_err "az vm run-command invoke -g Production -n prod-db-vm"
}

run_tests "$@"
