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

run_tests
