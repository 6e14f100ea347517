#!/usr/bin/env bash
# Words of the command line that no program writes by itself: refused, with exit code 2, before anything is done.
. "$(dirname "$0")/harness.sh"

test_what_is_not_utf8_is_refused() {
  local words
  for words in "backup hold vm1-backup --reason" "backup trigger" "dr configure vm1 --test-region westus2 --ssh-user" \
    "policy show" "archive files" "no-such-command"; do
    # shellcheck disable=SC2086
    run azlin $words $'a\xffb'
    expect_code 2
    expect_err "is not UTF-8"
    reject_err "internal error"
  done
}

test_long_and_empty_words_are_no_crash() {
  start_simulator
  local long
  long=$(head -c 100000 /dev/zero | tr '\0' x)
  for word in "" "$long" "../../x" "%00" "-" "--"; do
    run azlin backup trigger "$word"
    [ "$code" -eq 2 ] || [ "$code" -eq 3 ] || fail "exit code $code for '${word:0:20}'"
    reject_err "internal error"
    run azlin backup delete "$word" --yes
    [ "$code" -eq 2 ] || [ "$code" -eq 3 ] || fail "exit code $code for '${word:0:20}'"
    reject_err "internal error"
  done
}

test_a_path_that_no_file_can_have_is_no_defect() {
  start_simulator
  local long
  long=$(printf 'x%.0s' $(seq 300))
  for words in "export -f $long" "archive encrypt $long -d $work/repo"; do
    # shellcheck disable=SC2086
    AZLIN_ARCHIVE_PASSWORD=x run azlin $words
    expect_code 2
    expect_err "File name too long"
    reject_err "internal error"
  done
}

# It says which of several VMs of a name is meant: alone it would change nothing, and is not passed over.
test_the_group_of_no_vm_is_refused() {
  start_simulator
  for words in "backup verification-report" "backup replication-jobs" report; do
    # shellcheck disable=SC2086
    run azlin $words -g Production
    expect_code 2
    expect_err "--vm"
  done
}

test_a_network_that_does_not_answer_is_told_with_what_to_look_at() {
  export AZLIN_ARM_ENDPOINT=http://127.0.0.1:1 AZLIN_ACCESS_TOKEN=x.eyJleHAiOjQxMDI0NDQ4MDB9.x
  export AZURE_SUBSCRIPTION_ID=00000000-0000-0000-0000-000000000001
  run azlin backup list vm1
  expect_code 1
  expect_err "127.0.0.1 port 1"
  expect_err "azlin doctor"
}

test_numbers_are_decimal() {
  start_simulator
  local word
  for word in "" " " 010 0x10 1.5 1e2 nan; do
    run azlin backup configure vm1 --daily-retention "$word"
    expect_code 2
    expect_err "--daily-retention"
    run azlin backup trigger vm1 --max-parallel "$word"
    expect_code 2
    expect_err "--max-parallel"
  done
  for word in "" nan inf 0x1p1; do
    run azlin simulator fault add --status 503 --probability "$word"
    expect_code 2
  done
  run azlin backup config-show vm1
  expect_code 3
  ok backup configure vm1 --daily-retention +7
}

test_numbers_of_any_length_are_no_crash() {
  local long
  long=$(head -c 100000 /dev/zero | tr '\0' 1)
  run azlin archive report --price "$long"
  expect_code 2
  expect_err "--price: '1111"
  run azlin backup configure vm1 --daily-retention "$long"
  expect_code 2
  reject_err "internal error"
}

test_options_that_nobody_knows_are_named_without_their_values() {
  run azlin --bogus
  expect_code 2
  expect_err "\`azlin\` has no option '--bogus'"
  expect_err "see \`azlin --help\`"
  run azlin --bogus=hidden nonsense
  expect_code 2
  expect_err "has no option '--bogus'"
  reject_err hidden
  run azlin backup --bogus
  expect_code 2
  expect_err "\`azlin backup\` has no option '--bogus'"
  run azlin --bogus version
  expect_code 2
  expect_err "--bogus"
  run azlin --
  expect_code 2
  expect_err "\`azlin\` needs a command"
  run azlin nonsense --bogus
  expect_code 2
  expect_err "has no command 'nonsense'"
}

test_words_that_name_nothing_are_refused_as_such() {
  start_simulator
  ok backup configure vm1
  ok backup trigger vm1 -o json
  local word name
  name=$(jq -r .backup.name <<<"$out")
  for word in "" x /subscriptions/x; do
    run azlin backup restore vm1 --backup "$name" --new-vm vm2 --subnet "$word" --yes
    expect_code 2
    expect_err "is not the resource id of a subnet"
  done
  run azlin backup restore vm1 --backup "$name" --new-vm vm2 --size "" --yes
  expect_code 2
  run azlin backup hold "$name" --reason $'two\nlines'
  expect_code 2
  for word in "" a 1ab a_b; do
    run azlin vault create "$word" -g Production -l eastus
    expect_code 2
    expect_err "cannot be a vault's name"
  done
}

test_damaged_and_newer_databases_are_told_and_put_aside() {
  start_simulator
  ok backup configure vm1
  local db=$AZLIN_HOME/operations.db
  ok doctor
  expect_out "databases: sound"
  cp "$db" saved.db
  rm -f "$db-wal" "$db-shm"
  head -c 30000 /dev/zero | tr '\0' U | dd of="$db" bs=4096 seek=2 conv=notrunc status=none
  run azlin doctor
  expect_code 6
  expect_out "operations.db is damaged"
  expect_out "set aside as"
  expect_out "azlin state rebuild"
  ok backup trigger vm1
  cp saved.db "$db"
  rm -f "$db-wal" "$db-shm"
  printf '\0\0\3\347' | dd of="$db" bs=1 seek=60 conv=notrunc status=none # user_version 999
  run azlin doctor
  expect_code 6
  expect_out "written by a newer azlin"
  rm -f "$db"
  mkdir "$db"
  run azlin backup trigger vm1
  expect_code 1
  expect_err "operations.db"
  run azlin doctor
  expect_code 6
}

test_a_folder_for_others_stays_one() {
  start_simulator
  ok backup list vm1
  [ "$(stat -c %a "$AZLIN_HOME")" = 700 ] || fail "$AZLIN_HOME has mode $(stat -c %a "$AZLIN_HOME")"
  mkdir -m 755 "$work/shared"
  AZLIN_HOME=$work/shared ok snapshot create vm1
  [ "$(stat -c %a "$work/shared")" = 755 ] || fail "$work/shared has mode $(stat -c %a "$work/shared")"
  [ "$(stat -c %a "$work/shared/operations.db")" = 600 ] || fail "$work/shared/operations.db has mode $(stat -c %a "$work/shared/operations.db")"
  AZLIN_HOME=$work/shared run azlin doctor
  expect_out "others can look in"
  mkdir -m 755 "$work/.azlin"
  (unset AZLIN_HOME && ok snapshot create vm1) || return 1
  [ "$(stat -c %a "$work/.azlin")" = 700 ] || fail "$work/.azlin has mode $(stat -c %a "$work/.azlin")"
}

run_tests
