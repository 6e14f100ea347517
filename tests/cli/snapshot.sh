# azlin snapshot: plain snapshots by hand and by interval.
. "$(dirname "$0")/harness.sh"

test_create_list_restore_delete() {
  start_simulator
  ok snapshot create vm1 -o json
  name=$(jq -r .name <<<"$out")
  ok snapshot list vm1
  expect_out "$name"
  ok snapshot restore vm1 "$name" --yes
  expect_out "runs on $name again"
  ok snapshot delete vm1 "$name" --yes
  ok snapshot list --all -o json
  expect_json '.snapshots | length == 0'
}

test_backups_are_not_listed_nor_deleted_as_snapshots() {
  start_simulator
  ok backup configure vm1
  ok backup trigger vm1 -o json
  name=$(jq -r .backup.name <<<"$out")
  ok snapshot list vm1 -o json
  expect_json '.snapshots | length == 0'
  run azlin snapshot delete vm1 "$name" --yes
  [ "$code" -ne 0 ] || fail "a backup was deleted as a snapshot"
  ok backup list vm1 -o json
  expect_json '.total == 1'
}

test_a_vm_that_is_not_there_is_an_error() {
  start_simulator
  ok snapshot list vm1
  run azlin snapshot list vm1 -g nosuch
  expect_code 3
  run azlin snapshot list no-such-vm -g Production -o json
  expect_code 3
}

test_enable_sync_keeps_the_newest() {
  start_simulator
  ok snapshot enable vm1 --every 1 --keep 2
  ok snapshot status vm1
  expect_out "every 1 hour, 2 kept"
  ok snapshot sync vm1 -o json
  expect_json '.results[0].taken != null'
  ok snapshot sync --all -o json
  expect_json '.results | length == 1 and (.[0].due | not)'
  ok snapshot disable vm1
  ok snapshot status vm1 -o json
  expect_json '.schedule.enabled | not'
}

test_bad_numbers_are_refused() {
  start_simulator
  for flags in "--every 0" "--keep 0" "--keep 500" "--every x"; do
    # shellcheck disable=SC2086
    run azlin snapshot enable vm1 $flags
    expect_code 2
  done
  ok snapshot status vm1 -o json
  expect_json '.configured | not'
}

test_sync_reports_each_vm_and_fails_when_one_fails() {
  start_simulator
  ok snapshot enable vm1
  ok snapshot enable my-vm
  ok simulator fault add --method PUT --path '*/snapshots/my-vm-*' --status 403 --code AuthorizationFailed --message no --count -1
  run azlin snapshot sync --all
  expect_code 4
  expect_out "✗ my-vm"
  expect_out "✓ vm1"
}

run_tests "$@"
