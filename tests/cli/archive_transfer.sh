# azlin archive download, migrate, encrypt, sync, prune, compare, key rotate, report and schedule, with restic.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/archive_common.bash"

# Two archives of one folder, "etc", in $work/repo; the second has a changed and a new file.
prepare() {
  export AZLIN_CLOUD=AzureCloud AZLIN_ARCHIVE_PASSWORD=first AZLIN_ARCHIVE_DESTINATION="$work/repo"
  new_repository "$work/repo" first
  new_repository "$work/second" first
  mkdir -p "$work/etc/app"
  printf 'port: 80\nhost: a\n' >"$work/etc/app/app.yaml"
  head -c 100000 /dev/urandom >"$work/etc/größe.bin"
  ln -s app/app.yaml "$work/etc/link"
  ok archive files "$work/etc" --name etc -o json
  first=$(jq -r .id <<<"$out")
}

second_archive() {
  printf 'port: hidden-value\nhost: a\nnew: 1\n' >"$work/etc/app/app.yaml"
  echo x >"$work/etc/extra"
  ok archive files "$work/etc" --name etc -o json
  second=$(jq -r .id <<<"$out")
  [ "$second" != "$first" ] || fail "the id of the first was used again"
}

test_download_gives_a_whole_file_or_none() {
  prepare
  ok archive download etc --format tar.gz --output "$work/out.tgz"
  expect_err "not encrypted"
  [ "$(stat -c %a "$work/out.tgz")" = 600 ] || fail "others can read it"
  mkdir "$work/x"
  tar -xzf "$work/out.tgz" -C "$work/x"
  cmp "$work/x/$first/services/etc/data$work/etc/größe.bin" "$work/etc/größe.bin" || fail "not the same file"
  run azlin archive download etc --format zip --output "$work/out.tgz"
  expect_code 2
  expect_err "there already"
  run azlin archive download etc --output "$work/nowhere/x.zip"
  expect_code 2
  [ -z "$(ls -A "$work" | grep scratch)" ] || fail "plain files are left"
}

test_the_encrypted_zip_opens_with_seven_zip() {
  local seven
  seven=$(command -v 7zz || command -v 7z) || { echo "(7-Zip is not installed: not checked)"; return 0; }
  prepare
  run azlin archive download etc --format encrypted-zip --output "$work/out.zip"
  expect_code 2
  expect_err "AZLIN_PACKAGE_PASSWORD"
  AZLIN_PACKAGE_PASSWORD=zipped ok archive download etc --format encrypted-zip --output "$work/out.zip"
  run "$seven" x -pwrong -o"$work/bad" "$work/out.zip"
  [ "$code" -ne 0 ] || fail "a wrong password opened it"
  run "$seven" x -pzipped -o"$work/good" "$work/out.zip"
  expect_code 0
  cmp "$work/good/$first/services/etc/data$work/etc/größe.bin" "$work/etc/größe.bin" || fail "not the same file"
  AZLIN_PACKAGE_PASSWORD=zipped ok archive download --backup etc --encrypt --download-path "$work/again.zip" -o json
  expect_json '.encrypted and .format == "encrypted-zip"'
  new_repository "$work/third" "$AZLIN_ARCHIVE_PASSWORD"
  run azlin archive migrate --bundle "$work/out.zip" -d "$work/third"
  expect_code 2
  expect_err "AZLIN_PACKAGE_PASSWORD"
  AZLIN_PACKAGE_PASSWORD=wrong run azlin archive migrate --bundle "$work/out.zip" -d "$work/third"
  expect_code 5
  AZLIN_PACKAGE_PASSWORD=zipped ok archive migrate --bundle "$work/out.zip" -d "$work/third"
  AZLIN_PACKAGE_PASSWORD=zipped run azlin archive download etc --encrypt --format tar.xz --output "$work"
  expect_code 2
}

test_what_one_machine_cannot_offer_is_refused_by_name() {
  export AZLIN_ARCHIVE_PASSWORD=x AZLIN_CLOUD=AzureCloud
  run azlin archive download etc -d "$work/repo" --output https://example.com/x.zip
  expect_code 2
  expect_err "no web server"
  run azlin archive download etc -d "$work/repo" --output smb://host/share
  expect_code 2
  expect_err "mount"
  run azlin archive schedule add c --cron continuous --destination "$work/repo"
  expect_code 2
  expect_err "no continuous archives"
  run azlin archive schedule add c --cron @daily --destination nfs://host/share
  expect_code 2
  expect_err "mount"
}

test_a_bundle_goes_out_and_comes_back() {
  prepare
  ok archive migrate --to-bundle "$work/bundles"
  expect_err "not encrypted"
  local bundle=$work/bundles/$first file
  for file in config services infrastructure logs; do [ -d "$bundle/$file" ] || fail "no $file/"; done
  [ "$(jq -r .name "$bundle/metadata.json")" = etc ] || fail "metadata.json"
  jq -r '.bundle.files[] | select(.link | not) | .sha256 + "  " + .path' "$bundle/metadata.json" >"$work/sums"
  (cd "$bundle" && sha256sum --quiet -c "$work/sums") || fail "checksums"
  ok archive migrate --bundle "$bundle" -d "$work/second" -o json
  expect_json '.wasThere == false'
  ok archive migrate --bundle "$bundle" -d "$work/second" -o json
  expect_json '.wasThere == true'
  [ "$(ids "$work/second")" = "$first " ] || fail "it is not listed"
  [ "$(azlin archive list -o json | jq -r '.archives[0].takenAt')" != null ] || fail "no date"
  ok archive restore etc -d "$work/second" --target "$work/back" --verify
  cmp "$work/back/services/etc/data$work/etc/größe.bin" "$work/etc/größe.bin" || fail "not the same file"
  ok archive verify etc -d "$work/second" --deep
}

test_a_damaged_bundle_is_not_taken() {
  prepare
  ok archive migrate --to-bundle "$work/bundles"
  echo more >>"$work/bundles/$first/services/etc/data$work/etc/app/app.yaml"
  run azlin archive encrypt "$work/bundles/$first" -d "$work/second" --delete-plain --yes
  expect_code 1
  expect_err "changed: services/etc/data$work/etc/app/app.yaml"
  [ -d "$work/bundles/$first" ] || fail "it was deleted"
  [ -z "$(ids "$work/second")" ] || fail "it was taken"
}

test_encrypt_deletes_the_plain_folder_only_when_asked() {
  prepare
  ok archive migrate --to-bundle "$work/bundles"
  ok archive encrypt "$work/bundles/$first" -d "$work/second"
  [ -d "$work/bundles/$first" ] || fail "it was deleted"
  run azlin archive encrypt "$work/bundles/$first" -d "$work/second" --delete-plain
  expect_code 2
  ok archive encrypt "$work/bundles/$first" -d "$work/second" --delete-plain --yes
  [ ! -d "$work/bundles/$first" ] || fail "it is still there"
  [ "$(ids "$work/second")" = "$first " ] || fail "it is not listed"
}

test_sync_copies_what_is_missing_and_reads_it() {
  prepare
  ok archive sync --to "$work/new" --verify -o json
  expect_json '.copied == ["'"$first"'"] and .madeRepository and .verified'
  second_archive
  ok archive sync --to "$work/new" -o json
  expect_json '.copied == ["'"$second"'"] and .wereThere == 1 and .verified == null'
  ok archive sync --to "$work/new" -o json
  expect_json '.copied == [] and .wereThere == 2'
  [ "$(ids "$work/new")" = "$(ids "$work/repo")" ] || fail "the lists differ"
  run azlin archive sync --to "$work/repo"
  expect_code 2
  expect_err "same repository"
  sound "$work/new"
}

test_sync_says_which_password_is_wrong() {
  prepare
  AZLIN_ARCHIVE_TO_PASSWORD=wrong run azlin archive sync --to "$work/second"
  expect_code 5
  expect_err "$work/second"
  AZLIN_ARCHIVE_PASSWORD=wrong AZLIN_ARCHIVE_TO_PASSWORD=first run azlin archive sync --to "$work/second"
  expect_code 5
  expect_err "$work/repo"
}

# killed_at_every_step MODE COMMAND...: kills it around each call of the engine, each time from the start. After each
# `check_left` looks at what is left, and the same command goes on to its end.
killed_at_every_step() {
  local mode=$1 step=1
  shift
  while :; do
    rm -rf "$work/second" "$work/bundles"
    cp -r "$work/empty" "$work/second"
    kill_at "$mode" "$step"
    run azlin "$@"
    was_killed "$step" || break
    check_left
    ok recover
    step=$((step + 1))
  done
  [ "$step" -gt 4 ] || fail "only $step steps"
}
# modes DEFAULT: all of them when AZLIN_TEST_FULL is set.
modes() { [ -n "${AZLIN_TEST_FULL:-}" ] && echo "before during after" || echo "$1"; }

# What is listed at the second destination is whole.
second_is_whole() {
  sound "$work/second"
  for id in $(ids "$work/second"); do ok archive verify "$id" -d "$work/second"; done
}

test_kill_9_of_sync_leaves_no_half_archive() {
  prepare
  second_archive
  put_killer
  mv "$work/second" "$work/empty"
  check_left() { second_is_whole; }
  local mode
  for mode in $(modes during); do
    killed_at_every_step "$mode" archive sync --to "$work/second"
    [ "$(ids "$work/second")" = "$(ids "$work/repo")" ] || fail "the lists differ"
  done
  ok archive verify etc -d "$work/second" --deep
}

test_kill_9_of_migrate_leaves_no_half_archive() {
  prepare
  second_archive
  ok archive migrate --to-bundle "$work/given" "$second"
  put_killer
  mv "$work/second" "$work/empty"
  export TMPDIR="$work/tmp"
  mkdir "$TMPDIR"
  local mode id
  for mode in $(modes after); do
    check_left() {
      for id in $(ls "$work/bundles" 2>/dev/null); do
        jq -e .bundle.files "$work/bundles/$id/metadata.json" >/dev/null || fail "$id is half a bundle"
      done
    }
    killed_at_every_step "$mode" archive migrate --to-bundle "$work/bundles"
    [ "$(ls -A "$work/bundles" | wc -l)" -eq 2 ] || fail "other things are left: $(ls -A "$work/bundles")"
    check_left() { second_is_whole; }
    killed_at_every_step "$mode" archive migrate --bundle "$work/given/$second" -d "$work/second"
    [ "$(ids "$work/second")" = "$second " ] || fail "it is not listed once"
    [ -n "${AZLIN_TEST_FULL:-}" ] || continue # the same work as sync
    killed_at_every_step "$mode" archive migrate --to "$work/second"
    [ "$(ids "$work/second")" = "$(ids "$work/repo")" ] || fail "the lists differ"
  done
  [ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls -A "$TMPDIR")"
}

test_an_interrupted_import_is_taken_up_again() {
  prepare
  ok archive migrate --to-bundle "$work/bundles"
  put_killer
  kill_at after 3 # the files are there, the metadata are not
  run azlin archive migrate --bundle "$work/bundles/$first" -d "$work/second"
  was_killed 3 || fail "no third step"
  ok archive list --incomplete -d "$work/second" -o json
  expect_json '.archives | length == 1'
  ok archive migrate --bundle "$work/bundles/$first" -d "$work/second"
  ok archive list --incomplete -d "$work/second" -o json
  expect_json '.archives == []'
  [ "$(ids "$work/second")" = "$first " ] || fail "it is not listed once"
}

# Plain contents of an archive do not outlive azlin for long.
test_kill_9_of_a_download_or_a_test_restore_leaves_no_plain_file() {
  prepare
  put_killer
  export TMPDIR="$work/tmp"
  mkdir "$TMPDIR" "$work/out"
  local step command
  for command in "2 download etc --output $work/out" "4 verify etc --deep"; do
    read -r step command <<<"$command"
    kill_at after "$step"
    run azlin archive $command
    was_killed "$step" || fail "no step $step"
    [ -n "$(find "$TMPDIR" "$work/out" -type f)" ] || fail "nothing had been restored yet"
    ok recover
    expect_out "removed 1 scratch folder"
    [ -z "$(ls -A "$TMPDIR" "$work/out" | grep scratch)" ] || fail "$command: plain files are left"
  done
}

test_prune_never_removes_the_newest() {
  prepare
  second_archive
  run azlin archive prune --keep 1d
  expect_code 2
  ok archive prune etc --keep 1d --dry-run -o json
  expect_json '[.archives[].keep] == [true, true]'
  # Far older than any period: dates of bundles are kept.
  ok archive migrate --to-bundle "$work/bundles" "$first"
  local old=$work/bundles/$first
  jq '.createdAt = "2020-01-01T00:00:00Z" | .id = "etc-20200101-000000"' "$old/metadata.json" >"$work/m" && cp "$work/m" "$old/metadata.json"
  ok archive migrate --bundle "$old"
  ok archive prune etc --keep 30d --dry-run -o json
  expect_json '[.archives[] | select(.keep | not) | .archive] == ["etc-20200101-000000"]'
  [ "$(ids "$work/repo" | wc -w)" -eq 3 ] || fail "a dry run removed something"
  run azlin archive prune etc --keep 30d
  expect_code 2
  ok archive prune etc --keep 30d --yes
  [ "$(ids "$work/repo")" = "$first $second " ] || fail "other archives went"
  sound "$work/repo"
  run azlin archive prune nothing --keep 30d --yes
  expect_code 3
}

test_compare_names_files_and_keys_and_shows_no_value() {
  prepare
  second_archive
  ok archive compare "$first" "$second" -o json
  expect_json '.identical == false and ([.files[] | .change] | sort) == ["added", "changed"]'
  expect_json '[.files[] | select(.keys).keys[] | .key + " " + .change] == ["new added", "port changed"]'
  reject_out hidden-value
  ok archive compare "$first" "$first"
  expect_out "hold the same files"
  ok archive migrate --to-bundle "$work/bundles" "$second"
  ok archive compare "$work/bundles/$second" "$second"
  expect_out "hold the same files"
}

test_key_rotate_ends_the_old_password() {
  prepare
  AZLIN_ARCHIVE_NEW_PASSWORD=fresh ok archive key rotate -o json
  expect_json '.masterKey == "unchanged" and .otherKeys == 0'
  run azlin archive list
  expect_code 5
  AZLIN_ARCHIVE_PASSWORD=fresh ok archive list
  AZLIN_ARCHIVE_PASSWORD=fresh AZLIN_ARCHIVE_NEW_PASSWORD=fresh run azlin archive key rotate
  expect_code 2
  sound "$work/repo" fresh
}

test_report_says_no_data_where_there_is_none() {
  export AZLIN_CLOUD=AzureCloud
  ok archive report -o json
  expect_json '[.measures[].seen | startswith("no data")] | all'
  local wrong
  for wrong in "--price nan" "--price inf" "--price -1" "--period 0d" "--period soon"; do
    run azlin archive report $wrong
    expect_code 2
  done
  prepare
  ok archive restore etc --target "$work/back"
  ok archive verify etc
  ok archive report --price 0.02 -o json
  expect_json '.measures[0].seen == "100.0 % (1 of 1)" and .measures[1].met and .measures[2].met'
  expect_json '.measures[] | select(.name == "Storage efficiency").seen | test(" : 1 ")'
  expect_json '.measures[] | select(.name == "Mean time to restore").seen != "no data"'
}

test_schedules_run_when_due_one_at_a_time() {
  prepare
  cat >"$AZLIN_HOME/archive.yaml" <<YAML
services:
  app:
    config: [$work/etc/app]
YAML
  ok archive schedule add app --cron "* * * * *" --service app --destination "$work/repo" --retention 30d
  ok archive schedule add broken --cron "* * * * *" --destination "$work/not-there" --action verify --archive etc
  run azlin archive schedule add app --cron @daily --destination "$work/repo"
  expect_code 1
  (cd "$work" && azlin archive schedule add near --cron @daily -d ./repo --action sync --to second -o json >near.json 2>/dev/null) &&
    fail "a name that archive.yaml does not know was taken"
  (cd "$work" && azlin archive schedule add near --cron @daily -d ./repo --action sync --to ./second -o json >near.json 2>/dev/null) ||
    fail "no schedule for a folder here"
  jq -e --arg at "$work" '.destination == $at + "/repo" and .to == $at + "/second"' "$work/near.json" >/dev/null ||
    fail "a schedule that runs elsewhere would look elsewhere: $(cat "$work/near.json")"
  ok archive schedule remove near
  run azlin archive schedule add bad --cron "0 0 30 2 *" --destination "$work/repo"
  expect_code 2
  made_in() { sqlite3 "$AZLIN_HOME/archive.db" "UPDATE schedules SET created_at = '$1-01-01T00:00:00Z'"; }
  made_in 2200 # the next minute may begin before the command does
  ok archive schedule run-due
  expect_out "No archive schedule is due"
  made_in 2020
  ok archive schedule run-due --dry-run -o json
  expect_json '.runs | length == 2'
  exec 9>"$AZLIN_HOME/archive-schedule.lock"
  flock 9
  run azlin archive schedule run-due
  expect_code 7
  exec 9>&-
  run azlin archive schedule run-due -o json
  expect_code 4
  expect_json '[.runs[] | .schedule + " " + (.ok | tostring)] | sort == ["app true", "broken false"]'
  ok archive list -o json
  expect_json '[.archives[].name] | sort == ["app", "etc"]'
  ok archive schedule list -o json
  expect_json '[.schedules[] | .lastOutcome] == ["succeeded", "failed"]'
  ok alert list -o json
  expect_out "broken"
  ok archive schedule remove broken
  run azlin archive schedule remove broken
  expect_code 3
}

run_tests "$@"
