# App Configuration: files of every format, other stores, the past, and a service that says no.
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

# What time it is in the simulated Azure.
time_there() { "$AZLIN" simulator clock -o json 2>/dev/null | jq -r .now; }

# The tests of exports compare with `az` in tests/contract/az_platform.
test_each_format_goes_out_and_comes_back() {
  prepare
  new_store dr-config
  ok platform appconfig export prod-config --to c.json --format json --separator :
  expect_err "keeps no labels, tags and locks; 1 item with a label left out"
  [ "$(jq .app.limits.users c.json)" = 100 ] || fail "the JSON value is no JSON"
  [ "$(jq '.FeatureManagement["new-search"]' c.json)" = true ] || fail "the flag is not there"
  [ "$(stat -c %a c.json)" = 600 ] || fail "others can read the export"
  local format
  for format in json yaml properties; do
    ok platform appconfig export prod-config --to "c.$format" --format "$format"
    ok platform appconfig diff prod-config --file "c.$format" --format "$format"
    new_store "dr-$format"
    ok platform appconfig import "dr-$format" --from "c.$format" --format "$format" --yes
    ok platform appconfig diff "dr-$format" --file "c.$format" --format "$format"
    ok platform appconfig export "dr-$format" --to "again.$format" --format "$format"
    cmp "c.$format" "again.$format" || fail "the second export differs"
  done
  grep -q 'app\\:color=blue' c.properties || fail "no Java properties: $(cat c.properties)"
  grep -q '^"app:color": blue$' c.yaml || fail "no YAML: $(cat c.yaml)"
}

test_a_file_without_a_profile_changes_only_what_it_says() {
  prepare
  cat >new.yaml <<'YAML'
app:
  color: red
  port: 8080
feature-management:
  new-search:
    enabled-for:
      - name: Microsoft.Percentage
        parameters: {Value: 50}
YAML
  local import=(platform appconfig import prod-config --from new.yaml --format yaml --separator :)
  ok "${import[@]}" --dry-run -o json
  expect_json '[.changes[] | .change + " " + .key] == ["change .appconfig.featureflag/new-search", "change app:color", "add app:port"]'
  ok "${import[@]}" --yes
  ok platform appconfig export prod-config --to after.json
  [ "$(jq -r '.items[] | select(.key == "app:color" and .label == "prod") | .value' after.json)" = green ] ||
    fail "another label was touched"
  [ "$(jq -r '.items[] | select(.key == ".appconfig.featureflag/new-search") | .value | fromjson |
    .conditions.client_filters[0].parameters.Value' after.json)" = 50 ] || fail "the filter is not there"
  ok platform appconfig import prod-config --from new.yaml --format yaml --separator : --label test --prefix web/ --yes
  ok platform appconfig export prod-config --to labelled.json --label test
  [ "$(jq -c '[.items[].key]' labelled.json)" = '[".appconfig.featureflag/new-search","web/app:color","web/app:port"]' ] ||
    fail "not under the label and prefix: $(cat labelled.json)"
  ok platform appconfig import prod-config --from new.yaml --format yaml --separator : --strict --yes
  ok platform appconfig export prod-config --to strict.json
  [ "$(jq '[.items[] | select(.label == null)] | length' strict.json)" = 3 ] || fail "--strict left more than the file has"
  [ "$(jq '[.items[] | select(.label != null)] | length' strict.json)" = 4 ] || fail "--strict removed other labels"
}

test_what_a_file_cannot_hold_is_refused() {
  prepare
  run azlin platform appconfig export prod-config --to x.json --format json --label '*'
  expect_code 2
  expect_err "app:color has other values under the labels '' and 'prod'"
  [ ! -e x.json ] || fail "a file was written"
  run azlin platform appconfig export prod-config --to x.json --format xml
  expect_code 2
  run azlin platform appconfig export prod-config --to x.json --separator :
  expect_code 2
  expect_err "say --format"
  echo '{"a%b": 1}' >bad.json
  run azlin platform appconfig import prod-config --from bad.json --format json --yes
  expect_code 2
  expect_err "'a%b' cannot be a key"
  run azlin platform appconfig import prod-config --from bad.json --yes
  expect_code 2
  expect_err "appconfig/kvset"
  ok platform appconfig diff prod-config --store prod-config
}

test_a_file_that_cannot_be_written_is_refused() {
  prepare
  run azlin platform appconfig export prod-config --to none/c.json
  expect_code 2
  expect_err "the export cannot be written to none/c.json"
  reject_err .part
  [ ! -e none ] || fail "a folder was made"
  mkfifo pipe
  exec {pipe}<>pipe
  ok platform appconfig export prod-config --to pipe
  [ -p pipe ] || fail "the pipe was replaced"
  read -r -t 60 line <&"$pipe" || fail "nothing came through it"
  exec {pipe}>&-
}

test_from_store_to_store_with_references_to_another_vault() {
  prepare
  new_store dr-config
  ok platform appconfig import dr-config --from-store prod-config --map-vault prod-kv=dr-kv --yes
  expect_err "1 Key Vault reference rewritten: prod-kv=dr-kv"
  run azlin platform appconfig diff dr-config --store prod-config --show-values
  expect_code 6
  expect_out "1 difference"
  expect_out "https://dr-kv.vault.azure.net/secrets/db-password"
  ok platform appconfig diff dr-config --store prod-config --map-vault prod-kv=dr-kv
  run azlin platform appconfig import dr-config --from-store prod-config --map-vault prod-kv --yes
  expect_code 2
}

test_back_to_a_time() {
  prepare
  local then
  ok simulator clock --advance 10s # histories are in whole seconds
  then=$(time_there)
  ok platform appconfig export prod-config --to then.json
  ok simulator clock --advance 10s
  jq '.items |= (map(if .key == "app:color" then .value = "red" else . end) + [{key: "new", value: "1"}])' then.json >now.json
  ok platform appconfig import prod-config --from now.json --yes
  run azlin platform appconfig diff prod-config --at "$then"
  expect_code 6
  expect_out "3 differences"
  ok platform appconfig export prod-config --at "$then" --to past.json
  [ "$(jq -c '[.items[] | .value]' past.json)" = "$(jq -c '[.items[] | .value]' then.json)" ] || fail "the past is another one"
  ok platform appconfig rollback prod-config --at "$then" --yes
  ok platform appconfig diff prod-config --file then.json
  run azlin platform appconfig rollback prod-config --at 2020-01-01T00:00:00Z --yes
  expect_code 2
  expect_err "keeps its history for 30 days"
  run azlin platform appconfig diff prod-config --at "$(date -u -d '+1 hour' +%FT%TZ)"
  expect_code 2
}

test_locked_items_are_changed_only_when_told() {
  prepare
  ok platform appconfig export prod-config --to c.json
  jq '.items |= map(if .key == "app:limits" then .locked = true else . end)' c.json >locked.json
  ok platform appconfig import prod-config --from locked.json --yes
  jq '.items |= map(if .key == "app:limits" then .value = "{}" else . end)' locked.json >changed.json
  run azlin platform appconfig import prod-config --from changed.json --yes
  expect_code 1
  expect_out "it is locked; say --unlock"
  ok platform appconfig import prod-config --from changed.json --unlock --yes
  ok platform appconfig diff prod-config --file changed.json
}

# Pages of 100, both ways to sign in, and a service that throttles.
test_many_items_under_throttling_with_an_access_key() {
  prepare
  new_store many-config
  jq -n '{items: [range(250) | {key: "k/\(.)", value: "v\(.)", label: (if . % 2 == 0 then "even" else null end), tags: {n: "\(.)"}}]}' >many.json
  ok platform appconfig import many-config --from many.json --auth key --yes
  ok platform appconfig diff many-config --file many.json
  ok platform appconfig export many-config --to all.json --auth key
  [ "$(jq '.items | length' all.json)" = 250 ] || fail "not all pages were read"
  ok simulator fault add --method GET --path '/kv?*' --status 429 --retry-after 0 --count 2
  ok platform appconfig export many-config --to again.json
  cmp <(jq -c '[.items[].value]' all.json) <(jq -c '[.items[].value]' again.json) || fail "throttled, it read something else"
  ok simulator fault add --method PUT --path '/kv/*' --status 429 --retry-after 0 --count 3
  jq '.items |= map(.value = "new")' many.json >new.json
  ok platform appconfig import many-config --from new.json --yes
  expect_out "0 left to make"
  ok simulator fault add --method PUT --path '/kv/*' --status 412 --count 1
  jq '.items |= map(.value = "newer")' many.json >newer.json
  run azlin platform appconfig import many-config --from newer.json --yes
  expect_code 4
  expect_out "it was changed meanwhile; run it again"
  ok platform appconfig import many-config --from newer.json --yes
  ok platform appconfig diff many-config --file newer.json
}

run_tests "$@"
