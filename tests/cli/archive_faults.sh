# azlin archive when something fails: no space, damage, a lost connection. What was there before is never lost.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/archive_common.bash"

# A whole archive "etc" in $1.
prepare() {
  export AZLIN_CLOUD=AzureCloud AZLIN_ARCHIVE_PASSWORD=secret AZLIN_ARCHIVE_DESTINATION="$1"
  mkdir -p "$work/etc" "$work/big" "$AZLIN_HOME"
  echo "port=80" >"$work/etc/app.conf"
  head -c 200000 /dev/urandom >"$work/etc/photo"
  head -c 8000000 /dev/urandom >"$work/big/video"
  echo note >"$work/big/note"
}

etc_is_whole() {
  ok archive verify etc
  ok archive restore etc --target "$work/back-$RANDOM" --verify
  expect_out "every checksum compared"
}

test_no_space_left() {
  mkdir "$work/small"
  mount -t tmpfs -o size=4m azlin-test "$work/small" 2>/dev/null ||
    { echo "(a small file system cannot be mounted here: not checked)"; return 0; }
  trap 'umount -l "$work/small" 2>/dev/null' EXIT
  prepare "$work/small/repo"
  new_repository "$work/small/repo" secret
  ok archive files "$work/etc" --name etc
  run azlin archive files "$work/big" --name big
  expect_code 1
  expect_err "no space left on device"
  expect_err "free some space"
  ok archive list -o json
  expect_json '[.archives[].name] == ["etc"]'
  ok archive list --incomplete -o json
  expect_json '.archives == []'
  ok archive restore etc --target "$work/while-full" --verify # reading needs no space there
  # What is to be written there fails for want of space: nothing is called damaged, and nothing half stays.
  new_repository "$work/repo" secret
  ok archive files "$work/big" --name big -d "$work/repo"
  for words in "verify big --deep --scratch $work/small" "migrate big --to-bundle $work/small/bundles" \
    "download big --format tar.gz --output $work/small/big.tar.gz" "restore big --target $work/small/back"; do
    # shellcheck disable=SC2086
    run azlin archive $words -d "$work/repo"
    expect_code 1
    expect_err "no space left in $work/small"
    reject_out DAMAGED
    rm -rf "$work/small/back"
  done
  [ -z "$(find "$work/small" -name '*.part*' -o -name '.azlin-*' -o -name 'big*')" ] || fail "something half stays"
  mount -o remount,size=32m "$work/small"
  ok recover
  etc_is_whole
  ok archive files "$work/big" --name big
  sound "$work/small/repo"
  umount "$work/small"
}

# Damage to one archive is named by pack and by file; the files beside it and the other archive come back.
test_a_damaged_pack() {
  prepare "$work/repo"
  new_repository "$work/repo" secret
  ok archive files "$work/etc" --name etc
  find "$work/repo/data" -type f | sort >"$work/before"
  ok archive files "$work/big" --name big
  find "$work/repo/data" -type f | sort | comm -13 "$work/before" - >"$work/new"
  local pack
  pack=$(xargs ls -S <"$work/new" | head -n 1)
  chmod u+w "$pack"
  printf '\xde\xad\xbe\xef' | dd of="$pack" bs=1 seek=9000 conv=notrunc status=none
  ok archive verify big # says that it did not look
  expect_out "not checked: the data itself"
  run azlin archive verify big --deep
  expect_code 6
  expect_out "$(basename "$pack" | cut -c 1-8)"
  expect_out "video"
  run azlin archive restore big --target "$work/big-back"
  expect_code 1
  expect_err "video"
  cmp "$work/big/note" "$work/big-back/services/big/data$work/big/note" || fail "the undamaged file is not there"
  ok archive restore etc --target "$work/etc-back" --verify
  run azlin archive download big --output "$work/big.zip"
  expect_code 1
  [ ! -e "$work/big.zip" ] || fail "half a download"
  run azlin archive migrate --to-bundle "$work/bundles" big
  expect_code 1
  [ -z "$(ls -A "$work/bundles")" ] || fail "half a bundle"
  run azlin archive sync --to "$work/copy"
  expect_code 1
  azlin archive list -d "$work/copy" -o json 2>/dev/null | jq -e 'all(.archives[]; .name == "etc")' >/dev/null || fail "damage was copied"
}

test_a_lost_pack() {
  prepare "$work/repo"
  new_repository "$work/repo" secret
  ok archive files "$work/etc" --name etc
  local pack
  pack=$(find "$work/repo/data" -type f -size +20k | head -n 1)
  rm -f "$pack"
  run azlin archive verify etc
  expect_code 6
  expect_out "$(basename "$pack" | cut -c 1-8)"
  run azlin archive files "$work/big" --name big # verified, so it does not count
  expect_code 1
  expect_err "is damaged"
  ok archive list --incomplete -o json
  expect_json '.archives == []'
}

# An engine that was killed while it held its lock.
test_a_lock_of_a_dead_engine_is_in_nobodys_way() {
  prepare "$work/repo"
  new_repository "$work/repo" secret
  mkfifo "$work/pipe"
  exec 9<>"$work/pipe" # nobody writes: the engine waits
  RESTIC_PASSWORD=secret "$restic" -r "$work/repo" --no-cache backup --stdin <"$work/pipe" >/dev/null 2>&1 &
  local engine=$!
  # under its final name: what it is written to first stays for good
  until ls "$work/repo/locks" | grep -qxE '[0-9a-f]{64}'; do kill -0 "$engine" || fail "no lock"; done
  kill -9 "$engine"
  wait "$engine"
  exec 9>&-
  cp -r "$work/repo" "$work/locked"
  ok archive files "$work/etc" --name etc
  ok archive verify etc --deep
  [ -z "$(ls -A "$work/repo/locks")" ] || fail "the lock is still there"
  cp -r "$work/locked/locks" "$work/repo"
  ok archive prune etc --keep 30d --yes
  sound "$work/repo"
}

# with_all_below PID: it, its children, and theirs. (How many sshd has for a session depends on whose it is.)
with_all_below() {
  local each
  echo "$1"
  for each in $(cat /proc/"$1"/task/*/children 2>/dev/null); do with_all_below "$each"; done
}

# The server goes away in the middle of a transfer.
test_a_lost_connection() {
  trap stop_servers EXIT
  prepare far
  start_sshd || return 0
  new_repository "$work/repo" secret
  cat >"$AZLIN_HOME/archive.yaml" <<YAML
destinations:
  far: {url: "sftp:backup:$work/repo", sshConfig: $work/ssh/config, uploadKiB: 100} # slow: it is far from done when it is seen to begin
YAML
  ok archive files "$work/etc" --name etc
  find "$work/repo/data" -type f | sort >"$work/before"
  "$AZLIN" archive files "$work/big" --name big >"$work/.out" 2>"$work/.err" </dev/null &
  local azlin_pid=$!
  until [ -n "$(find "$work/repo/data" -type f | sort | comm -13 "$work/before" -)" ]; do
    kill -0 "$azlin_pid" || fail "nothing was sent"
    sleep 0.02 # until the transfer has begun, or azlin ended
  done
  local server=${servers[-1]}
  kill -9 $(with_all_below "$server")
  wait "$azlin_pid"
  code=$? err=$(cat "$work/.err")
  expect_code 1
  expect_err "archiving files failed on sftp:backup:$work/repo"
  /usr/sbin/sshd -D -e -f "$work/ssh/sshd" 2>>"$work/sshd.log" &
  servers+=($!)
  until azlin archive list >/dev/null 2>&1; do kill -0 $! || fail "sshd does not come back"; done
  ok archive list -o json
  expect_json '[.archives[].name] == ["etc"]'
  ok recover
  sound "$work/repo"
  etc_is_whole
}

test_a_silent_store_has_a_deadline() {
  trap stop_servers EXIT
  # Takes connections and never answers.
  python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True); kept = []
while True: kept.append(s.accept())' >"$work/port" &
  servers+=($!)
  until [ -s "$work/port" ]; do kill -0 $! || fail "no server"; done
  prepare "s3:https://127.0.0.1:$(cat "$work/port")/bucket"
  export AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b
  run timeout --preserve-status -s INT 3 "$AZLIN" archive list # Ctrl-C ends it in order, long before the deadline
  expect_code 130
}

run_tests "$@"
