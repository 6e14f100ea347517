# VMs that are not as the usual ones: shared disks, disks that others took the place of, no room for tags.
. "$(dirname "$0")/harness.sh"

backed_up() {
  start_simulator
  ok backup configure prod-db-vm
  ok backup trigger prod-db-vm -o json
  name=$(jq -r .backup.name <<<"$out")
}

state_ids() { curl -fsS "$sim_url/_simulator/state" | jq -S .; }

# arm METHOD PATH API-VERSION [BODY]: as another tool would change things.
arm() {
  local token
  token=$(curl -fsS -H 'Metadata: true' "$sim_url/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/" | jq -r .access_token)
  curl -fsS -X "$1" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' ${4:+-d "$4"} "$sim_url$2?api-version=$3"
}

test_a_disk_that_is_shared_or_another_one_now_is_told() {
  local compute=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute disks
  backed_up
  for disk in other cluster; do
    arm PUT "$compute/disks/$disk" 2023-10-02 '{"location":"eastus","sku":{"name":"Premium_LRS"},"properties":{"creationData":{"createOption":"Empty"},"diskSizeGB":256,"maxShares":2}}' >/dev/null || fail "no disk $disk"
  done
  arm PATCH "$compute/disks/other" 2023-10-02 '{"properties":{"maxShares":1}}' >/dev/null || fail "no plain disk"
  disks=$(arm GET "$compute/virtualMachines/prod-db-vm" 2024-07-01 | jq -c '.properties.storageProfile.dataDisks')
  attach() { # LUN 1 becomes $1
    jq -c --arg id "$compute/disks/$1" '{properties: {storageProfile: {dataDisks: ([.[] | select(.lun != 1)] + [{lun: 1, createOption: "Attach", managedDisk: {id: $id}}])}}}' <<<"$disks"
  }
  arm PATCH "$compute/virtualMachines/prod-db-vm" 2024-07-01 "$(attach cluster)" >/dev/null || fail "not attached"
  before=$(state_ids)
  run azlin backup restore prod-db-vm --backup "$name" --yes
  expect_code 1
  expect_err "is a shared disk"
  [ "$before" = "$(state_ids)" ] || fail "something is left"
  arm PATCH "$compute/virtualMachines/prod-db-vm" 2024-07-01 "$(attach other)" >/dev/null || fail "not attached"
  ok backup restore prod-db-vm --backup "$name" --yes --no-guest-check
  expect_err "LUN 1 is another one now (other)"
  ok backup restore prod-db-vm --backup "$name" --yes --no-guest-check
  reject_err "another one now"
}

test_a_vm_without_room_for_the_tags_is_refused_before_it_is_configured() {
  start_simulator
  local vm=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/vm1
  arm PATCH "$vm/providers/Microsoft.Resources/tags/default" 2021-04-01 \
    "$(jq -cn '{operation: "Replace", properties: {tags: ([range(49) | {"t\(.)": "v"}] | add)}}')" >/dev/null || fail "no tags"
  run azlin backup configure vm1
  expect_code 1
  expect_err "49 tags"
  expect_err "azlin:lease"
  run azlin snapshot create vm1
  ok snapshot list vm1
  arm PATCH "$vm/providers/Microsoft.Resources/tags/default" 2021-04-01 '{"operation":"Delete","properties":{"tags":{"t0":"v"}}}' >/dev/null || fail "no tag less"
  ok backup configure vm1
  ok backup trigger vm1
}

test_a_disabled_subscription_is_told_as_such() {
  backed_up
  ok simulator fault add --method PATCH --path '*/providers/*' --status 409 --code ReadOnlyDisabledSubscription --message "The subscription is disabled." --count -1
  for what in "backup trigger prod-db-vm" "backup restore prod-db-vm --backup $name --yes" "backup delete $name --yes --force" "backup configure vm1" \
    "snapshot create vm1"; do
    eval "run azlin $what"
    expect_code 1
    expect_err "The subscription is disabled"
    reject_err "by others"
    reject_err "could not be given back"
  done
  ok simulator fault clear
  ok backup trigger prod-db-vm
}

test_backups_of_one_name_of_two_vms_are_told_apart() {
  echo '{"vms": [{"name": "twin", "group": "Shop", "osDiskGb": 32}, {"name": "twin", "group": "Test", "osDiskGb": 32}]}' >seed.json
  start_simulator "$work/seed.json"
  ok backup configure twin -g Shop
  ok backup configure twin -g Test
  ok backup trigger twin -g Shop -o json
  name=$(jq -r .backup.name <<<"$out")
  # What a backup of the other one in the same minute is called.
  local groups=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups compute=providers/Microsoft.Compute body
  body=$(arm GET "$groups/Shop/$compute/snapshots/$name" 2023-10-02 | jq -c --arg disk "$groups/Test/$compute/disks/twin_OsDisk" \
    '{location, tags: (.tags + {"azlin:vm": "test/twin"}), properties: {incremental: true, creationData: {createOption: "Copy", sourceResourceId: $disk}}}')
  arm PUT "$groups/Test/$compute/snapshots/$name" 2023-10-02 "$body" >/dev/null || fail "no second snapshot"
  before=$(state_ids)
  for what in "verify $name" "replicate $name --target-region westus2" "hold $name" "delete $name --force --yes" \
    "delete twin-backup --force --yes"; do
    eval "run azlin backup $what"
    expect_code 2
    expect_err "several VMs have a backup named $name: shop/twin, test/twin"
  done
  [ "$before" = "$(state_ids)" ] || fail "something was changed"
  ok backup verify "$name" -g test --level disk
  ok backup replicate "$name" -g TEST --target-region westus2
  ok backup hold "$name" -g test
  ok backup delete "$name" -g Shop --force --yes
  ok backup list twin -g Shop -o json
  expect_json '.backups == []'
  ok backup list twin -g Test -o json
  expect_json '.backups | length == 1'
  run azlin backup verify "$name" -g nowhere
  expect_code 3
}

run_tests
