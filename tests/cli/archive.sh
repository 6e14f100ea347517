#!/usr/bin/env bash
# azlin archive: made, listed, shown, restored, verified; killed in the middle; wrong passwords and destinations.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/archive_common.bash"

prepare() {
  export AZLIN_CLOUD=AzureCloud AZLIN_ARCHIVE_PASSWORD=secret
  new_repository "$work/repo" secret
  mkdir -p "$work/etc/app" "$work/srv/app" "$AZLIN_HOME"
  echo "port=80" >"$work/etc/app/app.conf"
  head -c 20000 /dev/urandom >"$work/srv/app/photo"
  cat >"$AZLIN_HOME/archive.yaml" <<YAML
destination: $work/repo
services:
  app:
    config: [$work/etc/app]
    data: [$work/srv/app]
YAML
}

test_a_path_is_enough() {
  prepare
  ok archive files "$work/etc" --name etc -d "$work/repo"
  expect_out "Archive etc-"
  ok archive list -d "$work/repo" -o json
  expect_json '.archives | length == 1 and .[0].name == "etc" and .[0].complete'
  ok archive restore etc --target "$work/back" --verify -d "$work/repo"
  expect_out "every checksum compared"
  cmp "$work/etc/app/app.conf" "$work/back/services/etc/data$work/etc/app/app.conf" || fail "the file differs"
  run azlin archive restore etc --target /dev/null -d "$work/repo"
  expect_code 2
  expect_err "no folder"
  mkdir "$work/here" "$work/here/etc" # a folder that is called as an archive is
  cd "$work/here" && ok archive compare etc etc -d "$work/repo"
  cd "$work" || exit 1
  run azlin archive files "" --name x -d "$work/repo"
  expect_code 2
  run azlin archive files "$work/nowhere" --name x -d "$work/repo"
  expect_code 3
  expect_err "is not there"
}

test_services_types_and_modes() {
  prepare
  ok archive create --type full --name weekly --dry-run
  expect_out "Would archive weekly-"
  ok archive list -o json
  expect_json '.archives | length == 0'
  ok archive create --type full --name weekly -o json
  expect_json '.files == 2 and .findings == []'
  ok archive show weekly
  expect_out "services/app/data$work/srv/app"
  ok archive show weekly --file logs/verification.log
  expect_out "sound"
  ok archive restore weekly --mode config-only --target "$work/conf" --dry-run
  expect_out "left out: services/app/data"
  ok archive restore weekly --mode config-only --target "$work/conf"
  [ -e "$work/conf/services/app/config$work/etc/app/app.conf" ] || fail "the configuration is not there"
  [ ! -e "$work/conf/services/app/data" ] || fail "data came back with config-only"
  run azlin archive restore weekly --mode config-only --target "$work/conf"
  expect_code 2
  run azlin archive restore weekly --target root@host
  expect_code 2
  expect_err "names no folder"
  ok archive verify weekly --deep -o json
  expect_json '.passed and .dataRead and .filesCompared == 2'
  run azlin archive restore weekly --target "$work/x" --timestamp 2001-01-01
  expect_code 3
}

test_passwords_come_by_reference_and_nowhere_else() {
  prepare
  unset AZLIN_ARCHIVE_PASSWORD
  run azlin archive list
  expect_code 2
  expect_err "no password"
  echo secret >"$work/pw"
  chmod 644 "$work/pw"
  run azlin archive list --password-file "$work/pw"
  expect_code 2
  expect_err "can be read by others"
  chmod 600 "$work/pw"
  ok archive list --password-file "$work/pw"
  ok archive list --password-command "cat '$work/pw'"
  AZLIN_ARCHIVE_PASSWORD=wrong run azlin archive list
  expect_code 5
  AZLIN_ARCHIVE_PASSWORD=secret run azlin archive files "$work/etc" --name etc
  expect_code 0
  ! grep -rqaF secret "$AZLIN_HOME" || fail "the password is in the state folder"
}

test_yaml_mistakes_have_line_and_column() {
  prepare
  printf 'destination: /x\nservices:\n  app:\n    konfig: [/etc]\n' >"$AZLIN_HOME/archive.yaml"
  run azlin archive list
  expect_code 2
  expect_err "archive.yaml:4:5: unknown key 'konfig'"
}

test_destinations_are_refused_by_name() {
  prepare
  run azlin archive list -d smb://server/share
  expect_code 2
  expect_err "mount the share"
  run azlin archive list -d "$work/none"
  expect_code 3
}

test_init_proposes() {
  export AZLIN_CLOUD=AzureCloud
  ok archive init --dry-run
  expect_out "services:"
  ok archive init
  [ -s "$AZLIN_HOME/archive.yaml" ] || fail "no archive.yaml"
  run azlin archive init
  expect_code 2
}

test_damage_is_named() {
  prepare
  ok archive create --type full --name weekly
  pack=$(ls -S "$work"/repo/data/*/* | head -n 1)
  chmod u+w "$pack"
  printf '\xde\xad\xbe\xef' | dd of="$pack" bs=1 seek=9000 conv=notrunc status=none
  run azlin archive verify weekly --deep
  expect_code 6
  expect_out "✗"
}

test_paths_that_lead_nowhere() {
  prepare
  ok archive files "$work/etc" --name etc
  ln -s loop "$work/etc/loop"
  cd "$work/etc" || exit 1
  local long
  long=$(printf 'x%.0s' {1..300})
  run azlin archive compare loop etc
  expect_code 3
  run azlin archive compare "./$long" etc
  expect_code 3
  local target
  for target in "$work/etc/loop" "$work/$long"; do
    run azlin archive restore etc --target "$target"
    expect_code 2
    expect_err "cannot restore into"
  done
  ok archive files "$work/etc/loop" --name loop
  # Where something would be written or read: a file in place of a folder, a circle, what is not there, a device.
  local place
  : >"$work/file"
  for place in "$work/file" "$work/file/below" "$work/etc/loop" "$work/$long"; do
    run azlin archive migrate etc --to-bundle "$place"
    expect_code 2
    run azlin archive verify etc --deep --scratch "$place"
    expect_code 2
  done
  for place in "$work/file" "$work/file/below" "$work/etc/loop" "$work/$long" "$work/nowhere/x" /dev/null; do
    run azlin archive download etc --output "$place"
    expect_code 2
  done
  run azlin archive download etc --output /dev/null --force
  expect_code 2
  [ -c /dev/null ] || fail "a device was replaced"
  for place in "$work/etc/loop" "$work/$long" "$work/file"; do
    run azlin archive encrypt "$place"
    expect_code 2
    run azlin archive migrate --bundle "$place"
    expect_code 2
  done
  run azlin archive encrypt "$work/nowhere"
  expect_code 3
  TMPDIR="$work/file" run azlin archive verify etc --deep
  expect_code 2
  expect_err "$work/file"
}

# As another account: folders that it may not read or write.
test_folders_that_are_closed() {
  [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null || { echo "(not root: not checked)"; return 0; }
  prepare
  ok archive files "$work/etc" --name etc
  ok archive migrate etc --to-bundle "$work/bundles"
  mkdir -m 700 "$work/closed"
  mkdir -m 755 "$work/readonly"
  chmod -R a+rwX "$AZLIN_HOME" "$work/repo"
  chmod a+x "$work"
  local as=(setpriv --reuid 65534 --regid 65534 --clear-groups "$AZLIN")
  "${as[@]::${#as[@]}-1}" test -r /proc/self/fd -a -x "$AZLIN" -a -x "$work/etc" || { echo "(another account cannot run this: not checked)"; return 0; }
  chown -R 65534 "$AZLIN_HOME" "$work/repo"
  local place
  for place in "$work/closed" "$work/closed/x" "$work/readonly"; do
    run "${as[@]}" archive migrate etc --to-bundle "$place"
    expect_code 2
    expect_err "Permission denied"
    run "${as[@]}" archive download etc --output "$place/x.zip"
    expect_code 2
    expect_err "Permission denied"
    run "${as[@]}" archive verify etc --deep --scratch "$place"
    expect_code 2
    run "${as[@]}" archive restore etc --target "$place/x"
    expect_code 2
  done
  for place in "$work/bundles"/etc-* "$work/closed/x"; do
    run "${as[@]}" archive encrypt "$place"
    expect_code 2
    run "${as[@]}" archive migrate --bundle "$place"
    expect_code 2
  done
  [ -z "$(ls -A "$work/closed" "$work/readonly" | grep -v :)" ] || fail "something was made"
}

test_a_source_that_is_left_out_is_told() {
  prepare
  (cd "$work/etc" && python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")')
  run azlin archive files "$work/etc/socket" "$work/etc/app" --name one --dry-run -o json
  expect_json '.findings | length == 1 and (.[0] | contains("etc/socket is a socket"))'
  run azlin archive files "$work/repo/keys" --name two
  expect_code 6
  expect_out "it belongs to the archives themselves"
}

test_a_link_whose_target_is_no_text_is_told() {
  prepare
  ln -s "$(printf 'a\377b')" "$work/etc/link"
  run azlin archive files "$work/etc" --name etc -o json
  local minor
  minor=$("$restic" version | sed -n 's/^restic 0\.\([0-9]*\)\..*/\1/p')
  if [ -n "$minor" ] && [ "$minor" -lt 16 ]; then
    expect_code 6
    expect_json '.findings | length == 1 and (.[0] | contains("etc/link"))'
  else
    expect_code 0
  fi
  ok archive verify etc --deep
}

# The archive is whole or not there, and `recover` removes what is left of it.
killed_create() {
  local mode=$1 step=1
  while :; do
    rm -rf "$work/repo" "$AZLIN_HOME/operations.db"*
    cp -r "$work/pristine" "$work/repo"
    kill_at "$mode" "$step"
    run azlin archive create --type full --name weekly
    was_killed "$step" || break
    sound "$work/repo"
    ok archive list -o json
    expect_json 'all(.archives[]; .complete)'
    ok recover
    ok archive list --incomplete -o json
    expect_json '.archives == []'
    sound "$work/repo"
    step=$((step + 1))
  done
  [ "$step" -gt 5 ] || fail "only $step steps"
  [ -z "$(ls -A "$AZLIN_HOME/archive-staging")" ] || fail "a staging folder was left"
}

test_killed_at_every_step() {
  prepare
  cp -r "$work/repo" "$work/pristine"
  put_killer
  printf '#!/bin/sh\nhead -c 100000 /dev/zero\n' >"$work/bin/podman"
  chmod +x "$work/bin/podman"
  export PATH="$work/bin:$PATH"
  sed -i '$a\    containers: {engine: podman, volumes: [uploads]}' "$AZLIN_HOME/archive.yaml"
  killed_create during
  killed_create after
  [ -z "${AZLIN_TEST_FULL:-}" ] || killed_create before
}

# An engine has the pipe open that the one for the metadata waits at.
reads_a_gate() {
  local each
  for each in /proc/[0-9]*; do
    [ "$(cat "$each/comm" 2>/dev/null)" = restic ] || continue
    ls -l "$each/fd" 2>/dev/null | grep -q "$AZLIN_HOME/archive-staging/.*/gate-" && return
  done
  return 1
}

# An engine that does not end with azlin, as behind a program that starts it. It has final tags, and no metadata yet.
test_an_engine_that_outlives_azlin_stores_no_empty_metadata() {
  prepare
  mkdir "$work/bin"
  cat >"$work/bin/restic" <<WRAP
#!/bin/bash
exec 7>>"$work/alive"
flock -s 7 # until the engine has ended, too
for word; do
  [ "\$word" = check ] || continue
  echo check >>"$work/checks"
  while [ ! -e "$work/go" ]; do sleep 0.02; kill -0 "\$PPID" || exit; done # until the test has seen what it waits for
  kill -9 "\$PPID"
  exit 1
done
"$restic" "\$@"
exit \$?
WRAP
  chmod +x "$work/bin/restic"
  AZLIN_RESTIC="$work/bin/restic" "$AZLIN" archive files "$work/etc" --name etc >"$work/.out" 2>"$work/.err" </dev/null &
  local azlin_pid=$!
  until [ -e "$work/checks" ] && reads_a_gate; do
    kill -0 "$azlin_pid" || fail "no engine waits: $(cat "$work/.err")"
    sleep 0.02 # until the engine waits, or azlin ended
  done
  touch "$work/go"
  wait "$azlin_pid" 2>/dev/null
  [ $? -eq 137 ] || fail "not killed"
  flock "$work/alive" true
  RESTIC_PASSWORD=secret "$restic" -r "$work/repo" --no-cache --json snapshots >"$work/left"
  jq -e '[.[].tags[] | select(startswith("part="))] == ["part=data"]' "$work/left" >/dev/null || fail "stored: $(cat "$work/left")"
  ok archive files "$work/etc" --name etc # settles it first
  ok archive list --incomplete -o json
  expect_json '.archives == []'
  ok archive restore etc --target "$work/back" --verify
  sound "$work/repo"
}

test_a_hook_after_runs_when_azlin_was_killed() {
  prepare
  put_killer
  cat >>"$AZLIN_HOME/archive.yaml" <<YAML
    before: [[touch, $work/stopped]]
    after: [[rm, $work/stopped]]
YAML
  kill_at before 3 # one of the two backups; which begins first is open
  run azlin archive create --type full --name weekly
  was_killed 3 || fail "no third step"
  [ -e "$work/stopped" ] || fail "the hook before had not run"
  ok recover
  expect_out "ran the 1 hook after it"
  [ ! -e "$work/stopped" ] || fail "what was stopped stays so"
  kill_at before 3 # one of the two backups; which begins first is open
  run azlin archive create --type full --name weekly
  was_killed 3 || fail "no third step"
  ok archive create --type full --name weekly # settles it first
  [ ! -e "$work/stopped" ] || fail "what was stopped stays so"
}

# Each run of the engine costs what deriving its key takes, half a second and more.
test_the_engine_is_run_no_more_often_than_needed() {
  prepare
  put_killer # counts
  ok archive create --type full --name weekly
  # files and metadata side by side; the second waits until it is told what the metadata are
  [ "$(tr '\n' ' ' <"$work/runs")" = "version backup backup check " ] || fail "runs: $(cat "$work/runs")"
  [ "$(cat "$work/calls")" -eq 4 ] || fail "$(cat "$work/calls") runs"
  rm "$work/calls"
  ok archive create --type full --name weekly --verify=false
  [ "$(cat "$work/calls")" -eq 3 ] || fail "$(cat "$work/calls") runs, not version, files, metadata"
  # what has not changed is not read again
  RESTIC_PASSWORD=secret "$restic" -r "$work/repo" --no-cache --json snapshots --tag part=data | jq -e '.[1].parent == .[0].id' >/dev/null ||
    fail "the last archive was not taken as parent"
}

test_a_repository_is_made_where_there_is_none() {
  prepare
  rm -rf "$work/repo"
  ok archive create --type full --name weekly
  expect_err "making a repository"
  ok archive list -o json
  expect_json '.archives | length == 1'
  AZLIN_ARCHIVE_PASSWORD=wrong run azlin archive create --type full --name weekly
  expect_code 5
  expect_err "wrong password"
  run azlin operations list --state interrupted -o json
  expect_json '.operations == []'
}

test_the_same_command_settles_what_a_crash_left() {
  prepare
  ok archive create --type full --name weekly
  RESTIC_PASSWORD=secret "$restic" -r "$work/repo" --no-cache backup -q "$work/etc" --tag azlin,name=weekly,set=dead,archive=weekly-1,part=data
  sqlite3 "$AZLIN_HOME/operations.db" "UPDATE operations SET state='interrupted', plan=json_set(plan, '\$.set', 'dead') WHERE kind='archive.create'"
  ok archive create --type full --name weekly
  ok archive list --incomplete -o json
  expect_json '.archives == []'
  ok archive list -o json
  expect_json '.archives | length == 2'
}

run_tests "$@"
