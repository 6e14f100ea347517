#!/usr/bin/env bash
# azlin archive: made, listed, shown, restored, verified; killed in the middle; wrong passwords and destinations.
. "$(dirname "$0")/harness.sh"
command -v restic >/dev/null || { echo "skipped: restic is not installed (scripts/deps --tests)"; exit 77; }

# One repository for the whole suite: making one takes seconds.
pristine=$(mktemp -d)
trap 'rm -rf "$pristine"' EXIT
echo secret >"$pristine/password"
RESTIC_PASSWORD_FILE="$pristine/password" restic -r "$pristine/repo" --no-cache init >/dev/null || exit 1

prepare() {
  export AZLIN_CLOUD=AzureCloud AZLIN_ARCHIVE_PASSWORD=secret
  cp -r "$pristine/repo" "$work/repo"
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
  expect_err "another machine"
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

# kill -9 after each thing that the engine was asked: a wrapper counts its calls, and after the n-th it kills azlin. azlin
# cleans the environment of the engine, so the wrapper is told by files.
test_killed_at_every_step() {
  prepare
  mkdir "$work/bin"
  cat >"$work/bin/restic" <<WRAP
#!/bin/bash
n=\$(cat "$work/count" 2>/dev/null || echo 0)
echo \$((n + 1)) >"$work/count"
$(command -v restic) "\$@"
ended=\$?
[ \$((n + 1)) != "\$(cat "$work/kill-at" 2>/dev/null)" ] || kill -9 "\$PPID"
exit \$ended
WRAP
  chmod +x "$work/bin/restic"
  export RESTIC_PASSWORD_FILE="$pristine/password"
  local step=1
  while :; do
    rm -rf "$work/repo" "$work/count" "$AZLIN_HOME/operations.db"*
    cp -r "$pristine/repo" "$work/repo"
    echo "$step" >"$work/kill-at"
    AZLIN_RESTIC="$work/bin/restic" run azlin archive create --type full --name weekly
    rm "$work/kill-at"
    [ "$code" -ne 0 ] || break
    [ "$code" -eq 137 ] || fail "step $step"
    ok archive list -o json # whole, or not there
    expect_json 'all(.archives[]; .complete)'
    ok recover
    ok archive list --incomplete -o json
    expect_json '.archives == []'
    restic -r "$work/repo" --no-cache check >/dev/null 2>&1 || fail "after step $step the repository is not sound"
    step=$((step + 1))
  done
  [ "$step" -gt 5 ] || fail "only $step steps"
  [ -z "$(ls -A "$AZLIN_HOME/archive-staging")" ] || fail "a staging folder was left"
}

test_the_same_command_settles_what_a_crash_left() {
  prepare
  ok archive create --type full --name weekly
  RESTIC_PASSWORD_FILE="$pristine/password" restic -r "$work/repo" --no-cache backup -q "$work/etc" --tag azlin,name=weekly,set=dead,archive=weekly-1,part=data
  sqlite3 "$AZLIN_HOME/operations.db" "UPDATE operations SET state='interrupted', plan=json_set(plan, '\$.set', 'dead') WHERE kind='archive.create'"
  ok archive create --type full --name weekly
  ok archive list --incomplete -o json
  expect_json '.archives == []'
  ok archive list -o json
  expect_json '.archives | length == 2'
}

run_tests "$@"
