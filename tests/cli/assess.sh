# azlin platform assess and apply: the tables of what a standard deployment should have, line by line.
. "$(dirname "$0")/harness.sh"

finding() { # RESOURCE CHECK: its finding, of the assessment in $out
  jq -c --arg name "$1" --arg check "$2" '.resources[] | select(.name == $name) | .findings[] | select(.check == $check)' <<<"$out"
}

expect_finding() { # RESOURCE CHECK STATE FOUND
  [ "$(finding "$1" "$2" | jq -r '.state + "|" + .found')" = "$3|$4" ] || fail "$1, $2: $(finding "$1" "$2")"
}

test_every_line_of_the_tables() {
  start_simulator
  run azlin platform assess --all -o json
  expect_code 6
  # Cosmos DB: continuous for 30 days, more than one region, automatic failover, consistency.
  expect_finding prod-cosmos "backup policy" ok "Continuous, Continuous30Days"
  expect_finding staging-cosmos "backup policy" short "Periodic, every 240 minutes, kept 8 hours"
  expect_finding staging-cosmos regions short 1
  expect_finding staging-cosmos "automatic failover" short off
  expect_json '.resources[] | select(.name == "staging-cosmos") | .consistency == "Session"'
  # Storage: versions, soft delete of blobs and containers for 30 days, copies in another region.
  expect_finding stagingstorage01 versioning short off
  expect_finding stagingstorage01 "soft delete of blobs" short "7 days"
  expect_finding stagingstorage01 "soft delete of containers" short off
  expect_finding stagingstorage01 redundancy short Standard_LRS
  expect_finding prodstorage01 versioning ok on
  # Key Vault and App Configuration: what protects them, and the age of the last copy.
  expect_finding staging-kv "purge protection" short off
  expect_json '[.resources[] | select(.kind == "keyvault" or .kind == "appconfig") | .findings[] | select(.check | test("backup|export")) | .state] | length == 3 and all(. == "short")'
  # The way back of each kind, with its times and costs.
  expect_json '[.resources[] | .kind + ": " + .strategy] | unique | map(test(
    "aks: Redeploy from templates|appconfig: Import from an export|cosmos: Restore from backup|keyvault: Restore secrets|storage: Restore from the GRS secondary")) | length == 5 and all'
  expect_json 'all(.resources[]; .rto != "" and .rpo != "" and .cost != "" and .compliance != "")'
  # Each finding names what mends it; what one of these commands mends, apply can.
  expect_json 'all(.resources[].findings[] | select(.state == "short"); .command | startswith("azlin platform "))'
}

test_the_commands_that_it_names_mend_it() {
  start_simulator
  run azlin platform assess --all -o json
  local command
  while read -r command; do
    run azlin ${command#azlin } --yes
    expect_code 0
  done < <(jq -r '.resources[] | select(.kind == "cosmos" or .kind == "storage" or .kind == "keyvault") | .findings[] |
    select(.state == "short" and (.check | test("backup$") | not) and (.command | test("[A-Z]{3,}$|DIR|--to") | not)) | .command' <<<"$out")
  ok simulator clock --advance 1h
  run azlin platform assess --all -o json
  for command in versioning "soft delete of blobs" "soft delete of containers"; do
    [ "$(finding stagingstorage01 "$command" | jq -r .state)" = ok ] || fail "not mended: $(finding stagingstorage01 "$command")"
  done
  expect_finding staging-cosmos "backup policy" ok "Continuous, Continuous30Days"
  expect_finding staging-cosmos "automatic failover" ok on
  expect_finding staging-kv "purge protection" ok on
}

test_expectations_are_a_file() {
  start_simulator
  ok platform assess --print-expectations
  printf '%s\n' "$out" >mine.yaml
  run azlin platform assess --all --expectations mine.yaml
  expect_code 6
  printf 'cosmos: {regions: 1}\nstorage: {redundancy: [Standard_LRS, Standard_GRS, Standard_RAGRS, Standard_ZRS]}\n' >easy.yaml
  ok platform assess --all --expectations easy.yaml -o json
  expect_json '.fallShort == 0 and (.resources | length == 8)'
  printf 'cosmos:\n  regoins: 1\n' >bad.yaml
  run azlin platform assess --all --expectations bad.yaml
  expect_code 2
  expect_err "bad.yaml"
  expect_err "regoins"
  run azlin platform assess -g Nowhere --expectations easy.yaml
  expect_code 3
  expect_err "Nowhere"
}

test_a_page_to_a_file_or_to_the_terminal() {
  start_simulator
  run azlin platform assess --all --html none/page.html
  expect_code 2
  expect_err "the page cannot be written to none/page.html"
  run azlin platform assess --all --html page.html
  expect_code 6
  run azlin platform assess --all --html -
  expect_code 6
  expect_out "<h2>staging-cosmos"
  [ "$(head -1 .out)" = "<!doctype html>" ] || fail "more than the page on stdout"
  diff <(grep -v UTC page.html) <(grep -v UTC .out | sed '$d') >/dev/null || diff <(grep -v UTC page.html) <(grep -v UTC .out) || fail "two pages"
  run azlin platform assess --all --html - -o json
  expect_code 2
}

test_what_cannot_be_read_is_not_called_good() {
  start_simulator
  ok simulator fault add --path '*/blobServices/default*' --status 403 --code AuthorizationFailed --message "not yours" --count -1
  run azlin platform assess --all -o json
  expect_code 6
  expect_json '[.resources[] | select(.kind == "storage") | .findings[] | select(.state == "unchecked")] | length == 2'
  expect_json 'all(.resources[] | select(.kind == "storage"); .ok | not)'
}

test_apply_shows_its_plan_first() {
  start_simulator
  run azlin platform apply --all --dry-run
  expect_code 0
  expect_out "by hand"
  expect_out "[for good]"
  ok platform apply --only stagingstorage01 --yes -o json
  expect_json '.changes | length == 4 and all(.[]; .resource == "stagingstorage01" and .error == "")'
  ok simulator fault add --method PATCH --path '*/vaults/staging-kv*' --status 409 --code Conflict --message "not now" --count -1
  run azlin platform apply --only staging-kv --yes
  expect_code 1
  expect_out "not now"
  ok simulator fault clear
  run azlin platform assess --all -o json
  expect_finding stagingstorage01 redundancy ok "$(finding stagingstorage01 redundancy | jq -r .found)"
}

run_tests "$@"
