# azlin plan, apply, export and groups, as a user types them.
. "$(dirname "$0")/harness.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)

# tag VM NAME=VALUE: somebody else changes a tag.
tag() {
  local token id
  token=$(curl -fsS -X POST "$sim_url/_simulator/token" -d '{}' | jq -r .token)
  id=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/${group:-Production}/providers/Microsoft.Compute/virtualMachines/$1
  jq -n --arg name "${2%%=*}" --arg value "${2#*=}" '{operation: "Merge", properties: {tags: {($name): $value}}}' |
    curl -fsS -X PATCH -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d @- \
      "$sim_url$id/providers/Microsoft.Resources/tags/default?api-version=2021-04-01" >/dev/null || fail "cannot tag $1"
}

requests() { curl -fsS "$sim_url/_simulator/requests" | jq "$1"; }

write_file() {
  cat >protection.yaml <<'YAML'
version: 1
templates:
  gold:
    schedule: [daily, weekly, monthly]
    retention: {daily: 14, weekly: 8}
    region: westus2
    verification: {level: full, every: 2d}
    drill: {every: 3d, target_rto: 20m}
rules:
  - name: databases
    select: {name: "*-db-*"}
    template: gold
  - name: rest
    select: {resource_group: Production}
    schedule: [daily]
groups:
  shop:
    boot_order: [prod-db-vm, [prod-app-vm, vm1]]
YAML
}

test_a_plan_changes_nothing_and_apply_does_it_once() {
  start_simulator
  write_file
  run azlin plan -f protection.yaml
  expect_code 0
  expect_out "prod-db-vm (Production), rule databases"
  expect_out "drill: every 3d in westus2, target RTO 20m"
  expect_out "group: shop, stage 1"
  expect_match '^Hash: [0-9a-f]{16}$'
  [ "$(requests '[.requests[] | select(.method != "GET" and .method != "POST")] | length')" -eq 0 ] || fail "plan wrote something"
  run azlin plan -f protection.yaml --detailed-exitcode
  expect_code 6
  run azlin apply -f protection.yaml
  expect_code 2
  expect_err "--yes"
  run azlin apply -f protection.yaml --dry-run
  expect_code 0
  expect_out "azlin:backup-schedule={\"v\":1"
  run azlin plan -f protection.yaml --detailed-exitcode
  expect_code 6
  ok apply -f protection.yaml --yes -o json
  expect_json '.failed == 0 and .changed == (.results | length) and .changed > 3'
  ok plan -f protection.yaml --detailed-exitcode
  expect_out "Nothing to change"
  ok apply -f protection.yaml
  ok backup config-show prod-db-vm
  expect_out "Daily retention: 14 days"
  ok dr show prod-db-vm
  expect_out "Test region: westus2"
  ok operations list
  expect_out "protection.apply"
}

test_a_bad_file_is_named_with_place_and_changes_nothing() {
  start_simulator
  printf 'version: 1\nrules:\n  - name: a\n    select: {name: "*"}\n    retension: {daily: 3}\n' >bad.yaml
  for command in plan apply; do
    run azlin $command -f bad.yaml
    expect_code 2
    expect_err "bad.yaml:5:5: unknown key 'retension' in a rule; did you mean 'retention'?"
  done
  printf 'version: 1\nrules:\n  - name: a\n    select: {name: "*"}\n    region: eastus\n' >own.yaml
  run azlin plan -f own.yaml
  expect_code 2
  expect_err "own.yaml:5:13: rule 'a', VM prod-app-vm: the target region eastus is the VM's own region"
  sed 's/eastus/marsus2/' own.yaml >nowhere.yaml
  run azlin plan -f nowhere.yaml
  expect_code 2
  expect_err "the subscription has no region marsus2"
  printf 'version: 1\nalerts:\n' >empty.yaml
  run azlin plan -f empty.yaml
  expect_code 2
  expect_err "means none"
  run azlin plan -f missing.yaml
  expect_code 3
  run azlin plan
  expect_code 2
  [ "$(requests '[.requests[] | select(.method == "PATCH")] | length')" -eq 0 ] || fail "something was changed"
}

test_losing_points_needs_the_hash_of_the_plan() {
  start_simulator fleet:3x20
  printf 'version: 1\nrules:\n- {name: all, select: {name: "*"}, schedule: [daily], retention: {daily: 18}}\n' >p.yaml
  run azlin plan -f p.yaml -o json
  local hash
  hash=$(jq -r .hash <<<"$out")
  ok apply -f p.yaml --hash "$hash" --yes
  sed -i 's/daily: 18/daily: 5/' p.yaml
  ok plan -f p.yaml
  expect_match '^  - vm-0001-backup-[a-z]+-[0-9-]+  20[0-9-]+ [0-9:]+  [a-z0-9]+  '
  expect_match '[1-9][0-9]* recovery points would be lost'
  run azlin apply -f p.yaml --yes
  expect_code 2
  expect_err "carried out with the plan's hash only"
  run azlin plan -f p.yaml -o json
  expect_json '.lostPoints > 0 and .lostPoints == ([.vms[].lost[]] | length) and all(.vms[].lost[]; .name and .createdAt and .reason)'
  hash=$(jq -r .hash <<<"$out")
  run azlin apply -f p.yaml --hash 0123456789abcdef --yes
  expect_code 1
  expect_err "the plan is no longer the one of hash 0123456789abcdef"
  ok apply -f p.yaml --hash "$hash" --yes
  ok apply -f p.yaml --hash "$hash" --yes
  ok plan -f p.yaml --detailed-exitcode
}

test_two_hundred_vms_in_few_calls_and_a_lost_race_is_refused() {
  start_simulator fleet:200x3
  printf 'version: 1\nrules:\n- {name: all, select: {name: "vm-*"}, schedule: [daily, weekly], retention: {daily: 9}, drill: {every: 2d, region: westus2}}\n' >p.yaml
  run azlin plan -f p.yaml -o json
  expect_code 0
  expect_json '.selected == 200 and (.vms | length) == 200'
  [ "$(requests '[.requests[] | select(.method == "GET")] | length')" -lt 60 ] || fail "plan asks for each VM"
  local hash
  hash=$(jq -r .hash <<<"$out")
  group=Fleet tag vm-0007 owner=somebody
  run azlin apply -f p.yaml --hash "$hash" --yes
  expect_code 1
  expect_err "the plan is no longer the one of hash $hash"
  run azlin plan -f p.yaml -o json
  expect_json '(.vms | length) == 200'
  hash=$(jq -r .hash <<<"$out")
  # One VM is changed by somebody at the moment of its write: it alone is refused.
  ok simulator fault add --method PATCH --path '*/virtualMachines/vm-0042*' --count 5 --status 412 --code PreconditionFailed --message 'changed meanwhile'
  run azlin apply -f p.yaml --hash "$hash" --yes -o json
  expect_code 4
  expect_json '.changed == 199 and .failed == 1 and ([.results[] | select(.state == "refused") | .vm] == ["vm-0042"])'
  ok apply -f p.yaml --yes -o json
  expect_json '.changed == 1'
  ok plan -f p.yaml --detailed-exitcode
}

test_a_failing_vm_does_not_stop_the_others() {
  start_simulator
  write_file
  ok simulator fault add --method PATCH --path '*/virtualMachines/prod-app-vm*' --status 400 --code BadRequest --message injected
  run azlin apply -f protection.yaml --yes
  expect_code 4
  expect_out "✗ prod-app-vm: "
  expect_out "✓ prod-db-vm"
  ok apply -f protection.yaml --yes
  expect_out "1 VM changed"
}

test_the_exported_file_has_no_difference() {
  start_simulator
  write_file
  ok apply -f protection.yaml --yes
  ok backup configure critical-vm --daily-retention 3 --no-weekly
  ok backup disable critical-vm
  mkdir -p "$AZLIN_HOME"
  printf 'rpo_exceeded: {threshold_hours: 26}\n' >"$AZLIN_HOME/alerts.yaml"
  ok export -f exported.yaml
  ok plan -f exported.yaml --detailed-exitcode
  run azlin export -f exported.yaml
  expect_code 2
  azlin export -o json >exported.json || fail "no JSON"
  jq -e '.alerts.rpo_exceeded.threshold_hours == 26 and .groups.shop.boot_order[0] == ["prod-db-vm"]' exported.json >/dev/null || fail "the JSON"
  ok plan -f exported.json --detailed-exitcode
  azlin export | azlin plan -f - --detailed-exitcode >/dev/null || fail "by way of a pipe"
}

test_alerts_and_expectations_live_in_the_same_file() {
  start_simulator
  cat >p.yaml <<'YAML'
version: 1
alerts:
  rpo_exceeded: {threshold_hours: 26}
expectations:
  storage: {versioning: true}
YAML
  ok apply -f p.yaml --yes
  expect_out "rpo_exceeded.threshold_hours: 26"
  ok alert list --rules -o json
  expect_json '.rules[] | select(.rule == "rpo_exceeded") | .threshold.value == 26'
  ok plan -f p.yaml --detailed-exitcode
  run azlin platform assess --all --expectations p.yaml -o json
  expect_json '[.resources[] | select(.kind == "storage") | .findings[].check] | length > 0'
  expect_json '[.resources[].findings[].check | select(. == "purge protection")] | length == 0'
  sed -i 's/26/27/' p.yaml
  ok apply -f p.yaml --yes
  grep -q 26 "$AZLIN_HOME/alerts.yaml.before" || fail "the old alerts.yaml is gone"
}

test_verification_goes_by_the_tag() {
  start_simulator
  printf 'version: 1\nrules:\n- {name: db, select: {name: prod-db-vm}, verification: {level: disk, every: 30d}}\n- {name: rest, select: {name: "*"}, verification: off}\n' >p.yaml
  ok apply -f p.yaml --yes
  for vm in prod-db-vm vm1; do
    ok backup configure $vm
    ok backup trigger $vm
  done
  ok backup verify-all --all -o json
  expect_json '(.results | length) > 0 and all(.results[]; .vm == "prod-db-vm" and .levelAsked == "disk")'
  ok backup verify-all --all
  expect_out "Nothing is due"
  ok backup verify-all --all --level content -o json
  expect_json '(.results | length) == 1 and all(.results[]; .vm == "prod-db-vm" and .levelAsked == "content")'
  ok backup verify-all vm1 -o json
  expect_json '(.results | length) == 1 and .results[0].levelAsked == "content"'
}

test_a_group_is_backed_up_at_once_and_restored_from_one_run() {
  start_simulator
  write_file
  ok apply -f protection.yaml --yes
  run azlin backup trigger --group none
  expect_code 3
  expect_err "there are: shop"
  ok backup trigger --group shop -o json
  expect_json '.group == "shop" and (.results | length) == 3 and .failed == 0 and (.spreadSeconds | type) == "number"'
  local run backup
  run=$(jq -r .run <<<"$out") backup=$(jq -r '.results[] | select(.vm == "vm1") | .backup' <<<"$out")
  run azlin backup trigger --group shop --due -o json
  expect_json '.due == false'
  run azlin backup restore --group shop
  expect_code 2
  ok backup restore --group shop --yes -o json
  expect_json ".run == \"$run\" and .success and ([.stages[].vms | length] == [1, 2])"
  expect_json ".stages[1].vms[] | select(.vm == \"vm1\") | .backup == \"$backup\" and .rtoSeconds >= 0"
  run azlin backup restore --group shop --at 2020-01-01T00:00 --yes
  expect_code 3
  run azlin backup restore vm1 --group shop
  expect_code 2
}

test_the_job_that_backs_up_by_itself_keeps_groups_together() {
  start_simulator
  write_file
  ok apply -f protection.yaml --yes
  ok backup trigger --due -o json
  expect_json '.failed == 0 and (.results | length) == 6 and (.groups | length) == 1 and .groups[0].group == "shop" and .groups[0].run != null'
  ok backup trigger --due -o json
  expect_json '.notDue == 6 and .groups == []'
  tag vm1 'azlin:backup-schedule={"v":1,"on":false,"d":7,"w":4,"m":12}'
  ok backup trigger --all -o json
  expect_json '.failed == 0 and (.results | length) == 5 and .groups == []'
  expect_err "the VMs of group shop are backed up one by one"
}

# A member whose backup fails: the others' backups stay, and there is no run to restore from.
test_a_group_run_that_is_not_whole_is_not_marked() {
  start_simulator
  write_file
  ok apply -f protection.yaml --yes
  ok simulator fault add --method PUT --path '*/snapshots/vm1-*' --status 400 --code BadRequest --message injected --count 9
  run azlin backup trigger --group shop -o json
  expect_code 4
  expect_json '.run == null and .spreadSeconds == null and .failed == 1 and .succeeded == 2'
  run azlin backup restore --group shop --yes
  expect_code 3
  expect_err "no run that is complete for all of its 3 VMs"
}

test_a_group_is_drilled_and_failed_over_in_boot_order_from_one_run() {
  start_simulator
  sed 's/schedule: \[daily\]/template: gold/' <(write_file && cat protection.yaml) >gold.yaml
  ok apply -f gold.yaml --yes
  ok backup trigger --group shop -o json
  local backup
  backup=$(jq -r '.results[] | select(.vm == "vm1") | .backup' <<<"$out")
  ok backup replication-jobs
  ok backup trigger vm1
  ok backup replication-jobs
  run azlin dr test --group shop -o json
  [ "$code" -eq 0 ] || [ "$code" -eq 6 ] || fail "the drill"
  expect_json '.region == "westus2" and .success and ([.groups[].name] == ["stage 1", "stage 2"]) and ([.groups[].vms | length] == [1, 2])'
  expect_json ".groups[1].vms[] | select(.vm == \"vm1\") | .drill.backup == \"$backup\""
  run azlin dr test vm1 --group shop
  expect_code 2
  ok dr failover --group shop --target-region westus2 --yes -o json
  expect_json ".success and (.groups[1].vms[] | select(.vm == \"vm1\") | .failover.backup == \"$backup\")"
}

# The schema and azlin agree; what a schema cannot say, azlin alone refuses.
test_the_schema_agrees_with_the_parser() {
  /usr/bin/python3 -c 'import jsonschema, yaml' 2>/dev/null || { echo "skipped: python3-jsonschema or python3-yaml is missing"; return 0; }
  start_simulator
  azlin plan --schema >schema.json || fail "no schema"
  cmp schema.json "$top/packaging/protection.schema.json" || fail "--schema is not the shipped file"
  write_file
  mkdir good bad
  cp protection.yaml good/tour.yaml
  sed -n '/^```yaml$/,/^```$/{/^```/!p}' "$top/docs/protection.md" >good/document.yaml
  azlin export >good/exported.yaml || fail "no export"
  (cd good && azlin platform assess --print-expectations | sed 's/^/  /' | { printf 'version: 1\nexpectations:\n'; cat; } >expectations.yaml)
  sed -n '/^```yaml$/,/^```$/{/^```/!p}' "$top/docs/alerts.md" | sed 's/^/  /' | { printf 'version: 1\nalerts:\n'; cat; } >good/alerts.yaml
  printf 'version: 1\n' >good/least.yaml
  printf 'version: 1\nrules:\n- {name: a, select: {tags: {env: prod}}, schedule: off, region: none, verification: off, drill: off}\n' >good/off.yaml
  local n=0 text
  while IFS= read -r text; do
    n=$((n + 1))
    printf '%b' "$text" >"bad/$n.yaml"
  done <<'BAD'
rules: []
version: 2
version: 1\nrule: []
version: 1\nrules: {}
version: 1\nrules:\n- {name: a}
version: 1\nrules:\n- {select: {name: a}}
version: 1\nrules:\n- {name: a, select: {}}
version: 1\nrules:\n- {name: a, select: {name: []}}
version: 1\nrules:\n- {name: a, select: {nam: x}}
version: 1\nrules:\n- {name: a, select: {name: x}, schedule: daily}
version: 1\nrules:\n- {name: a, select: {name: x}, schedule: [weekly]}
version: 1\nrules:\n- {name: a, select: {name: x}, schedule: [daily, hourly]}
version: 1\nrules:\n- {name: a, select: {name: x}, retention: {daily: 0}}
version: 1\nrules:\n- {name: a, select: {name: x}, retention: {daily: many}}
version: 1\nrules:\n- {name: a, select: {name: x}, retention: {yearly: 1}}
version: 1\nrules:\n- {name: a, select: {name: x}, retention: 7}
version: 1\nrules:\n- {name: a, select: {name: x}, region: "west/us"}
version: 1\nrules:\n- {name: a, select: {name: x}, verification: {level: deep}}
version: 1\nrules:\n- {name: a, select: {name: x}, verification: {every: often}}
version: 1\nrules:\n- {name: a, select: {name: x}, verification: on}
version: 1\nrules:\n- {name: a, select: {name: x}, drill: {target: 15m}}
version: 1\nrules:\n- {name: a, select: {name: x}, drill: {every: 7}}
version: 1\ntemplates: {a: {select: {name: x}}}
version: 1\ngroups: {a: {}}
version: 1\ngroups: {a: {boot_order: []}}
version: 1\ngroups: {a: {boot_order: db}}
version: 1\ngroups: {a b: {boot_order: [db]}}
version: 1\nalerts: {rpo: {}}
version: 1\nalerts: {rpo_exceeded: {threshold_hours: 0}}
version: 1\nalerts: {backup_failure: {severity: urgent}}
version: 1\nalerts: {channels: {slack: {webhook_url: "https://hooks.example.com/x"}}}
version: 1\nexpectations: {storage: {versioning: 3}}
version: 1\nexpectations: {mysql: {}}
BAD
  [ "$n" -gt 30 ] || fail "only $n bad files"
  # Names the files that the schema takes.
  /usr/bin/python3 - good/*.yaml bad/*.yaml >valid <<'PY' || fail "the validator"
import json, sys, jsonschema, yaml
validator = jsonschema.Draft7Validator(json.load(open("schema.json")))
for name in sys.argv[1:]:
    if validator.is_valid(yaml.safe_load(open(name))):
        print(name)
PY
  for file in good/*.yaml; do
    grep -qx "$file" valid || fail "the schema refuses $file: $(cat "$file")"
    run azlin plan -f "$file"
    [ "$code" -eq 0 ] || fail "azlin refuses $file"
  done
  for file in bad/*.yaml; do
    ! grep -qx "$file" valid || fail "the schema takes $file: $(cat "$file")"
    run azlin plan -f "$file"
    expect_code 2
    expect_err "$file:"
  done
}

run_tests "$@"
