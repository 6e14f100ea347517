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

run_tests
