# Every kind of destination, on loopback: create, list, verify, restore. The stores are real programs, but for Google
# Cloud Storage, which no loopback server offers: tests/cli/stores/serve.mjs answers as it does.
#   AZLIN_STORES   folder where the npm packages of tests/cli/stores are kept between runs
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/archive_common.bash"
. "$here/stores/install.bash"

# wait_for FILE PATTERN PID: until a server has said that it listens.
wait_for() {
  local tries=0
  until grep -q "$2" "$1" 2>/dev/null; do
    kill -0 "$3" 2>/dev/null || fail "the server ended: $(cat "$1" "$1.err" 2>/dev/null)"
    tries=$((tries + 1))
    [ "$tries" -lt 1200 ] || fail "the server did not start"
    sleep 0.05 # waiting for another process to come up: bounded above
  done
}

have_node() {
  have_stores || return 1
  cp "$here"/stores/serve.mjs "$stores" # beside the packages that it imports
}

# start_store KIND: $port and $proxy; certificates are trusted by `caFile`.
start_store() {
  mkdir -p "$work/$1"
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 2 -subj /CN=loopback \
    -addext 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:storage.googleapis.com,DNS:*.blob.core.windows.net' 2>/dev/null
  (cd "$stores" && exec node serve.mjs "$work/$1" "$work/key.pem" "$work/cert.pem" "$1" >"$work/store" 2>"$work/store.err") &
  servers+=($!)
  wait_for "$work/store" '^listening ' $!
  read -r _ port proxy <"$work/store"
}

common() {
  export AZLIN_CLOUD=AzureCloud AZLIN_ARCHIVE_PASSWORD=secret
  mkdir -p "$work/etc" "$AZLIN_HOME"
  echo "port=80" >"$work/etc/app.conf"
  head -c 50000 /dev/urandom >"$work/etc/photo"
}

# all_of DESTINATION: what a user does with it.
all_of() {
  ok archive files "$work/etc" --name etc -d "$1"
  ok archive list -d "$1" -o json
  expect_json '.archives | length == 1 and .[0].name == "etc" and .[0].complete'
  ok archive verify etc --deep -d "$1"
  ok archive restore etc --target "$work/back" --verify -d "$1"
  cmp "$work/etc/photo" "$work/back/services/etc/data$work/etc/photo" || fail "the file differs"
}

test_local() {
  common
  all_of "$work/repo"
}

test_sftp() {
  trap stop_servers EXIT
  common
  start_sshd || return 0
  cat >"$AZLIN_HOME/archive.yaml" <<YAML
destinations:
  far:
    url: sftp:backup:$work/repo
    sshConfig: $work/ssh/config
YAML
  all_of far
  kill "${servers[-1]}"
  run azlin archive list -d far
  expect_code 1
}

test_s3() {
  trap stop_servers EXIT
  have_node || return 0
  common
  start_store s3
  export AWS_ACCESS_KEY_ID=S3RVER AWS_SECRET_ACCESS_KEY=S3RVER
  cat >"$AZLIN_HOME/archive.yaml" <<YAML
destinations:
  far:
    url: s3:https://127.0.0.1:$port/bucket/prefix
    caFile: $work/cert.pem
YAML
  all_of far
  run azlin archive list -d "s3:https://127.0.0.1:$port/bucket/prefix"
  expect_code 1
  expect_err "certificate"
}

# lock_bucket JSON: what the bucket is set to from now on.
lock_bucket() { printf '%s' "$1" >"$work/s3-lock.json"; }

test_object_lock_is_asked_for_before_and_proved_after() {
  trap stop_servers EXIT
  have_node || return 0
  common
  start_store s3-lock
  export AWS_ACCESS_KEY_ID=S3RVER AWS_SECRET_ACCESS_KEY=S3RVER
  lock_yaml() {
    printf 'destinations:\n  far:\n    url: s3:https://127.0.0.1:%s/%s\n    caFile: %s\n    objectLock: %s\n' \
      "$port" "${2:-bucket/prefix}" "$work/cert.pem" "$1" >"$AZLIN_HOME/archive.yaml"
  }
  lock_yaml '{mode: compliance, days: 30d}'
  # Less than that is refused, with the command that mends it, and nothing is written.
  local set
  for set in '{}' '{"enabled":true,"versioned":true}' '{"enabled":true,"mode":"COMPLIANCE","days":30}' \
    '{"enabled":true,"versioned":true,"mode":"GOVERNANCE","days":30}' \
    '{"enabled":true,"versioned":true,"mode":"COMPLIANCE","days":29}'; do
    lock_bucket "$set"
    run azlin archive files "$work/etc" --name etc -d far
    expect_code 2
    expect_err "aws s3api put-object-lock-configuration --bucket bucket --endpoint-url https://127.0.0.1:$port"
    run azlin archive files "$work/etc" --name etc -d far --dry-run
    expect_code 2
  done
  [ -z "$(find "$work/s3-lock/bucket" -type f)" ] || fail "something was written"
  lock_bucket '{"enabled":true,"versioned":true,"mode":"COMPLIANCE","days":31}'
  lock_yaml '{mode: compliance, days: 30}' other/prefix
  run azlin archive files "$work/etc" --name etc -d far
  expect_code 3
  expect_err "--object-lock-enabled-for-bucket"
  lock_yaml '{mode: compliance, days: 30}'
  AWS_SECRET_ACCESS_KEY=wrong run azlin archive files "$work/etc" --name etc -d far
  expect_code 5

  ok archive files "$work/etc" --name etc -d far -o json
  expect_json '.objectLock | .mode == "compliance" and .days == 30 and .held and .objects >= 5 and .notHeld == []'
  local until
  until=$(jq -r .objectLock.until <<<"$out")
  [ "$(date -d "$until" +%s)" -gt $(($(date +%s) + 30 * 86400)) ] || fail "held until $until only"
  ok archive show etc -d far -o json
  expect_json '.objectLock | .held and .objects == 2 and .bucket.asAsked and .bucket.found == "compliance, 31 days"'
  run azlin archive report -d far -o json
  expect_json '.measures[] | select(.name == "Object lock") | .met and .target == "compliance, 30 days"'
  ok archive prune etc --keep 1d -d far
  expect_out "brought back by removing the delete markers"

  # What is not held is named, and the archive stays.
  lock_bucket '{"enabled":true,"versioned":true,"mode":"COMPLIANCE","days":31,"unheld":"/data/"}'
  echo "port=81" >"$work/etc/app.conf"
  run azlin archive files "$work/etc" --name etc -d far -o json
  expect_code 6
  expect_json '.objectLock | (.held | not) and (.notHeld | length >= 1 and all(startswith("prefix/data/")))'
  ok archive list -d far -o json
  expect_json '.archives | length == 2'

  # So are the other commands that write.
  new_repository "$work/first" "$AZLIN_ARCHIVE_PASSWORD"
  ok archive files "$work/etc" --name other -d "$work/first"
  lock_bucket '{"enabled":true,"versioned":true,"mode":"COMPLIANCE","days":1}'
  run azlin archive sync --to far -d "$work/first"
  expect_code 2
  lock_bucket '{"enabled":true,"versioned":true,"mode":"COMPLIANCE","days":30}'
  ok archive sync --to far -d "$work/first" -o json
  expect_json '(.copied | length == 1) and .objectLock.held'
}

test_azure_blob() {
  trap stop_servers EXIT
  have_node || return 0
  common
  export AZURE_ACCOUNT_KEY
  AZURE_ACCOUNT_KEY=$(printf 'secret-key-of-the-test-account!!' | base64)
  export AZURITE_ACCOUNTS="archives:$AZURE_ACCOUNT_KEY"
  start_store azure
  export HTTPS_PROXY=http://127.0.0.1:$proxy
  cat >"$AZLIN_HOME/archive.yaml" <<YAML
destinations:
  far:
    url: azure://backups/prefix
    account: archives
    caFile: $work/cert.pem
YAML
  all_of far
}

test_google_cloud_storage() {
  trap stop_servers EXIT
  have_node || return 0
  common
  start_store gcs
  export HTTPS_PROXY=http://127.0.0.1:$proxy GOOGLE_ACCESS_TOKEN=test-token
  cat >"$AZLIN_HOME/archive.yaml" <<YAML
destinations:
  far:
    url: gs://bucket/prefix
    project: test
    caFile: $work/cert.pem
YAML
  all_of far
  GOOGLE_ACCESS_TOKEN=wrong run azlin archive list -d far
  [ "$code" -ne 0 ] || fail "a wrong token was taken"
}

run_tests "$@"
