# azlin archive restore --target host:DIR, against an ssh server on loopback.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/archive_common.bash"

prepare() {
  export AZLIN_CLOUD=AzureCloud AZLIN_ARCHIVE_PASSWORD=secret AZLIN_ARCHIVE_DESTINATION="$work/repo" TMPDIR="$work/tmp"
  new_repository "$work/repo" secret
  mkdir -p "$work/etc/sub" "$work/srv" "$work/tmp" "$AZLIN_HOME"
  echo "port=80" >"$work/etc/app.conf"
  head -c 300000 /dev/urandom >"$work/srv/photo"
  echo x >"$work/etc/sub/it's a 'name'"
  printf x >"$work/etc/sub/two
lines"
  chmod 640 "$work/etc/app.conf"
  ln -s app.conf "$work/etc/link"
  cat >"$AZLIN_HOME/archive.yaml" <<YAML
services:
  app: {config: [$work/etc], data: [$work/srv]}
YAML
  ok archive create --type full --name app
}

test_into_a_folder_of_another_machine() {
  trap stop_servers EXIT
  start_sshd || return 0
  prepare
  local far="$work/far away/it's here"
  ok archive restore app --target "backup:$far" --ssh-config "$work/ssh/config" --dry-run
  [ ! -e "$far" ] || fail "a dry run made it"
  ok archive restore app --target "backup:$far" --ssh-config "$work/ssh/config" --verify -o json
  expect_json '.verified and .mismatches == []'
  diff -r --no-dereference "$work/etc" "$far/services/app/config$work/etc" || fail "not what was archived"
  cmp "$work/srv/photo" "$far/services/app/data$work/srv/photo" || fail "data"
  [ "$(stat -c %a "$far/services/app/config$work/etc/app.conf")" = 640 ] || fail "the mode is lost"
  [ -z "$(ls -A "$TMPDIR")" ] || fail "plain files are left here"
  run azlin archive restore app --target "backup:$far" --ssh-config "$work/ssh/config"
  expect_code 2
  expect_err "is not empty"
  echo mine >"$far/other"
  ok archive restore app --target "backup:$far" --ssh-config "$work/ssh/config" --yes
  [ "$(cat "$far/other")" = mine ] || fail "another file is gone"
  ok archive restore app --mode config-only --target "ssh://backup$work/conf" --ssh-config "$work/ssh/config" --verify
  [ ! -e "$work/conf/services/app/data" ] || fail "data came with config-only"
}

# A machine that spoils a link after it has arrived.
test_a_link_that_points_elsewhere_is_found() {
  prepare
  mkdir -p "$work/bin"
  cat >"$work/bin/ssh" <<SSH
#!/bin/bash
sh -c "\${!#}" || exit
case \${!#} in *"tar -xpf"*) ln -sfn elsewhere "$work/far/services/app/config$work/etc/\$(cat "$work/spoil")" ;; esac
SSH
  chmod +x "$work/bin/ssh"
  local none
  for none in none /dev/null; do # what ssh takes for no configuration at all
    PATH="$work/bin:$PATH" ok archive restore app --target "host:$work/far" --ssh-config "$none" --dry-run
  done
  echo new-link >"$work/spoil" # one that is not of the archive
  PATH="$work/bin:$PATH" ok archive restore app --target "host:$work/far" --verify -o json
  expect_json '.verified'
  rm -rf "$work/far"
  echo link >"$work/spoil"
  PATH="$work/bin:$PATH" run azlin archive restore app --target "host:$work/far" --verify -o json
  expect_code 6
  expect_json '(.verified | not) and .mismatches == ["services/app/config'"$work"'/etc/link"]'
}

test_what_ssh_refuses() {
  trap stop_servers EXIT
  prepare
  run azlin archive restore app --target root@new-vm
  expect_code 2
  expect_err "names no folder"
  run azlin archive restore app --target "$work/here" --ssh-config "$work/ssh/config"
  expect_code 2
  start_sshd || return 0
  run azlin archive restore app --target "backup:/proc/nowhere" --ssh-config "$work/ssh/config"
  expect_code 1
  expect_err "backup:/proc/nowhere"
  ssh-keygen -q -t ed25519 -N '' -f "$work/ssh/other"
  sed -i "s,IdentityFile .*,IdentityFile $work/ssh/other," "$work/ssh/config"
  run azlin archive restore app --target "backup:$work/far" --ssh-config "$work/ssh/config"
  expect_code 5
  expect_err "must work without a question"
  stop_servers
  run azlin archive restore app --target "backup:$work/far" --ssh-config "$work/ssh/config"
  expect_code 1
  [ ! -e "$work/far" ] || fail "something was restored"
  [ -z "$(ls -A "$TMPDIR")" ] || fail "plain files are left here"
  ok operations list -o json
  expect_out "archive.restore"
}

# A name without a colon is a folder here, and the message says which.
test_a_name_alone_is_a_folder_here() {
  prepare
  ok archive restore app --target new-vm
  expect_out "into $(pwd -P)/new-vm"
}

test_other_platforms_are_refused_by_name() {
  export AZLIN_ARCHIVE_PASSWORD=x AZLIN_CLOUD=AzureCloud
  run azlin archive restore --backup dev-to-prod --provider aws --environment production --target x
  expect_code 2
  expect_err "with another provider"
  run azlin archive restore --backup nextcloud-migration --target kubernetes --namespace production
  expect_code 2
  expect_err "kubectl apply"
}

run_tests "$@"
