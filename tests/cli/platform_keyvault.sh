# Key Vault: backup and restore at size, under throttling and kills, compared item by item.
#   AZLIN_TEST_FULL=1: 5,000 secrets instead of 1,000
. "$(dirname "$0")/harness.sh"

password=never-in-a-log-4711
secrets=1000
[ "${AZLIN_TEST_FULL:-}" = 1 ] && secrets=5000

# prepare SEED: a simulated Azure, a password file, tokens, and $arm, the address of what is in Production.
prepare() {
  start_simulator "$@"
  (umask 077 && echo "$password" >password)
  arm_token=$(token_for https://management.azure.com/)
  vault_token=$(token_for https://vault.azure.net)
  arm="$sim_url/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.KeyVault/vaults"
}

token_for() {
  curl -fsS -X POST -H 'Content-Type: application/json' -d "{\"audience\":\"$1\"}" "$sim_url/_simulator/token" | jq -r .token
}

# make_vault NAME [LOCATION] [MORE-PROPERTIES]
make_vault() {
  local properties='{"tenantId":"00000000-0000-0000-0000-000000000002","sku":{"family":"A","name":"standard"},"accessPolicies":[],"enableRbacAuthorization":true}'
  jq -cn --arg location "${2:-eastus}" --argjson a "$properties" --argjson b "${3:-{\}}" '{location: $location, properties: ($a + $b)}' |
    curl -fsS -X PUT -H "Authorization: Bearer $arm_token" -H 'Content-Type: application/json' -d @- "$arm/$1?api-version=2022-07-01" >/dev/null ||
    fail "cannot make the vault $1"
}

# vault METHOD VAULT PATH [BODY]: a call to the data plane; prints the reply.
vault() {
  local uri
  uri=$(curl -fsS -H "Authorization: Bearer $arm_token" "$arm/$2?api-version=2022-07-01" | jq -r .properties.vaultUri)
  curl -sS -X "$1" -H "Authorization: Bearer $vault_token" -H 'Content-Type: application/json' ${4:+-d "$4"} "$uri$3?api-version=7.4"
}

# throttle REQUESTS: so many in 10 seconds, a vault.
throttle() {
  curl -fsS -X POST -H 'Content-Type: application/json' -d "{\"enabled\":true,\"keyVault\":$1}" "$sim_url/_simulator/throttle" >/dev/null
}

# What a vault holds, by the simulator's own records: every version with its value, attributes and tags, live ones only.
contents() {
  sqlite3 "$work/sim/simulator.db" "SELECT i.kind, i.name, i.managed, i.notes, v.number, v.version, v.body
    FROM vault_versions v JOIN vault_items i USING (vault, kind, key)
    WHERE i.state = 0 AND vault = (SELECT json_extract(hidden, '\$.instance') FROM resources WHERE name = '$1') ORDER BY 1, 2, 5"
}

same_contents() {
  contents "$1" >"$work/$1.contents"
  contents "$2" >"$work/$2.contents"
  [ -s "$work/$1.contents" ] || fail "$1 is empty"
  cmp "$work/$1.contents" "$work/$2.contents" || fail "$2 does not hold what $1 holds"
}

# killed_after COUNT COMMAND...: runs azlin in the background, kills it when the command's file has COUNT lines.
killed_after() {
  local count=$1 tries=0 pid
  shift
  "$AZLIN" "$@" >killed.out 2>&1 &
  pid=$!
  until [ "$(progress_of 2>/dev/null)" -ge "$count" ] 2>/dev/null; do
    kill -0 "$pid" 2>/dev/null || { cat killed.out >&2; fail "it ended before it was killed"; }
    tr '\0' ' ' <"/proc/$pid/cmdline" >>said 2>/dev/null
    tries=$((tries + 1))
    [ "$tries" -lt 6000 ] || fail "it does not get on"
    sleep 0.02 # waiting for the other process to get so far: bounded above
  done
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null
  cat killed.out >>said
}

test_thousands_of_secrets_under_throttling_killed_and_resumed() {
  jq -n --argjson n "$secrets" '{keyVaults: [{name: "big-kv", secrets: $n, versions: 3}, {name: "empty-kv"}]}' >seed.json
  prepare "$work/seed.json" --throttle
  vault PUT big-kv secrets/rich '{"value":"value-90001-v1","contentType":"text/plain","tags":{"owner":"ops","täg":"ü"},"attributes":{"nbf":1600000000,"exp":4000000000}}' >/dev/null
  vault PUT big-kv secrets/rich '{"value":"value-90001-v2","contentType":"application/json","attributes":{"exp":1700000000}}' >/dev/null
  local old
  old=$(vault PUT big-kv secrets/once-disabled '{"value":"value-90002-v1"}' | jq -r '.id | split("/") | last')
  vault PUT big-kv secrets/once-disabled '{"value":"value-90002-v2"}' >/dev/null
  vault PATCH big-kv "secrets/once-disabled/$old" '{"attributes":{"enabled":false}}' >/dev/null
  vault POST big-kv certificates/tls/create '{"policy":{"x509_props":{"subject":"CN=tls"},"issuer":{"name":"Self"}},"tags":{"a":"b"}}' >/dev/null
  vault POST big-kv keys/signing/create '{"kty":"EC","crv":"P-384","attributes":{"exp":4000000000}}' >/dev/null
  throttle $((secrets * 3 / 5))

  progress_of() { wc -l <kv/items.jsonl; }
  killed_after $((secrets / 4)) platform keyvault backup big-kv --to kv --password-file password --debug
  run azlin platform keyvault restore empty-kv --from kv --password-file password --yes
  expect_code 2
  expect_err "--allow-incomplete"
  throttle $((secrets * 6 / 5))
  ok simulator fault add --method POST --path '/secrets/*/backup?*' --status 429 --retry-after 1 --skip 50 --count 12
  ok platform keyvault backup big-kv --to kv --password-file password --debug -o json
  cat .out .err >>said
  expect_json ".complete and .encrypted and .failures == [] and .items == $((secrets + 4)) and .versions == $((secrets * 3 + 6))"
  expect_json ".unchanged >= $((secrets / 4)) and .saved + .unchanged == .items and .throttled > 0"
  ok recover

  throttle $((secrets * 4))
  progress_of() { sqlite3 sim/simulator.db "SELECT count(*) FROM vault_items" | awk -v n="$secrets" '{ print $1 - n - 6 }'; }
  # from the middle on nothing is answered: it is there to be killed, on a fast machine as well
  ok simulator fault add --method POST --path '/secrets/restore*' --skip $((secrets / 2)) --delay 50s --drop before
  killed_after $((secrets / 4)) platform keyvault restore empty-kv --from kv --password-file password --yes --debug
  ok simulator fault clear
  ok platform keyvault restore empty-kv --from kv --password-file password --yes --debug -o json
  cat .out .err >>said
  expect_json ".failed == 0 and .same >= $((secrets / 4)) and .restored + .same == $((secrets + 4))"
  same_contents big-kv empty-kv
  ok platform keyvault diff empty-kv --from kv --password-file password
  ok recover
  expect_out "Nothing to recover"

  ! grep -rqaE 'value-[0-9]{5}' said kv home || fail "a secret's value was written: $(grep -rlaE 'value-[0-9]{5}' said kv home)"
  ! grep -rqaF KVSB kv || fail "the service's own backups lie there unsealed"
  ! grep -rqaF -- "$password" said kv home || fail "the password was written"
  [ -z "$(find kv home -type f -perm /077)" ] || fail "others can read $(find kv home -type f -perm /077 | head -1)"
}

test_keys_and_certificates_work_after_the_restore() {
  prepare
  make_vault keys-kv
  make_vault dr-kv
  vault POST keys-kv keys/box/create '{"kty":"RSA","key_size":2048,"tags":{"for":"boxes"}}' >/dev/null
  vault POST keys-kv keys/box/rotate >/dev/null
  vault POST keys-kv keys/pen/create '{"kty":"EC","crv":"P-256"}' >/dev/null
  vault POST keys-kv certificates/tls/create '{"policy":{"x509_props":{"subject":"CN=tls","sans":{"dns_names":["a.example"]}},"issuer":{"name":"Self"}}}' >/dev/null
  local sealed signature digest
  sealed=$(vault POST keys-kv keys/box/encrypt '{"alg":"RSA-OAEP-256","value":"aGVsbG8"}' | jq -r .value)
  digest=$(printf x | openssl dgst -sha256 -binary | basenc --base64url | tr -d =)
  signature=$(vault POST keys-kv keys/pen/sign "{\"alg\":\"ES256\",\"value\":\"$digest\"}" | jq -r .value)
  ok platform keyvault backup keys-kv --to kv --password-file password -o json
  expect_json '.items == 3 and .managed == 2'
  ok platform keyvault restore dr-kv --from kv --password-file password --yes
  same_contents keys-kv dr-kv
  [ "$(vault POST dr-kv keys/box/decrypt "{\"alg\":\"RSA-OAEP-256\",\"value\":\"$sealed\"}" | jq -r .value)" = aGVsbG8 ] ||
    fail "the key that came back does not decrypt"
  [ "$(vault POST dr-kv keys/pen/verify "{\"alg\":\"ES256\",\"digest\":\"$digest\",\"value\":\"$signature\"}" | jq .value)" = true ] ||
    fail "the key that came back does not know its signature"
  vault GET dr-kv secrets/tls | jq -r .value | base64 -d | openssl pkcs12 -passin pass: -nodes 2>/dev/null | openssl x509 -noout -subject -ext subjectAltName >x509
  grep -q 'CN = tls' x509 && grep -q 'DNS:a.example' x509 || fail "the certificate's secret is not what it was: $(cat x509)"
  ok platform keyvault backup keys-kv --to named --key box --certificate tls --password-file password -o json
  expect_json '.items == 2'
}

test_soft_deleted_items_are_refused_recovered_or_purged() {
  prepare
  ok platform keyvault backup prod-kv --to kv --password-file password
  vault DELETE prod-kv secrets/api-key >/dev/null
  run azlin platform keyvault restore prod-kv --from kv --password-file password --yes
  expect_code 4
  expect_out "--recover-deleted or --purge-deleted"
  run azlin platform keyvault restore prod-kv --from kv --password-file password --yes --recover-deleted --purge-deleted
  expect_code 2
  run azlin platform keyvault restore prod-kv --from kv --password-file password --recover-deleted --dry-run -o json
  expect_json '[.items[].action] | sort == ["recover", "same"]'
  # prod-kv is purge-protected: the service refuses, and the deleted secret is still there.
  run azlin platform keyvault restore prod-kv --from kv --password-file password --yes --purge-deleted
  expect_code 4
  expect_out "purge protection"
  ok platform keyvault restore prod-kv --from kv --password-file password --yes --recover-deleted
  ok platform keyvault diff prod-kv --from kv --password-file password

  make_vault soft-kv
  vault PUT soft-kv secrets/one '{"value":"first"}' >/dev/null
  ok platform keyvault backup soft-kv --to soft --password-file password
  vault PUT soft-kv secrets/one '{"value":"second"}' >/dev/null
  vault DELETE soft-kv secrets/one >/dev/null
  # Recovered, it has a version more than the backup: that is said, not hidden.
  run azlin platform keyvault restore soft-kv --from soft --password-file password --yes --recover-deleted
  expect_code 1
  expect_out "versions are not those of the backup"
  vault DELETE soft-kv secrets/one >/dev/null
  run azlin platform keyvault restore soft-kv --from soft --password-file password --purge-deleted
  expect_code 2
  ok platform keyvault restore soft-kv --from soft --password-file password --yes --purge-deleted
  [ "$(vault GET soft-kv secrets/one | jq -r .value)" = first ] || fail "the backup's value is not back"
}

test_backups_stay_in_their_subscription_and_geography() {
  prepare
  make_vault eu-kv westeurope
  make_vault near-kv centralus
  ok platform keyvault backup prod-kv --to kv --values --password-file password
  run azlin platform keyvault restore eu-kv --from kv --password-file password --yes
  expect_code 2
  expect_err "--values"
  [ -z "$(contents eu-kv)" ] || fail "something was restored"
  ok platform keyvault restore near-kv --from kv --password-file password --yes
  same_contents prod-kv near-kv
  ok platform keyvault restore eu-kv --from kv --values --password-file password --yes
  ok platform keyvault diff eu-kv --from kv --values --password-file password
  ok platform keyvault backup prod-kv --secret api-key --file one.backup
  run azlin platform keyvault restore eu-kv --file one.backup
  expect_code 1
  expect_err "Cannot decrypt backup blob"
  expect_err "geography"
  jq '.vault.subscription = "00000000-0000-0000-0000-00000000000f"' kv/manifest.json >m && cat m >kv/manifest.json
  run azlin platform keyvault restore near-kv --from kv --password-file password --yes
  expect_code 2
  expect_err 00000000-0000-0000-0000-00000000000f
}

test_one_item_in_one_file() {
  prepare
  make_vault dr-kv
  ok platform keyvault backup prod-kv --secret api-key --file one.backup
  [ "$(stat -c %a one.backup)" = 600 ] || fail "others can read the backup"
  run azlin platform keyvault backup prod-kv --secret api-key --file one.backup
  expect_code 2
  expect_err "exists already"
  ok platform keyvault backup prod-kv --to new/deep/kv --password-file password
  [ -z "$(find new -perm /077)" ] || fail "others can look into the folder"
  run azlin platform keyvault backup prod-kv --secret nothing --file two.backup
  expect_code 3
  [ ! -e two.backup ] || fail "a file was left"
  run azlin platform keyvault backup prod-kv --file two.backup
  expect_code 2
  ok platform keyvault restore dr-kv --file one.backup
  [ "$(vault GET dr-kv secrets/api-key | jq -r .value)" = "$(vault GET prod-kv secrets/api-key | jq -r .value)" ] || fail "the value differs"
  run azlin platform keyvault restore dr-kv --file one.backup
  expect_code 1
  expect_err "already exists"
}

# Key Vault backs up no disabled item: the backup is whole without it, and says so each time it is used.
test_disabled_items_are_skipped_and_named() {
  prepare
  make_vault dr-kv
  vault PUT prod-kv secrets/asleep '{"value":"x","attributes":{"enabled":false}}' >/dev/null
  run azlin platform keyvault backup prod-kv --to kv --password-file password -o json
  expect_code 6
  expect_json '.complete and .failures == [] and .saved == 2 and (.skipped | length == 1 and .[0].name == "asleep")'
  run azlin platform keyvault restore dr-kv --from kv --password-file password --yes
  expect_code 0
  expect_out "! secret asleep: it is disabled"
  expect_out "2 items restored"
  run azlin platform keyvault backup prod-kv --secret asleep --file one.backup
  expect_code 1
  expect_err "disabled"
  run azlin platform checkpoint --vault prod-kv --to cp --password-file password
  expect_code 6
  expect_err "secret asleep of prod-kv: it is disabled"
  vault PATCH prod-kv secrets/asleep '{"attributes":{"enabled":true}}' >/dev/null
  ok platform keyvault backup prod-kv --to kv --password-file password -o json
  expect_json '.skipped == [] and .saved == 1'
  # Disabled again, it is in the backup as it was.
  vault PATCH prod-kv secrets/asleep '{"attributes":{"enabled":false}}' >/dev/null
  run azlin platform keyvault backup prod-kv --to kv --password-file password -o json
  expect_code 6
  expect_json '.items == 3 and (.skipped[0].reason | contains("keeps what it had"))'
  ok platform keyvault restore dr-kv --from kv --password-file password --yes
  [ "$(vault GET dr-kv secrets/asleep | jq -r .value)" = x ] || fail "the value is not back"
}

test_a_secret_that_is_disabled_later_keeps_its_values_in_the_backup() {
  prepare
  make_vault eu-kv westeurope
  vault PUT prod-kv secrets/later '{"value":"precious"}' >/dev/null
  ok platform keyvault backup prod-kv --to kv --values --password-file password
  vault PATCH prod-kv secrets/later '{"attributes":{"enabled":false}}' >/dev/null
  run azlin platform keyvault backup prod-kv --to kv --values --password-file password -o json
  expect_code 6
  expect_json '.skipped[0].reason | contains("keeps what it had")'
  ok platform keyvault restore eu-kv --from kv --values --password-file password --yes
  [ "$(vault GET eu-kv secrets/later | jq -r .value)" = precious ] || fail "the value is not back"
}

test_a_run_of_named_items_says_nothing_of_the_others() {
  prepare
  vault PUT prod-kv secrets/asleep '{"value":"x","attributes":{"enabled":false}}' >/dev/null
  vault PUT prod-kv secrets/resting '{"value":"x","attributes":{"enabled":false}}' >/dev/null
  run azlin platform keyvault backup prod-kv --to kv --password-file password
  expect_code 6
  ok platform keyvault backup prod-kv --to kv --password-file password --secret api-key -o json
  expect_json '.skipped == []'
  jq -e '[.skipped[].name] == ["asleep", "resting"]' kv/manifest.json >/dev/null || fail "forgotten: $(jq -c .skipped kv/manifest.json)"
  vault PATCH prod-kv secrets/asleep '{"attributes":{"enabled":true}}' >/dev/null
  ok platform keyvault backup prod-kv --to kv --password-file password --secret asleep
  jq -e '[.skipped[].name] == ["resting"]' kv/manifest.json >/dev/null || fail "wrong: $(jq -c .skipped kv/manifest.json)"
}

test_what_is_there_already_is_not_asked_about() {
  prepare
  ok platform keyvault backup prod-kv --to kv --password-file password
  ok platform keyvault restore prod-kv --from kv --password-file password
  expect_out "Nothing to restore: 2 items of the backup are in prod-kv already"
  ok operations list -o json
  expect_json '[.operations[] | select(.kind | contains("keyvault.restore"))] == []'
}

# role [ACTION]: everything in Resource Manager, and of the vaults' data all but one action.
role() {
  jq -n --arg no "${1:-none}" '{grants: [{principal: "*", scope: "/", actions: ["*"], notActions: [$no]}]}' |
    curl -fsS -X PUT -H 'Content-Type: application/json' -d @- "$sim_url/_simulator/grants" >/dev/null || fail "no grants"
}

test_a_missing_permission_is_named_with_the_role() {
  prepare
  make_vault dr-kv
  make_vault policy-kv eastus '{"enableRbacAuthorization":false}'
  ok platform keyvault backup prod-kv --to kv --password-file password
  role Microsoft.KeyVault/vaults/secrets/readMetadata/action
  run azlin platform keyvault backup prod-kv --to other --password-file password
  expect_code 5
  expect_err ForbiddenByRbac
  expect_err "Key Vault Administrator"
  run azlin platform keyvault backup policy-kv --to other --password-file password
  expect_code 5
  expect_err AccessDenied
  expect_err "access policies"
  role Microsoft.KeyVault/vaults/secrets/backup/action
  run azlin platform keyvault backup prod-kv --to other --password-file password
  expect_code 5
  expect_out "Microsoft.KeyVault/vaults/secrets/backup/action"
  expect_err "Key Vault Administrator"
  role Microsoft.KeyVault/vaults/secrets/restore/action
  run azlin platform keyvault restore dr-kv --from kv --password-file password --yes
  expect_code 5
  expect_out "Microsoft.KeyVault/vaults/secrets/restore/action"
  expect_err "Key Vault Administrator"
  [ -z "$(contents dr-kv)" ] || fail "something was restored"
  role
  ok platform keyvault restore dr-kv --from kv --password-file password --yes
  same_contents prod-kv dr-kv
}

test_another_vault_and_no_vault() {
  prepare
  ok platform keyvault backup prod-kv --to kv --password-file password
  run azlin platform keyvault backup nothing-kv --to none --password-file password
  expect_code 3
  run azlin platform keyvault backup staging-kv --to kv --password-file password
  expect_code 2
  expect_err "holds the backup of vault prod-kv"
}

# The folder may come from anywhere, or hold something else.
test_a_folder_that_is_not_what_it_seems_is_refused() {
  prepare
  make_vault dr-kv
  # What a run leaves that was killed before it had saved anything.
  mkdir -p begun/items && touch begun/.lock begun/manifest.json.part
  ok platform keyvault backup prod-kv --to begun --password-file password
  mkdir mine && echo precious >mine/items.jsonl
  run azlin platform keyvault backup prod-kv --to mine --password-file password
  expect_code 2
  expect_err "not empty and holds no key vault backup"
  [ "$(cat mine/items.jsonl)" = precious ] && [ "$(ls -A mine)" = items.jsonl ] || fail "the folder was changed"
  ok platform keyvault backup prod-kv --to kv --values --password-file password
  local change
  for change in '.file = "items/../../password"' '.file = "/etc/passwd"' '.name = "../../password"' '.kind = "wallet"' '.name = ""'; do
    cp -r kv bad
    jq -c "$change" kv/items.jsonl >bad/items.jsonl
    run azlin platform keyvault restore dr-kv --from bad --values --password-file password --yes
    expect_code 1
    rm -r bad
  done
  cp -r kv short && head -1 kv/items.jsonl >short/items.jsonl
  run azlin platform keyvault restore dr-kv --from short --password-file password --yes
  expect_code 1
  expect_err "its manifest counts"
  cp -r kv cut && truncate -s -1 cut/items/api-key.secret.sealed
  run azlin platform keyvault restore dr-kv --from cut --password-file password --yes
  expect_code 4
  expect_out "api-key: items/api-key.secret.sealed was changed since the backup"
  (umask 077 && echo another-password-4711 >wrong)
  run azlin platform keyvault restore dr-kv --from kv --password-file wrong --yes
  expect_code 5
  expect_err "another password"
  # The vault changed since: what it has now is not overwritten.
  vault PUT dr-kv secrets/api-key '{"value":"newer"}' >/dev/null
  run azlin platform keyvault restore dr-kv --from kv --password-file password --yes
  expect_code 4
  expect_out "exists with other versions"
  [ "$(vault GET dr-kv secrets/api-key | jq -r .value)" = newer ] || fail "the newer value is gone"
}

# Setting a value makes a version, so azlin does not send it twice: it looks whether the version is there.
test_a_place_where_nothing_can_be_is_refused() {
  prepare
  run azlin platform keyvault backup prod-kv --to /dev/null/x --unencrypted
  expect_code 2
  expect_err "/dev/null/x"
  run azlin platform keyvault backup prod-kv --secret api-key --file none/secret
  expect_code 2
  expect_err "the backup cannot be written to none/secret"
}

test_values_are_there_when_replies_are_lost() {
  prepare
  make_vault dr-kv
  vault PUT prod-kv secrets/api-key '{"value":"second"}' >/dev/null
  ok platform keyvault backup prod-kv --to kv --values --password-file password
  ok simulator fault add --method PUT --path '/secrets/*' --drop after --count 2
  ok platform keyvault restore dr-kv --from kv --values --password-file password --yes
  [ "$(vault GET dr-kv secrets/api-key | jq -r .value)" = second ] || fail "the newest value is not the current one"
  ok platform keyvault diff dr-kv --from kv --values --password-file password
}

# All within one second: the times of the versions do not tell which is the current one.
test_the_current_value_stays_the_current_one() {
  prepare
  make_vault dr-kv
  local number
  for number in 1 2 3 4 5 6; do vault PUT prod-kv secrets/quick "{\"value\":\"$number\"}" >/dev/null; done
  ok platform keyvault backup prod-kv --to kv --values --password-file password
  ok platform keyvault restore dr-kv --from kv --values --password-file password --yes
  [ "$(vault GET dr-kv secrets/quick | jq -r .value)" = 6 ] || fail "another version is the current one"
}

run_tests "$@"
