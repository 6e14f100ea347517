# App Configuration: replies that are lost, items that cannot be written, permissions that are missing.
. "$(dirname "$0")/harness.sh"

prepare() {
  start_simulator
  token=$(curl -fsS -X POST -H 'Content-Type: application/json' -d '{}' "$sim_url/_simulator/token" | jq -r .token)
  arm="$sim_url/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers"
}

new_store() {
  curl -fsS -X PUT -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d "{\"location\":\"eastus\",\"sku\":{\"name\":\"${2:-standard}\"}}" \
    "$arm/Microsoft.AppConfiguration/configurationStores/$1?api-version=2022-05-01" >/dev/null || fail "cannot make $1"
}

# The work was done, and only the reply is gone: sent again, the request meets 412, or 409 of its own lock.
test_replies_that_are_lost_are_no_failures() {
  prepare
  new_store lost-config
  jq -n '{items: [range(6) | {key: "k\(.)", value: "1", label: "l", locked: (. == 5)}]}' >one.json
  ok simulator fault add --method PUT --path '/kv/*' --drop after --count 3
  ok platform appconfig import lost-config --from one.json --yes -o json
  expect_json '.failures == [] and .left == 0'
  jq '.items |= map(.value = "2")' one.json >two.json
  ok simulator fault add --method PUT --path '/kv/*' --drop after --count 3
  ok platform appconfig import lost-config --from two.json --unlock --yes -o json
  expect_json '.failures == [] and .left == 0'
  ok platform appconfig diff lost-config --file two.json
  jq '.items |= .[:1]' two.json >three.json
  ok simulator fault add --method DELETE --path '/kv/*' --drop after --count 2
  ok platform appconfig import lost-config --from three.json --strict --unlock --yes -o json
  expect_json '.failures == [] and .left == 0'
}

test_an_item_that_cannot_be_written_is_locked_again() {
  prepare
  new_store lock-config
  jq -n '{items: [{key: "k", value: "1", locked: true}]}' >one.json
  ok platform appconfig import lock-config --from one.json --yes
  ok simulator fault add --method PUT --path '/kv/*' --status 403 --code Forbidden --message no --count -1
  jq '.items[0].value = "2"' one.json >two.json
  run azlin platform appconfig import lock-config --from two.json --unlock --yes
  expect_code 1
  expect_out "403"
  ok simulator fault clear
  ok platform appconfig diff lock-config --file one.json
}

test_an_item_that_cannot_be_unlocked_is_not_called_unlocked() {
  prepare
  new_store lock-config
  jq -n '{items: [{key: "k", value: "1", locked: true}]}' >one.json
  ok platform appconfig import lock-config --from one.json --yes
  ok simulator fault add --path '/locks/*' --status 403 --code Forbidden --message no --count -1
  jq '.items[0].value = "2"' one.json >two.json
  run azlin platform appconfig import lock-config --from two.json --unlock --yes
  expect_code 1
  expect_out "403"
  reject_out "could not be locked again"
  ok simulator fault clear
  ok platform appconfig diff lock-config --file one.json
}

test_a_missing_permission_is_named_with_the_role() {
  prepare
  jq -n '{grants: [{principal: "*", scope: "/", actions: ["*"], notActions: ["Microsoft.AppConfiguration/configurationStores/keyValues/*"]}]}' |
    curl -fsS -X PUT -H 'Content-Type: application/json' -d @- "$sim_url/_simulator/grants" >/dev/null || fail "no grants"
  run azlin platform appconfig export prod-config --to c.json
  expect_code 5
  expect_err "App Configuration Data Owner"
}

run_tests "$@"
