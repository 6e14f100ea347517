# azlin auth: where the token comes from, and that it is never shown.
. "$(dirname "$0")/harness.sh"

test_status_names_the_simulators_identity() {
  start_simulator empty
  ok auth status -o json
  expect_json '.authenticated and .cloud == "simulator"'
}

test_a_token_from_the_environment_comes_first_and_is_not_printed() {
  start_simulator empty
  export AZLIN_ACCESS_TOKEN=secret-token-4711
  ok auth status --debug
  expect_out environment
  reject_out secret-token-4711
  reject_err secret-token-4711
}

test_without_any_credential_it_says_what_to_do() {
  export AZLIN_AZ="$work/no-such-az" AZLIN_ARM_ENDPOINT=http://127.0.0.1:1 AZLIN_CLOUD=AzureCloud
  run azlin auth status
  expect_code 5
  expect_err "az login"
}

test_clear_removes_the_cache() {
  start_simulator empty
  ok auth status
  ok auth clear
  [ ! -s "$AZLIN_HOME/tokens.json" ] || fail "tokens are still there"
}

run_tests "$@"
