# Storage: blobs through Azurite, out and back, over a bad connection and through kills; redundancy; Azure Backup for blobs.
#   AZLIN_STORES      folder where the npm packages of tests/cli/stores are kept between runs
#   AZLIN_TEST_FULL=1 2 GiB of blobs instead of 64 MiB
. "$(dirname "$0")/harness.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/stores/install.bash"

mebibytes=64
[ "${AZLIN_TEST_FULL:-}" = 1 ] && mebibytes=2048
account_key=$(printf 'a key of sixty-four bytes for the accounts of this test, no secret' | head -c 64 | base64 -w0)

servers=()
stop_servers() {
  local pid
  for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
  servers=()
  stop_simulator
}

# wait_for FILE PATTERN PID: until a server has said that it listens.
wait_for() {
  local tries=0
  until grep -q "$2" "$1" 2>/dev/null; do
    kill -0 "$3" 2>/dev/null || fail "the server ended: $(cat "$1" 2>/dev/null)"
    tries=$((tries + 1))
    [ "$tries" -lt 1200 ] || fail "the server did not start"
    sleep 0.05 # waiting for another process to come up: bounded above
  done
}

# start_azurite [FLAGS...]: $blobs, where it listens. Accounts: source, target.
start_azurite() {
  AZURITE_ACCOUNTS="source:$account_key;target:$account_key" "$stores/node_modules/.bin/azurite-blob" --blobHost 127.0.0.1 --blobPort 0 \
    --location "$work/azurite" --skipApiVersionCheck --disableTelemetry --silent "$@" >"$work/azurite.out" 2>&1 &
  servers+=($!)
  wait_for "$work/azurite.out" 'listens on http' $!
  blobs=$(grep -oE 'https?://127\.0\.0\.1:[0-9]+' "$work/azurite.out" | tail -1)
}

# bad_connection EVERY: $flaky leads to Azurite and spoils every so manieth request. While there is a file $work/hold with a
# word and a number, so many requests whose URL has the word are let through, and the rest of them wait.
bad_connection() {
  node "$here/stores/flaky.mjs" "${blobs##*:}" "$1" "$work/hold" >"$work/flaky.out" 2>&1 &
  servers+=($!)
  wait_for "$work/flaky.out" '^listening ' $!
  flaky=http://127.0.0.1:$(sed -n 's/^listening //p' "$work/flaky.out")
}

# A simulated Azure with the accounts source (RA-GRS) and target, whose blobs are Azurite's.
prepare() {
  have_stores || return 1
  trap stop_servers EXIT
  start_azurite
  jq -n --arg key "$account_key" '{storageAccounts: [{name: "source", sku: "Standard_RAGRS", key: $key}, {name: "target", key: $key}]}' >seed.json
  start_simulator "$work/seed.json" --blob-endpoint "$blobs"
  sas=$(account_sas source)
}

# A SAS for all of an account's blobs, signed as the service documents it.
account_sas() {
  local expiry=2099-01-01T00:00:00Z version=2021-12-02 key
  key=$(printf %s "$account_key" | base64 -d | od -An -tx1 | tr -d ' \n')
  printf 'sv=%s&ss=b&srt=sco&sp=rwdlacx&se=%s&sig=%s' "$version" "$expiry" "$(
    printf '%s\nrwdlacx\nb\nsco\n\n%s\n\n\n%s\n\n' "$1" "$expiry" "$version" |
      openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 -w0 | jq -sRr @uri
  )"
}

# send PATH CURL-ARGUMENTS...: a PUT to the account source.
send() {
  local path=$1
  shift
  case $path in *\?*) path="$path&$sas" ;; *) path="$path?$sas" ;; esac
  curl -fsS -X PUT -H 'x-ms-version: 2021-12-02' "$@" "$blobs/source/$path" || fail "cannot send $path"
}

block_blob() { send "$1" -H 'x-ms-blob-type: BlockBlob' -T "$2" "${@:3}"; }

random_file() { head -c "$1" /dev/urandom >"$2"; }

# peak COMMAND...: runs azlin and leaves in $peak the most memory that it had, in MiB.
peak() {
  run python3 -c 'import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024))
sys.exit(code)' "$work/peak" "$AZLIN" "$@"
  peak=$(cat "$work/peak")
}

# killed_when WORD NUMBER CONDITION COMMAND...: runs azlin in the background over the bad connection, which lets so many
# requests with the word through, and kills it as soon as the condition holds.
killed_when() {
  local condition=$3 tries=0 pid
  echo "$1 $2" >"$work/hold"
  shift 3
  "$AZLIN" "$@" >killed.out 2>&1 &
  pid=$!
  until eval "$condition" 2>/dev/null; do
    kill -0 "$pid" 2>/dev/null || { cat killed.out >&2; fail "it ended before it was killed"; }
    tr '\0' ' ' <"/proc/$pid/cmdline" >>said 2>/dev/null
    tries=$((tries + 1))
    [ "$tries" -lt 12000 ] || fail "it does not get on"
    sleep 0.02 # waiting for the other process to get so far: bounded above
  done
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null
  rm "$work/hold"
  cat killed.out >>said
}

test_blobs_come_back_byte_for_byte_through_kills_and_a_bad_connection() {
  prepare || return 0
  mkdir data
  random_file $((mebibytes * 3 / 4))M data/large
  random_file $((mebibytes / 8))M data/middle
  head -c 3000001 /dev/zero >data/zeros
  : >data/empty
  local i
  for i in $(seq 40); do random_file $((i * 6001)) "data/small-$i"; done
  send 'data?restype=container'
  for file in data/*; do block_blob "$file" "$file"; done
  bad_connection 7

  local from=(platform storage export source --auth key --blob-endpoint "$flaky/source" --to out)
  export AZLIN_STORAGE_KEY=$account_key
  local ranges="sqlite3 out/.azlin/index.db 'SELECT count(*) FROM ranges' | grep -qvx '[0-3]'"
  killed_when data/large $((mebibytes / 8 + 2)) "$ranges" "${from[@]}"
  run azlin platform storage verify out
  [ "$code" = 1 ] || [ "$code" = 4 ] || fail "an export that broke off was found to be whole"
  expect_out "run the export again"
  [ ! -e out/data/large ] || fail "there is half a file under the blob's name"
  peak "${from[@]}" -o json
  expect_code 0
  expect_json '.failed == 0 and .unproven == 0 and .blobs + .unchanged == 44'
  [ "$peak" -lt 200 ] || fail "the export took $peak MiB of memory"
  echo "  (export of $mebibytes MiB: at most $peak MiB of memory)"
  diff -r data out/data >/dev/null || fail "the files are not the blobs: $(diff -rq data out/data)"
  ok platform storage verify out

  local into=(platform storage import target --auth key --blob-endpoint "$flaky/target" --from out)
  local half="[ \"\$(find azurite -type f -size +1M -printf '%s\n' | awk '{ s += \$1 } END { print int(s / 1048576) }')\" -ge $((mebibytes * 5 / 4)) ]"
  killed_when data/large $((mebibytes / 8 + 2)) "$half" "${into[@]}"
  peak "${into[@]}" -o json
  expect_code 0
  expect_json '.failed == 0 and .blobs + .unchanged == 44'
  [ "$peak" -lt 200 ] || fail "the import took $peak MiB of memory"
  echo "  (import: at most $peak MiB)"
  ok platform storage import target --auth key --blob-endpoint "$flaky/target" --from out -o json
  expect_json '.unchanged == 44 and .blobs == 0'
  unset AZLIN_STORAGE_KEY
  ok platform storage export target --auth key --to back
  diff -r data back/data >/dev/null || fail "what was imported differs: $(diff -rq data back/data)"
  kill "${servers[1]}"
  wait "${servers[1]}" 2>/dev/null
  grep -q '^spoiled [0-9][0-9]' flaky.out || fail "the connection was too good: $(cat flaky.out)"
  ! grep -rqF -- "$account_key" said home out back || fail "the account's key was written"
}

test_a_second_export_fetches_what_changed() {
  prepare || return 0
  mkdir data
  local i
  for i in 1 2 3 4 5; do echo "blob $i" >"data/b$i"; done
  send 'data?restype=container'
  send 'empty-one?restype=container'
  for i in 1 2 3 4 5; do block_blob "data/b$i" "data/b$i"; done
  ok platform storage export source --auth key --to out -o json
  expect_json '.blobs == 5 and .containers == ["data", "empty-one"]'
  echo changed >data/b2
  block_blob data/b2 data/b2
  curl -fsS -X DELETE "$blobs/source/data/b3?$sas"
  ok platform storage export source --auth key --to out -o json
  expect_json '.blobs == 1 and .unchanged == 3 and .gone == 1 and .bytes == 8'
  [ "$(cat out/data/b2)" = changed ] || fail "the change did not come"
  [ "$(cat out/data/b3)" = "blob 3" ] || fail "what is gone from the account was taken from the folder"
  ok platform storage import target --auth key --from out --container data --into other --prefix b1 -o json
  expect_json '.blobs == 1'
  ok platform storage import target --auth key --from out
  ok platform storage export target --auth key --to back --container data --container empty-one -o json
  expect_json '.blobs == 4'
  echo theirs >data/b1
  echo damaged >out/data/b4
  run azlin platform storage verify out
  expect_code 4
  expect_out "data/b4: its file was changed"
  run azlin platform storage import target --auth key --from out
  expect_code 4
  ok platform storage export source --auth key --to out --dry-run
  expect_out "data: 4 blobs"
  run azlin platform storage export target --auth key --to out
  expect_code 2
  expect_err "holds data of account source"
  run azlin platform storage verify out --container nothing
  expect_code 3
}

test_all_kinds_of_blobs_with_their_properties() {
  prepare || return 0
  send 'kinds?restype=container'
  random_file 5M page
  truncate -s 9M page
  printf 'in the middle' | dd of=page bs=1 seek=$((7 << 20)) conv=notrunc status=none
  send kinds/page -H 'x-ms-blob-type: PageBlob' -H "x-ms-blob-content-length: $((9 << 20))" -H 'Content-Length: 0' -H 'x-ms-meta-disk: boot'
  local mib
  for mib in 0 1 2 3 4 7; do
    dd if=page bs=1M skip=$mib count=1 status=none |
      send 'kinds/page?comp=page' -H 'x-ms-page-write: update' -H "x-ms-range: bytes=$((mib << 20))-$(((mib + 1 << 20) - 1))" --data-binary @-
  done
  random_file 6M log
  send kinds/log -H 'x-ms-blob-type: AppendBlob' -H 'Content-Length: 0' -H 'x-ms-blob-content-type: text/plain'
  split -b 3M log part-
  for part in part-*; do send 'kinds/log?comp=appendblock' -H 'Content-Type: application/octet-stream' -T "$part"; done
  echo '{}' >small
  block_blob 'kinds/dir/sm%C3%A4ll%20%26%20odd.json' small -H 'x-ms-blob-content-type: application/json' -H 'x-ms-blob-content-encoding: identity' \
    -H 'x-ms-blob-content-language: de' -H 'x-ms-blob-content-disposition: attachment' -H 'x-ms-blob-cache-control: no-store' \
    -H 'x-ms-meta-owner: ops' -H 'x-ms-meta-Team: core' -H 'x-ms-access-tier: Cool'
  block_blob kinds/dir small
  block_blob 'kinds/..%2F..%2Fescape' small
  ok platform storage export source --auth key --to out -o json
  expect_json '.blobs == 5 and .failed == 0'
  cmp page out/kinds/page || fail "the page blob's file differs"
  [ ! -e escape ] && [ ! -e out/escape ] && [ ! -e ../escape ] || fail "a name led out of the folder"

  # Killed while page and append blobs are half there: the next run goes on with them.
  bad_connection 1000000
  AZLIN_STORAGE_KEY=$account_key killed_when kinds/log 2 "curl -fsSI '$blobs/target/kinds/log?$(account_sas target)' | grep -qi 'x-ms-meta-azlin_import'" \
    platform storage import target --auth key --blob-endpoint "$flaky/target" --from out --parallel 1
  ok platform storage import target --auth key --from out -o json
  expect_json '.failed == 0'
  ok platform storage import target --auth key --from out -o json
  expect_json '.unchanged == 5'
  local name shown='^(content-(type|encoding|language|disposition|length)|cache-control|x-ms-(meta-.*|blob-type|access-tier)):'
  for name in page log dir 'dir/sm%C3%A4ll%20%26%20odd.json' '..%2F..%2Fescape'; do
    for account in source target; do
      curl -fsSI -H 'x-ms-version: 2021-12-02' --path-as-is "$blobs/$account/kinds/$name?$(account_sas $account)" | tr -d '\r' | grep -iE "$shown" | sort >"$account.head"
    done
    [ -s source.head ] || fail "$name has no properties"
    cmp source.head target.head || fail "$name has other properties: $(diff source.head target.head)"
  done
  ok platform storage export target --auth key --to back
  diff -r out/kinds back/kinds || fail "what was imported differs"
}

test_odd_names_are_blobs_of_their_own() {
  prepare || return 0
  send 'odd?restype=container'
  local name names=(a 'a/b' 'a//b' 'a/./b' 'a/../b' './a' 'x.' 'dir/' 'UPPER' 'upper' 'sp ace' 'pér cent%25' '日本/語' 'q?x=1#y' 'back\slash' '.azlin/index.db' 'tail ')
  for name in "${names[@]}"; do
    printf 'content of %s' "$name" >content
    send "odd/$(jq -rn --arg n "$name" '$n | @uri | gsub("%2F"; "/")')" --path-as-is -H 'x-ms-blob-type: BlockBlob' -H 'Content-Type: text/plain' --data-binary @content
  done
  ok platform storage export source --auth key --to out -o json
  expect_json ".blobs == ${#names[@]} and .failed == 0"
  ok platform storage verify out
  [ -z "$(find . -path ./azurite -prune -o -type f -newer seed.json -print | grep -vE '^\./(out|home|sim|azurite|\.out|\.err|content)')" ] || fail "a file is outside the folder"
  ok platform storage import target --auth key --from out -o json
  expect_json '.failed == 0'
  for name in "${names[@]}"; do
    [ "$(curl -fsS --path-as-is "$blobs/target/odd/$(jq -rn --arg n "$name" '$n | @uri | gsub("%2F"; "/")')?$(account_sas target)")" = "content of $name" ] ||
      fail "'$name' is not what it was"
  done
}

test_a_folder_that_is_not_what_it_seems_is_refused() {
  prepare || return 0
  send 'data?restype=container'
  echo one >one
  block_blob data/one one
  mkdir -p mine/data && echo precious >mine/data/one
  run azlin platform storage export source --auth key --to mine
  expect_code 2
  expect_err "not empty and holds no export"
  [ "$(cat mine/data/one)" = precious ] && [ "$(ls -A mine)" = data ] || fail "the folder was changed"
  ok platform storage export source --auth key --to out
  # The index is data of others: its paths lead nowhere but below the folder.
  echo secret >elsewhere
  local sum
  sum=$(sha256sum elsewhere | cut -d' ' -f1)
  cp -r out bad
  sqlite3 bad/.azlin/index.db "UPDATE blobs SET file = '../elsewhere', size = 7, sha256 = '$sum'"
  run azlin platform storage import target --auth key --from bad --yes
  expect_code 1
  expect_err "where azlin puts no blob"
  sqlite3 bad/.azlin/index.db "UPDATE blobs SET container = 'data/../..', name = 'elsewhere', file = 'data/../../elsewhere'"
  run azlin platform storage import target --auth key --from bad --yes
  expect_code 1
  expect_err "names a container 'data/../..'"
  expect_err "do not trust this folder"
  # Nor does a link.
  cp -r out link && ln -sf "$work/elsewhere" link/data/one
  sqlite3 link/.azlin/index.db "UPDATE blobs SET size = 7, sha256 = '$sum'"
  run azlin platform storage import target --auth key --from link --yes
  expect_code 1
  expect_out "link/data/one"
  ! curl -fsS "$blobs/target/data/one?$(account_sas target)" 2>/dev/null || fail "a file from elsewhere was sent"
}

test_who_may_read_blobs() {
  prepare || return 0
  send 'data?restype=container'
  echo hello >hello
  block_blob data/hello hello
  run azlin platform storage export source --auth sas --to out
  expect_code 2
  expect_err AZLIN_STORAGE_SAS
  AZLIN_STORAGE_SAS="?$sas" run azlin platform storage export source --auth sas --to out --debug
  expect_code 0
  cmp hello out/data/hello || fail "the file differs"
  local signature=${sas##*sig=}
  reject_err "$signature"
  ! grep -rqF -- "$signature" out home || fail "the signature was written"
  AZLIN_STORAGE_KEY=$(printf wrong | base64) run azlin platform storage export source --auth key --to other
  expect_code 5
  AZLIN_STORAGE_SAS="$sas" run azlin platform storage export source --auth sas --blob-endpoint http://127.0.0.1:1/source --to other
  expect_code 1
  expect_err "http://127.0.0.1:1/source"
  reject_err "$signature"
  run azlin platform storage verify other
  [ "$code" -ne 0 ] || fail "an export that fetched nothing was found to be whole"

  # A bearer token over TLS, for the storage audience.
  openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=127.0.0.1 -addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null
  mkdir tls && mv azurite azurite-plain
  start_azurite --cert cert.pem --key key.pem --oauth basic
  export CURL_CA_BUNDLE=$PWD/cert.pem
  send 'data?restype=container' --cacert cert.pem
  block_blob data/hello hello --cacert cert.pem
  ok platform storage export source --auth login --blob-endpoint "$blobs/source" --to by-token
  cmp hello by-token/data/hello || fail "the file differs"
  ok platform storage import target --auth login --blob-endpoint "$blobs/target" --from by-token
}

test_export_from_the_second_region() {
  prepare || return 0
  send 'data?restype=container'
  echo hello >hello
  block_blob data/hello hello
  run azlin platform storage export target --secondary --auth key --to none
  expect_code 2
  expect_err "RA-GRS"
  ok platform storage export source --secondary --auth key --to out
  cmp hello out/data/hello || fail "the file differs"
}

test_every_conversion_of_redundancy_is_made_or_explained() {
  start_simulator
  local name=stagingstorage01 from to how
  # from, to, how: p a change, m a migration, r refused; what is not here needs more than one step.
  while read -r from to how; do
    [ "$(azlin platform storage replication show $name -o json 2>/dev/null | jq -r .sku)" = "Standard_$from" ] || fail "the account is not $from"
    run azlin platform storage replication set $name "Standard_$to" --yes
    case $how in
      p) expect_code 0 ;;
      m)
        expect_code 2
        expect_err "--migrate"
        ok platform storage replication set $name "Standard_$to" --yes --migrate
        ;;
    esac
    [ "$(azlin platform storage replication show $name -o json 2>/dev/null | jq -r .sku)" = "Standard_$to" ] || fail "the account is not $to"
  done <<'TABLE'
LRS GRS p
GRS RAGRS p
RAGRS GRS p
GRS LRS p
LRS ZRS m
ZRS GZRS m
GZRS RAGZRS p
RAGZRS ZRS p
ZRS LRS m
LRS GRS p
GRS GZRS m
GZRS GRS m
TABLE
  run azlin platform storage replication set $name Premium_LRS --yes
  expect_code 2
  expect_err "standard or premium for life"
  run azlin platform storage replication set $name Standard_XRS --yes
  expect_code 2
  ok platform storage replication set $name Standard_ZRS --dry-run -o json
  expect_json '[.steps[].how] == ["patch", "migrate"]'
}

test_apply_names_the_redundancy_that_it_will_set() {
  start_simulator
  run azlin platform apply --all --dry-run
  expect_match 'stagingstorage01: redundancy Standard_LRS -> Standard_[A-Z]+( |$)'
  reject_out ' or Standard_'
}

test_failover_planned_and_not() {
  start_simulator
  run azlin platform storage failover stagingstorage01 --yes
  expect_code 2
  expect_err "no copy in another region"
  run azlin platform storage failover prodstorage01
  expect_code 2
  ok platform storage failover prodstorage01 --planned --yes -o json
  expect_json '.primary == "westus" and .secondary == "eastus" and .sku == "Standard_RAGRS"'
  ok platform storage failover prodstorage01 --planned --yes -o json
  expect_json '.primary == "eastus"'
  curl -fsS -X POST -H 'Content-Type: application/json' "$sim_url/_simulator/faults" -d '{"region": "eastus"}' >/dev/null
  run azlin platform storage failover prodstorage01 --planned --yes
  [ "$code" -ne 0 ] || fail "a planned failover went on with a region down"
  ok platform storage failover prodstorage01 --yes -o json
  expect_json '.primary == "westus" and .sku == "Standard_LRS"'
}

test_azure_backup_for_blobs_points_and_restore() {
  start_simulator
  ok platform storage backup vault create bv -g Production -l eastus
  ok platform storage backup vault list
  expect_out bv
  ok platform storage backup policy create p30 --vault bv --operational-days 30
  ok platform storage backup policy list --vault bv -o json
  expect_json '.policies | length == 1 and .[0].name == "p30"'
  run azlin platform storage backup policy create p30 --vault bv --operational-days 60
  expect_code 2
  run azlin platform storage backup policy create p0 --vault bv
  expect_code 2
  run azlin platform storage backup points prodstorage01 --vault bv
  expect_code 3
  ok platform storage backup enable prodstorage01 --vault bv --policy p30 --yes
  ok platform storage protection show prodstorage01 -o json
  expect_json '.versioning and .changeFeed and .blobSoftDeleteDays >= 35 and .pointInTimeDays >= 30'
  ok platform storage backup status --vault bv -o json
  expect_json '.instances[0] | .account == "prodstorage01" and .state == "ProtectionConfigured"'
  run azlin platform storage backup enable stagingstorage01 --vault bv --policy nothing --yes
  [ "$code" -ne 0 ] || fail "a policy that is not there was taken"

  local before middle
  before=$(azlin simulator clock -o json 2>/dev/null | jq -r .now)
  ok simulator clock --advance 2d
  middle=$(date -u -d "$before + 1 day" +%FT%TZ)
  ok platform storage backup points prodstorage01 --vault bv -o json
  expect_json '.points == [] and (.ranges | length == 1)'
  run azlin platform storage backup restore prodstorage01 --vault bv --yes
  expect_code 2
  run azlin platform storage backup restore prodstorage01 --vault bv --at "$middle"
  expect_code 2
  run azlin platform storage backup restore prodstorage01 --vault bv --at 2020-01-01T00:00:00Z --yes
  expect_code 1
  expect_err "not within a restorable time range"
  ok platform storage backup restore prodstorage01 --vault bv --at "$middle" --range logs/a..logs/b --dry-run
  ok platform storage backup restore prodstorage01 --vault bv --at "$middle" --yes
  expect_out "✓ Restored"
  ok platform storage backup restore prodstorage01 --vault bv --at "$middle" --range logs/a..logs/b --range data/..data0 --yes
  # The lock of Azure Backup stands in the way of deleting the account.
  local token account=00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Storage/storageAccounts/prodstorage01
  token=$(curl -fsS -X POST -H 'Content-Type: application/json' -d '{}' "$sim_url/_simulator/token" | jq -r .token)
  [ "$(curl -sS -X DELETE -H "Authorization: Bearer $token" "$sim_url/subscriptions/$account?api-version=2023-05-01" | jq -r .error.code)" = ScopeLocked ] ||
    fail "the account could be deleted"
}

test_vaulted_backups_are_restored_into_another_account() {
  start_simulator
  ok platform storage backup vault create bv -g Production -l eastus
  ok platform storage backup policy create v90 --vault bv --vaulted-days 90 --daily-at 03:00
  run azlin platform storage backup policy create v9999 --vault bv --vaulted-days 9999
  expect_code 2
  run azlin platform storage backup enable prodstorage01 --vault bv --policy v90 --yes
  expect_code 1
  expect_err "1 to 100 containers"
  ok platform storage backup enable prodstorage01 --vault bv --policy v90 --container prompts --container agents --yes
  ok platform storage backup points prodstorage01 --vault bv -o json
  expect_json '.points == [] and .ranges == []'
  ok simulator clock --advance 3d
  ok platform storage backup points prodstorage01 --vault bv -o json
  expect_json '.ranges == [] and (.points | length == 3 and all(.[]; .at | test("T03:00:00")))'
  local point
  point=$(jq -r '.points[0].id' <<<"$out")
  run azlin platform storage backup restore prodstorage01 --vault bv --point "$point" --yes
  expect_code 2
  expect_err "--to"
  run azlin platform storage backup restore prodstorage01 --vault bv --point "$point" --to prodstorage01 --yes
  expect_code 2
  run azlin platform storage backup restore prodstorage01 --vault bv --point 00000000-0000-0000-0000-000000000000 --to stagingstorage01 --yes
  expect_code 1
  expect_err UserErrorRecoveryPointNotFound
  ok platform storage backup restore prodstorage01 --vault bv --point "$point" --to stagingstorage01 --container prompts --yes
  expect_out "✓ Restored"
  ok simulator clock --advance 95d
  run azlin platform storage backup restore prodstorage01 --vault bv --point "$point" --to stagingstorage01 --yes
  expect_err UserErrorRecoveryPointNotFound
}

run_tests "$@"
