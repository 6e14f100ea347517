# The examples of each command's help, run as they are printed: on the simulated Azure, in a world that has what they
# name. What ends with a code that the help does not name, or with another than is expected, fails.
. "$(dirname "$0")/harness.sh"
suite=$(realpath "$0")

# before_COMMAND: what the world lacks for this command's examples; it may set
#   expected  the codes with which they may end (0)
#   line      another command line, where the printed one names an id that only Azure gives
#   elsewhere the suite that runs it, where it needs a service that is not simulated
run_example() { # run_example COMMAND EXAMPLE CODES
  local hook=before_${1//[ -]/_} expected=0 line=$2 elsewhere=
  hook=${hook/before_azlin_/before_}
  ! declare -F "$hook" >/dev/null || "$hook" "$@"
  if [ -n "$elsewhere" ]; then
    grep -q "${1#azlin }" "$(dirname "$suite")/$elsewhere" || fail "$elsewhere does not run $1"
    return
  fi
  line=${line//\/mnt\//$work/mnt/} line=${line//\/var\/lib\/prometheus/$work} line=${line// \/restore/ $work/restore} line=${line// \/etc / $work/conf }
  line=${line//2025-12-01T08:00:00Z/$(date -u -d '-1 hour' +%FT%TZ)}
  line=${line//2025-12-01 08:15/$(date -u -d '+1 hour' '+%F %H:%M')}
  run timeout 600 bash -c "$line"
  last_command="$2"
  [[ " $expected " == *" $code "* ]] || fail "exit code $code, expected $expected"
  grep -qE "(^|[^0-9])$code([^0-9]|$)|of the command|that of ssh" <<<"$3" || fail "the help does not name exit code $code: $3"
  echo "$1" >>"$work/ran"
}

# run_examples GROUP...: of the commands in these groups, in the order of the command tree.
run_examples() {
  local group command example codes
  mkdir -p "$work/bin"
  printf '#!/bin/sh\nexec "%s" --yes "$@"\n' "$AZLIN" >"$work/bin/azlin"
  chmod +x "$work/bin/azlin"
  export PATH="$work/bin:$PATH"
  "$AZLIN" reference --list >"$work/list.json" || fail "no list of examples"
  for group; do
    jq -r --arg group "azlin $group" '.[] | select(.command == $group or (.command | startswith($group + " ")))
      | .command as $command | .exitCodes as $codes | .examples[] | [$command, ., $codes | gsub("[\n\t]"; " ")] | join("\t")' \
      "$work/list.json" >"$work/group"
    [ -s "$work/group" ] || fail "no command in $group"
    while IFS=$'\t' read -r command example codes <&3; do run_example "$command" "$example" "$codes"; done 3<"$work/group"
  done
}

test_every_command_has_an_example_and_says_its_exit_codes() {
  ok reference --list
  expect_json '[.[] | select((.examples | length) == 0) | .command] == []'
  expect_json '[.[] | select(.exitCodes == "") | .command] == []'
  expect_json '[.[] | .command as $c | .examples[] | select((. == $c or startswith($c + " ")) | not)] == []'
  # and each is of a group that is run below
  local group
  for group in $(jq -r '.[].command' <<<"$out" | cut -d' ' -f2 | sort -u); do
    grep -qE "^ *run_examples .*\\b$group\\b" "$suite" || fail "no test runs the examples of azlin $group"
  done
}

test_protection() {
  start_simulator
  ok backup configure prod-db-vm
  ok export -f protection.yaml
  run_examples plan apply export
}

at() { ok simulator clock --set "$1"; }
last_job() { azlin -q vault jobs -o json | jq -r '.jobs[0].id // .jobs[0].name'; }

test_backup() {
  start_simulator
  at 2025-11-24T08:00:00Z
  ok backup configure prod-db-vm
  ok backup trigger prod-db-vm --tier weekly
  at 2025-12-01T08:00:00Z
  ok backup trigger prod-db-vm --tier daily
  at 2025-12-02T08:00:00Z
  run_examples backup operations state recover
}
test_plain_snapshots() {
  start_simulator
  at 2025-12-01T08:00:00Z
  run_examples snapshot
}
before_backup_disable() { ok backup configure staging-vm; }
before_backup_trigger() { ok backup replicate-all prod-db-vm --target-region westus2; }
before_backup_verify() { ok simulator latency none; }
before_backup_replicate() { at 2025-12-03T08:00:00Z; }
before_backup_replication_cancel() {
  ok backup configure vm1
  ok backup trigger vm1
  ok simulator latency realistic # so that the copy is under way
  ok backup replicate vm1-backup --target-region westus2 --no-wait
  line="azlin backup replication-cancel $(azlin -q backup replication-jobs -o json | jq -r '.jobs[] | select(.vm == "vm1") | .id')"
}

test_dr() {
  start_simulator
  ok backup configure prod-db-vm --cross-region --target-region westus2
  ok backup trigger prod-db-vm
  ok backup replicate-all prod-db-vm --target-region westus2
  printf 'name: shop\nregion: westus2\ngroups:\n  - name: data\n    vms: [prod-db-vm]\n' >shop.yaml
  printf '#!/bin/sh\necho "ssh $*"\n' >ssh-stub
  mkdir -p bin && mv ssh-stub bin/ssh && chmod +x bin/ssh
  run_examples dr orphans ssh
}
before_snapshot_sync() { ok snapshot enable vm1; }

# The failed-over VM that stays after a failback would be a second one of its name.
before_dr_test_all() {
  curl -fsS -X DELETE -H "Authorization: Bearer $(curl -fsS -X POST "$sim_url/_simulator/token" | jq -r .token)" \
    "$sim_url/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production-westus2/providers/Microsoft.Compute/virtualMachines/prod-db-vm?api-version=2024-07-01" ||
    fail "cannot delete the failed-over VM"
}
before_dr_disable() { ok dr configure staging-vm --test-region westus2; }
before_orphans() { expected="0 6"; }
before_dr_readiness() { expected="0 6"; }

test_alerts_reports_and_what_runs_by_itself() {
  start_simulator
  ok backup configure prod-db-vm
  ok backup trigger prod-db-vm
  export HOOK_KEY=secret-key-4711
  printf 'channels:\n  webhook: {url: "%s/_simulator/token", secret: "env:HOOK_KEY"}\n' "$sim_url" >"$AZLIN_HOME/alerts.yaml"
  mkdir -p bin node-exporter
  printf '#!/bin/sh\ncase "$*" in *is-system-running) echo running ;; *" show "*) echo ActiveState=active ;; esac\n' >bin/systemctl
  chmod +x bin/systemctl
  export XDG_CONFIG_HOME="$work/config"
  run_examples alert report metrics cost schedule status doctor
}
before_alert_resolve() {
  ok simulator fault add --method PUT --path '*/snapshots/*' --count 3 --status 400 --code BadRequest --message injected
  run azlin backup trigger prod-db-vm
  expect_code 1
  ok simulator fault clear
  line="azlin alert resolve $(azlin -q alert list -o json | jq -r '.alerts[0].key')"
}
before_alert_check() { expected="0 6"; }
before_report_verify() { ok report --evidence evidence; }
before_status() { expected="0 6"; }

test_recovery_services_vaults() {
  start_simulator
  ok vault register-vm prod-db-vm --workload SAPHana
  run_examples policy vault restore
}
before_policy_delete() { ok policy create hana-weekly --workload SAPHana; }
before_vault_unregister_vm() { ok vault register-vm prod-app-vm --workload MSSQL; }
before_vault_undelete() { ok vault unprotect HXE/HXE --delete-backup-data --yes; }
before_vault_items() { ok vault protect HXE/HXE --policy hana-daily; }
before_vault_job_show() { line="azlin vault job show $(last_job)"; }
before_vault_job_wait() { line="azlin vault job wait $(last_job)"; }
before_vault_job_cancel() {
  ok simulator latency realistic
  ok vault backup HXE/HXE --no-wait
  ok simulator latency none
  line="azlin vault job cancel $(last_job)"
}
before_vault_summary() { expected="0 6"; }
before_restore_points() {
  ok vault backup HXE/HXE --type full
  ok simulator clock --advance 2h
}
before_restore_alternate() {
  ok vault register-vm prod-app-vm --workload MSSQL
  ok vault register-vm staging-vm --workload MSSQL
  ok policy create sql-daily --workload MSSQL
  ok vault protect sales --server prod-app-vm --policy sql-daily
  ok vault backup sales --server prod-app-vm
}
before_restore_vm() {
  ok backup configure critical-vm --engine azure-backup --vault my-vault
  ok backup trigger critical-vm
}
before_restore_snapshot() {
  ok backup configure prod-db-vm
  ok backup trigger prod-db-vm --tier daily
  line="azlin restore snapshot prod-db-vm --backup prod-db-vm-backup-daily --yes"
}

test_archives() {
  command -v restic >/dev/null || { echo "not checked: restic is not installed"; return 0; }
  start_simulator
  export AZLIN_ARCHIVE_PASSWORD=first
  mkdir -p mnt/backup mnt/bundles mnt/second conf/app bin "$AZLIN_HOME"
  echo "port=80" >conf/app/app.conf
  printf 'services:\n  app:\n    config: [%s/conf/app]\n' "$work" >"$AZLIN_HOME/archive.yaml"
  printf '#!/bin/sh\ntar -C %s/conf -cf - .\n' "$work" >bin/podman
  printf '#!/bin/sh\necho "-- a dump"\n' >bin/runuser
  chmod +x bin/podman bin/runuser
  (umask 077 && echo second >.archive-password)
  run_examples archive
}

before_archive_report() { export AZLIN_ARCHIVE_PASSWORD=second; } # key rotate has changed it
before_archive_encrypt() { line="azlin archive encrypt /mnt/bundles/$(ls "$work/mnt/bundles") -d /mnt/backup"; }

test_platform_resources() {
  start_simulator
  (umask 077 && echo never-in-a-log-4711 >.kv-password)
  local token arm
  token=$(curl -fsS -X POST "$sim_url/_simulator/token" | jq -r .token)
  arm="$sim_url/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers"
  put() {
    curl -fsS -X PUT -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "$2" "$arm/$1" >/dev/null || fail "cannot make $1"
  }
  put "Microsoft.KeyVault/vaults/dr-kv?api-version=2022-07-01" \
    '{"location":"eastus","properties":{"tenantId":"00000000-0000-0000-0000-000000000002","sku":{"family":"A","name":"standard"},"accessPolicies":[],"enableRbacAuthorization":true}}'
  put "Microsoft.AppConfiguration/configurationStores/dr-config?api-version=2022-05-01" '{"location":"eastus","sku":{"name":"standard"}}'
  printf 'name: look\nvariables:\n  group:\nsteps:\n  - name: regions\n    phase: assess\n    run: [platform, cosmos, regions, prod-cosmos]\n' >plan.yaml
  run_examples platform recovery
}
before_platform_storage_export() { elsewhere=platform_storage.sh; }
before_platform_storage_import() { elsewhere=platform_storage.sh; }
before_platform_storage_verify() { elsewhere=platform_storage.sh; }
in_an_hour() {
  ok simulator clock --advance 2h -o json
  line=${2/2025-12-01T08:00:00Z/$(date -u -d "$(jq -r .now <<<"$out") - 1 hour" +%FT%TZ)}
}
before_platform_storage_restore() { in_an_hour "$@"; }
before_platform_storage_backup_restore() { in_an_hour "$@"; }
before_recovery_show() { line="azlin recovery show $(azlin recovery list -o json | jq -r '.runs[0].run // .runs[0].id')"; }
before_platform_assess() { expected=6; }

test_the_program_itself() {
  start_simulator
  run_examples auth version completion mcp
}
before_auth_login() { expected=2; }

test_the_simulator() {
  export AZLIN_CLOUD=simulator
  trap 'azlin simulator stop >/dev/null 2>&1' EXIT
  run_examples simulator
}
before_simulator_serve() { # it stays in the foreground, and the test has no port of its own
  line='azlin simulator serve --port 0 --latency none >serve.out & until grep -q "^listening" serve.out 2>/dev/null; do sleep 0.05; done; kill $!; wait $!'
}
before_simulator_status() { ok simulator start --latency none; }

run_tests "$@"
