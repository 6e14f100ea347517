# azlin backup restore and azlin recover, as a user types them.
. "$(dirname "$0")/harness.sh"

backed_up() {
  start_simulator
  ok backup configure prod-db-vm
  ok backup trigger prod-db-vm -o json
  name=$(jq -r .backup.name <<<"$out")
}

state_ids() { curl -fsS "$sim_url/_simulator/state" | jq -S .; }

test_restore_swaps_all_disks_and_keeps_the_old_ones() {
  backed_up
  ok backup restore prod-db-vm --backup "$name" --yes
  expect_out "Stopping VM..."
  expect_out "✓ Restore complete"
  expect_out "VM status: Running"
  expect_out "RTO (Recovery Time): "
  expect_out "SSH connectivity: verified"
  expect_out "Old disk kept: prod-db-vm_OsDisk"
  ok backup cleanup --kept-disks -o json
  expect_json '.keptDisks | length == 3'
  ok backup restore prod-db-vm --backup "$name" --yes -o json
  expect_json '.powerState == "running" and .sshVerified'
}

test_restore_by_a_beginning_of_the_name_and_by_time() {
  backed_up
  ok backup restore prod-db-vm --backup prod-db-vm-backup-mon --yes
  run azlin backup restore prod-db-vm --at 2001-01-01 --yes
  expect_code 3
  ok backup restore prod-db-vm --at 2099-01-01 --delete-old-disks --yes
  expect_out "Old disk deleted"
}

test_restore_asks_and_without_a_terminal_refuses() {
  backed_up
  before=$(state_ids)
  run azlin backup restore prod-db-vm --backup "$name"
  expect_code 2
  expect_err "--yes"
  [ "$before" = "$(state_ids)" ] || fail "something changed"
}

test_restore_says_which_backup_is_missing() {
  backed_up
  run azlin backup restore prod-db-vm --yes
  expect_code 2
  run azlin backup restore prod-db-vm --backup nope --yes
  expect_code 3
  run azlin backup restore prod-db-vm --backup "$name" --interactive --yes
  expect_code 2
}

test_restore_dry_run_prints_the_calls() {
  backed_up
  before=$(state_ids)
  ok backup restore prod-db-vm --backup "$name" --dry-run
  expect_out "/deallocate"
  expect_out "PATCH"
  [ "$before" = "$(state_ids)" ] || fail "something changed"
}

test_restore_as_a_new_vm_leaves_the_original() {
  backed_up
  ok backup restore prod-db-vm --backup "$name" --new-vm prod-db-copy -o json
  expect_json '.powerState == "running" and (.inPlace | not)'
  run azlin backup restore prod-db-vm --backup "$name" --new-vm prod-db-copy
  expect_code 2
  expect_err "already"
}

test_a_vm_that_is_gone_is_made_anew() {
  local token vm=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/prod-db-vm
  backed_up
  token=$(curl -fsS -X POST "$sim_url/_simulator/token" -d '{}' | jq -r .token)
  curl -fsS -X DELETE -H "Authorization: Bearer $token" "$sim_url$vm?api-version=2024-07-01" >/dev/null || fail "not deleted"
  run azlin backup restore prod-db-vm --backup "$name" --yes
  expect_code 3
  expect_err "azlin backup restore prod-db-vm -g production --backup $name --new-vm prod-db-vm"
  run azlin dr readiness prod-db-vm
  expect_code 6
  expect_out "→ azlin backup restore prod-db-vm -g production --backup $name --new-vm prod-db-vm"
  reject_out "dr configure"
  ok backup restore prod-db-vm -g production --backup "$name" --new-vm prod-db-vm
}

# Each step fails once for good: the VM must run on its old disks and nothing may be left.
test_a_failure_at_each_step_puts_everything_back() {
  backed_up
  before=$(state_ids)
  # (The first PATCH of the VM is the lease.)
  for fault in "PUT */disks/prod-db-vm-lun1-r*" "POST */deallocate*" "PATCH */virtualMachines/prod-db-vm?*" "POST */prod-db-vm/start*"; do
    skip=0
    [ "${fault%% *}" = PATCH ] && skip=1
    ok simulator fault add --method "${fault%% *}" --path "${fault#* }" --skip $skip --status 409 --code OperationNotAllowed --message "injected" --count 1
    run azlin backup restore prod-db-vm --backup "$name" --yes
    expect_code 1
    expect_err injected
    [ "$before" = "$(state_ids)" ] || fail "after $fault something is left: $(diff <(echo "$before") <(state_ids))"
    ok simulator fault clear
  done
  ok doctor --vm prod-db-vm -o json
  expect_json '.checks[] | select(.name == "VM") | .detail == "running"'
}

# What comes after the VM is up (old disks, marks) fails: the restored VM stays as it is, and recover does the rest.
test_a_restore_that_came_up_is_never_undone() {
  local disks
  backed_up
  disks=$(jq .backup.disks <<<"$out")
  # (The first PATCHes are the marks themselves.)
  ok simulator fault add --method PATCH --path '*/snapshots/*/tags/default?*' --skip "$disks" --count -1 --status 403 --code AuthorizationFailed --message injected
  ok simulator fault add --method DELETE --path '*/disks/prod-db-vm_OsDisk?*' --count -1 --status 403 --code AuthorizationFailed --message injected
  ok backup restore prod-db-vm --backup "$name" --delete-old-disks --yes -o json
  expect_json '.powerState == "running" and (.warnings | any(contains("azlin:in-use")) and any(contains("prod-db-vm_OsDisk")) and any(contains("azlin recover")))'
  run azlin recover
  expect_code 4
  ok simulator fault clear
  ok recover
  expect_out "had come up"
  [ "$(jq '[.["Microsoft.Compute/disks"][] | select(contains("/prod-db-vm"))] | length' <<<"$(state_ids)")" -eq 3 ] || fail "an old disk is left: $(state_ids)"
  ok backup list prod-db-vm -o json
  expect_json '.backups[0].inUse == null'
  ok backup restore prod-db-vm --backup "$name" --yes
}

test_when_undoing_fails_too_recover_finishes_it() {
  backed_up
  before=$(state_ids)
  ok simulator fault add --method PATCH --path '*/virtualMachines/prod-db-vm?*' --skip 1 --status 409 --code OperationNotAllowed --message injected --count 1
  ok simulator fault add --method POST --path '*/prod-db-vm/start*' --status 409 --code OperationNotAllowed --message injected --count 1
  run azlin backup restore prod-db-vm --backup "$name" --yes
  expect_code 1
  expect_err "azlin recover"
  ok recover
  [ "$before" = "$(state_ids)" ] || fail "something is left: $(diff <(echo "$before") <(state_ids))"
  ok recover
  expect_out "Nothing to recover"
}

# A role that may stop the VM and not start it, or not change it, would leave it down.
test_what_the_restore_may_not_do_is_told_before_the_vm_stops() {
  backed_up
  before=$(state_ids)
  for action in virtualMachines/start/action virtualMachines/deallocate/action virtualMachines/write; do
    jq -n --arg no "Microsoft.Compute/$action" '{grants: [{principal: "*", scope: "/", actions: ["*"], notActions: [$no]}]}' |
      curl -fsS -X PUT -H 'Content-Type: application/json' -d @- "$sim_url/_simulator/grants" >/dev/null || fail "no role"
    run azlin backup restore prod-db-vm --backup "$name" --yes
    expect_code 5
    expect_err "Microsoft.Compute/$action"
    reject_out "Stopping VM"
    [ "$before" = "$(state_ids)" ] || fail "without $action something changed: $(diff <(echo "$before") <(state_ids))"
    ok simulator requests -o json
    expect_json 'all(.requests[]; .path | test("deallocate|/disks/.*-r2") | not)'
  done
}

test_a_half_copied_replica_is_not_restored() {
  start_simulator
  ok backup configure vm1
  ok backup trigger vm1 -o json
  name=$(jq -r .backup.name <<<"$out")
  ok simulator latency realistic
  ok backup replicate "$name" --target-region westus2 --no-wait
  ok simulator fault add --region-down eastus
  run azlin backup restore vm1 --backup "$name" --new-vm vm1-dr --yes
  expect_code 1
  expect_err "of snapshot $name-westus2 in westus2 only "
  expect_err "wait until its copy has ended"
}

# Kept disks are no orphans before their date, and their tag says so to every machine.
test_disks_that_were_replaced_are_kept_until_their_date() {
  backed_up
  ok backup restore prod-db-vm --backup "$name" --yes
  ok orphans --older-than 0h -o json
  expect_json '.orphans == []'
  ok simulator clock --advance 6d
  ok backup cleanup --kept-disks --yes -o json
  expect_json '.keptDisks | length == 3 and all(.[]; .expired | not)'
  ok orphans --older-than 0h -o json
  expect_json '.orphans == []'
  [ "$(state_ids | grep -c 'prod-db-vm_.*Disk')" -eq 3 ] || fail "a kept disk is gone: $(state_ids)"
  ok simulator clock --advance 2d
  ok backup cleanup --kept-disks --yes
  ! state_ids | grep -q 'prod-db-vm_.*Disk' || fail "a kept disk is left past its date: $(state_ids)"
}

test_recover_with_nothing_to_do() {
  start_simulator empty
  ok recover
  expect_out "✓ Nothing to recover"
}

run_tests "$@"
