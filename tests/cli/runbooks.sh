# The four recovery scenarios that the requirements describe, command by command, with the names that they use.
. "$(dirname "$0")/harness.sh"

# prod-db-vm with the backups of the scenarios, copied to westus2, and an ssh that notes what it was asked.
prepare() {
  start_simulator
  ok simulator clock --set 2025-11-24T08:00:00Z
  ok backup configure prod-db-vm --daily-retention 7 --weekly-retention 4 --monthly-retention 12 --cross-region --target-region westus2
  ok backup trigger prod-db-vm --tier weekly
  ok simulator clock --set 2025-12-01T07:00:00Z
  ok backup trigger prod-db-vm --tier daily
  ok simulator clock --set 2025-12-01T08:00:00Z
  ok backup trigger prod-db-vm --tier daily
  ok backup replicate-all prod-db-vm --target-region westus2
  mkdir -p bin
  printf '#!/bin/sh\necho "$*" >>%s/ssh.log\n' "$work" >bin/ssh
  chmod +x bin/ssh
  export PATH="$work/bin:$PATH"
}

test_a_corrupt_vm_goes_back_to_a_point_in_time() {
  prepare
  ok backup list prod-db-vm
  expect_out "prod-db-vm-backup-daily-20251201-0800"
  ok backup restore prod-db-vm --backup prod-db-vm-backup-daily-20251201-0800 --yes
  expect_out "✓ Restore complete"
  expect_match 'RTO \(Recovery Time\): [0-9]+m'
  expect_out "VM status: Running"
  ok ssh prod-db-vm "systemctl status"
  grep -q "systemctl status" ssh.log || fail "ssh was asked: $(cat ssh.log)"
}

test_a_region_is_down() {
  prepare
  ok backup replication-status prod-db-vm
  expect_out "RPO in westus2"
  ok dr test prod-db-vm --backup prod-db-vm-backup-daily-20251201-0800 --test-region westus2
  expect_out "✓ DR test PASSED"
  # what brings the service up for good while eastus gives no answer
  ok simulator fault add --region-down eastus
  ok dr failover prod-db-vm --target-region westus2 --yes -o json
  ok simulator fault clear
}

test_deleted_data_comes_back() {
  prepare
  ok backup list prod-db-vm --since 7d
  expect_out "prod-db-vm-backup-daily-20251201-0700"
  ok backup verify prod-db-vm-backup-daily-20251201-0700
  expect_out "Result: PASS - backup is restorable"
  ok backup restore prod-db-vm --backup prod-db-vm-backup-daily-20251201-0700 --yes
  ok ssh prod-db-vm "ls -la /data/critical-files"
}

test_the_quarterly_drill() {
  prepare
  ok dr test-all
  expect_out "✓ All DR tests passed (1/1)"
  ok dr success-rate --days 90
  expect_out "Compliance: PASSING"
  ok backup verification-report --days 90
  ok dr test-history --days 90
  cp .out quarterly-dr-report.txt
  grep -q "✓ PASS" quarterly-dr-report.txt || fail "the report has no test that passed"
}

run_tests "$@"
