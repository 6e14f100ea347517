# Documents that are made from the program, or make claims about it.
. "$(dirname "$0")/harness.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)

test_the_command_reference_is_what_the_program_says() {
  run azlin reference
  expect_code 0
  diff -u "$top/docs/commands.md" .out || fail "docs/commands.md is out of date: azlin reference >docs/commands.md"
}

test_the_custom_role_names_every_action_that_doctor_checks() {
  start_simulator
  ok doctor -o json
  for action in $(jq -r '.actions[]' <<<"$out"); do
    grep -qF "$action" "$top/docs/security.md" || fail "docs/security.md does not name $action"
  done
}

run_tests "$@"
