# azlin orphans, as a user types it.
. "$(dirname "$0")/harness.sh"

kDisk=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute/disks/left-over

make_orphan() {
  local token
  token=$(curl -fsS -X POST "$sim_url/_simulator/token" -d '{}' | jq -r .token)
  curl -fsS -X PUT -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"location": "eastus",
    "tags": {"azlin:restored-from": "x 1"}, "properties": {"diskSizeGB": 32, "creationData": {"createOption": "Empty"}}}' \
    "$sim_url$kDisk?api-version=2023-10-02" >/dev/null || fail "no disk"
}

test_there_are_none_at_first() {
  start_simulator
  ok orphans
  expect_out "✓ No orphans"
}

test_one_is_listed_with_age_and_cost_and_removed_after_asking() {
  start_simulator
  make_orphan
  ok orphans
  expect_out "1 too young"
  run azlin orphans --older-than 0h -o json
  expect_code 6
  expect_json '.orphans | length == 1 and .[0].name == "left-over" and .[0].estimatedMonthly > 0 and .[0].ageDays == 0'
  run azlin orphans --older-than 0h --remove
  expect_code 2 # no terminal and no --yes
  run azlin orphans --older-than 0h --remove --dry-run
  expect_code 6
  expect_out "Would remove $kDisk"
  ok orphans --older-than 0h --remove --yes
  expect_out "✓ removed $kDisk"
  ok orphans --older-than 0h
}

test_a_list_that_fails_gives_no_verdict() {
  start_simulator
  make_orphan
  ok simulator fault add --method GET --path '*/virtualMachines*' --status 403 --code AuthorizationFailed --message "no" --count 100
  run azlin orphans --older-than 0h --remove --yes
  expect_code 5
  expect_err "no verdict"
  ok simulator fault clear
  run azlin orphans --older-than 0h
  expect_code 6
}

test_backups_of_a_vm_that_is_gone_are_named_and_stay() {
  start_simulator
  ok backup configure vm1
  ok backup trigger vm1 -o json
  name=$(jq -r .backup.name <<<"$out")
  token=$(curl -fsS -X POST "$sim_url/_simulator/token" -d '{}' | jq -r .token)
  curl -fsS -X DELETE -H "Authorization: Bearer $token" \
    "$sim_url/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/vm1?api-version=2024-07-01" >/dev/null
  ok orphans --older-than 0h
  expect_out "1 backup of VMs that are gone"
  expect_out "$name"
  run azlin orphans --older-than soon
  expect_code 2
}

run_tests "$@"
