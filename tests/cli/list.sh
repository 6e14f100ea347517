# azlin backup list, as a user types it: what is shown, where it comes from, and what it needs of memory.
. "$(dirname "$0")/harness.sh"

back_up() {
  ok backup trigger "$1" ${2:+--tier "$2"} -o json
  name=$(jq -r .backup.name <<<"$out")
}

test_tiers_are_listed_apart_and_by_themselves() {
  start_simulator
  ok backup configure vm1
  for tier in daily weekly monthly daily; do back_up vm1 $tier; done
  ok backup list vm1
  expect_out "Backups for vm1 (4 total):"
  expect_out "Daily (2):"
  expect_out "Weekly (1):"
  expect_out "Monthly (1):"
  ok backup list vm1 --tier weekly
  expect_out "Weekly (1):"
  reject_out "Daily"
  ok backup list vm1 --tier weekly -o json
  expect_json '.total == 1 and [.backups[].tier] == ["weekly"]'
  ok backup list --all --tier monthly -o json
  expect_json '.total == 1 and [.backups[].tier] == ["monthly"]'
  ok backup list vm1 --tier all -o csv
  [ "$(wc -l <<<"$out")" -eq 5 ] || fail "not a row a backup"
  ok backup list vm1 --since 2099-01-01 -o json
  expect_json '.total == 0 and .backups == []'
}

test_nothing_is_an_empty_list() {
  start_simulator
  ok backup list vm1
  expect_out "Backups for vm1 (0 total):"
  ok backup list --all -o json
  expect_json '. == {total: 0, backups: [], unreadable: []}'
  ok backup list vm1 -o json
  expect_json '. == {total: 0, backups: [], unreadable: [], vm: "vm1"}'
  run azlin backup list vm-that-is-not-there
  expect_code 3
}

test_an_error_of_the_service_is_no_empty_list() {
  start_simulator
  ok backup configure vm1
  back_up vm1
  ok simulator fault add --method GET --path '*/snapshots*' --status 400 --code Broken --count -1
  for which in vm1 --all; do
    run azlin backup list $which -o json
    expect_code 1
    expect_err Broken
    reject_out backups
  done
  ok simulator fault clear
  ok simulator fault add --method GET --path '*/providers/Microsoft.Compute/snapshots*' --drop truncate --count -1
  run azlin backup list --all
  expect_code 1
  reject_out "total"
}

test_all_vms_are_listed_as_each_is() {
  start_simulator
  for vm in vm1 prod-db-vm; do
    ok backup configure "$vm"
    back_up "$vm"
    ok backup list "$vm" -o json
    jq -c '.backups[]' <<<"$out" >>"$work/each"
  done
  ok backup list --all -o json
  [ "$(jq -c '.backups[]' <<<"$out" | sort)" = "$(sort "$work/each")" ] || fail "they are listed otherwise"
  ok backup list --all -g nowhere -o json
  expect_json '.total == 0'
}

# What is known of a backup is in Azure: another machine says the same.
test_another_machine_shows_the_same() {
  start_simulator
  ok backup configure vm1
  back_up vm1
  ok backup replicate "$name" --target-region westus2
  ok backup verify "$name"
  ok backup verify "$name" --region westus2 --level disk
  ok backup list vm1 -o json
  local here=$out
  AZLIN_HOME="$work/other" ok backup list vm1 -o json
  [ "$here" = "$out" ] || fail "it says: $out"
  expect_json '.backups[0] | .verified == "passed" and .verifiedLevel == "content" and .replicated and
    [.replicas[] | .region, .verified] == ["westus2", "passed"]'
  AZLIN_HOME="$work/third" ok backup list --all
  expect_out "verified ✓"
  expect_out "replicated ✓"
}

# peak COMMAND...: the most memory that it had, in kB.
peak() { python3 -c '
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(usage.ru_maxrss if status == 0 else sys.exit("it failed"))' "$@"; }

# Of the memory that the program itself takes (a debug build maps more) what a list adds grows little with it.
test_a_long_list_needs_little_memory() {
  local vms=100 sets=20 most=20000
  [ -z "${AZLIN_TEST_FULL:-}" ] || vms=1000
  start_simulator "fleet:${vms}x$sets"
  local bare used
  bare=$(peak "$AZLIN" -q backup list vm-0001 -g Fleet)
  for format in text json csv; do
    used=$(peak "$AZLIN" -q backup list --all -o $format) || fail "$format failed"
    [ $((used - bare)) -lt $most ] || fail "$format: $used kB, of one VM $bare kB"
  done
  ok -q backup list --all -o json
  expect_json ".total == $((vms * sets)) and (.backups | length) == .total and
    ([.backups[].createdAt] | . == (sort | reverse))"
}

run_tests "$@"
