# azlin archive database, containers and vm-snapshot. PostgreSQL and MariaDB are real in the integration tests; what no
# Debian package offers, or what needs a running daemon, is played here by a small program on PATH.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/archive_common.bash"

prepare() {
  export AZLIN_CLOUD=AzureCloud AZLIN_ARCHIVE_PASSWORD=secret AZLIN_ARCHIVE_DESTINATION="$work/repo" PATH="$work/bin:$PATH"
  mkdir -p "$work/bin" "$AZLIN_HOME"
  new_repository "$work/repo" secret
  (umask 077 && echo "log'in" >"$work/login")
}

# install NAME: a program from stdin.
install() {
  cat >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}

nothing_is_kept() {
  ok archive list -o json
  expect_json '.archives == []'
  ok archive list --incomplete -o json
  expect_json '.archives == []'
}

test_mongodb() {
  prepare
  if ! command -v mongodump >/dev/null; then
    run azlin archive database mongodb shop
    expect_code 3
    expect_err "'mongodump' is not installed"
    expect_err "mongodb-database-tools"
  fi
  install mongodump <<'SH'
#!/bin/bash
echo "$*" >"$(dirname "$0")/../arguments"
for each; do case $each in --config=*) cat "${each#--config=}" >"$(dirname "$0")/../config" ;; esac; done
printf 'an archive of shop'
[ ! -e "$(dirname "$0")/../fails" ] || { echo "Failed: error connecting to db server" >&2; exit 1; }
SH
  ok archive database mongodb shop --name mongo --host db --user backup --login-password-file "$work/login" -o json
  expect_json '.files == 1 and .bytes == 18'
  grep -qF "password: 'log''in'" "$work/config" || fail "no password: $(cat "$work/config")"
  ! grep -q "log'in" "$work/arguments" || fail "the password is an argument"
  grep -qF -- "--archive --db=shop --host=db --username=backup" "$work/arguments" || fail "$(cat "$work/arguments")"
  ok archive restore mongo --target "$work/back" --verify
  [ "$(cat "$work/back/services/mongo/database.dump")" = "an archive of shop" ] || fail "not what was dumped"
  ok archive verify mongo --deep
  expect_out "there is no MongoDB server to load it into"
  touch "$work/fails"
  run azlin archive database mongodb shop --name other
  expect_code 1
  expect_err "error connecting to db server"
  ok archive list -o json
  expect_json '[.archives[].name] == ["mongo"]'
}

test_volumes_and_images_of_podman() {
  prepare
  install podman <<'SH'
#!/bin/bash
case "$1 $2" in
  "volume export") [ "$3" = data ] || { echo "Error: no such volume $3" >&2; exit 125; }; printf 'tar of %s' "$3" ;;
  "save "*) printf 'image %s' "$2" ;;
  *) exit 1 ;;
esac
SH
  ok archive containers --volume data --image registry/shop:1 --name shop
  ok archive restore shop --target "$work/back" --verify
  [ "$(cat "$work/back/infrastructure/docker-volumes/data.tar")" = "tar of data" ] || fail "volume"
  [ "$(cat "$work/back/infrastructure/container-images/registry_shop_1.tar")" = "image registry/shop:1" ] || fail "image"
  run azlin archive containers --volume nothing --name bad
  expect_code 1
  expect_err "no such volume nothing"
  ok archive list -o json
  expect_json '[.archives[].name] == ["shop"]'
  run azlin archive containers --name none
  expect_code 2
}

test_volumes_of_docker_are_read_where_they_are_mounted() {
  prepare
  mkdir -p "$work/volumes/data"
  echo upload >"$work/volumes/data/file"
  install docker <<SH
#!/bin/bash
[ "\$1 \$2" = "volume inspect" ] || exit 1
[ "\${!#}" = data ] || { echo "Error: No such volume: \${!#}" >&2; exit 1; }
echo "$work/volumes/data"
SH
  ok archive containers --engine docker --volume data --name shop
  ok archive restore shop --target "$work/back"
  [ "$(tar -xOf "$work/back/infrastructure/docker-volumes/data.tar" ./file)" = upload ] || fail "volume"
  run azlin archive containers --engine docker --volume nothing --name bad
  expect_code 3
  expect_err "docker has no volume 'nothing'"
}

test_missing_tools_are_named() {
  prepare
  local tools
  tools=$(mktemp -d -p "$work")
  ln -s "$restic" "$tools/restic"
  run env PATH="$tools" "$AZLIN" archive containers --volume data
  expect_code 3
  expect_err "'podman' is not installed"
  run env PATH="$tools" "$AZLIN" archive database postgresql shop
  expect_code 3
  expect_err "install postgresql-client"
  run env PATH="$tools" "$AZLIN" archive database mysql shop
  expect_code 3
  expect_err "install mariadb-client"
  nothing_is_kept
}

# The file is azlin's alone; the dump runs as an account that could not read it.
test_a_dump_as_another_account_gets_its_password() {
  prepare
  install runuser <<'SH'
#!/bin/bash
[ "$1 $2 $3" = "-u postgres --" ] || exit 1
shift 3
exec "$@"
SH
  install pg_dump <<'SH'
#!/bin/bash
[ "$PGPASSWORD" = "log'in" ] || { echo "no password" >&2; exit 1; }
printf 'dump'
SH
  ok archive database postgresql shop --run-as postgres --login-password-file "$work/login" --name shop
  ! grep -rqaF "log'in" "$AZLIN_HOME" || fail "the password is in the state folder"
  chmod 644 "$work/login"
  run azlin archive database postgresql shop --run-as postgres --login-password-file "$work/login" --name shop2
  expect_code 2
  expect_err "can be read by others"
}

test_a_hook_that_fails_stops_it_and_the_other_still_runs() {
  prepare
  cat >"$AZLIN_HOME/archive.yaml" <<YAML
services:
  shop:
    config: [$work/login]
    before: [[sh, -c, "echo topsecret >&2; exit 1"]]
    after: [[touch, $work/after]]
YAML
  run azlin archive create --service shop --type service
  expect_code 1
  expect_err "the hook before 'sh' ended with 1"
  expect_err "it said: topsecret"
  ! grep -rqaF "topsecret" "$AZLIN_HOME"/*.db* || fail "what the hook printed is kept"
  [ -e "$work/after" ] || fail "the hook after did not run"
  nothing_is_kept
}

test_vm_snapshot() {
  start_simulator
  prepare
  export AZLIN_CLOUD=simulator
  ok archive vm-snapshot my-vm --dry-run
  ok archive vm-snapshot my-vm --name my-vm -o json
  ok archive restore my-vm --target "$work/back" --verify
  local file
  file=$(find "$work/back/infrastructure/vm-snapshots" -name my-vm.json)
  [ -n "$file" ] || fail "nothing says what was taken"
  ok snapshot list my-vm -o json
  jq -e '.snapshots | length > 0' "$file" >/dev/null || fail "no snapshot is named"
  for id in $(jq -r '.snapshots[]' "$file"); do grep -qF "${id##*/}" <<<"$out" || fail "$id is not in Azure"; done
  run azlin archive vm-snapshot no-such-vm
  expect_code 3
}

run_tests "$@"
