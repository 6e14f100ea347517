# azlin simulator: its command line is a contract.
. "$(dirname "$0")/harness.sh"

test_serve_prints_its_address_first_and_ends_cleanly_on_sigterm() {
  start_simulator empty
  [ "$(head -1 "$work/sim.out")" = "listening on $sim_url" ] || fail "first line: $(head -1 "$work/sim.out")"
  run curl -fsS "$sim_url/_simulator/health"
  expect_code 0
  kill -TERM "$sim_pid"
  wait "$sim_pid"
  code=$?
  expect_code 0
  sim_pid=
}

test_background_start_status_stop() {
  ok simulator start --seed empty
  expect_out "Simulated Azure runs at http://127.0.0.1:"
  ok simulator start
  expect_out "runs already"
  ok simulator start --seed fleet:1x1 --latency none
  expect_err "\`azlin simulator reset --seed fleet:1x1\` makes it anew"
  expect_err "\`azlin simulator latency none\` changes it"
  ok simulator status -o json
  expect_json '.running and .latency == "demo" and .seed == "empty"'
  ok simulator stop
  expect_out "stopped"
  run azlin simulator status
  expect_code 3
}

test_two_starts_at_once_give_one_simulator() {
  azlin simulator start --seed empty -o json >a.json &
  azlin simulator start --seed empty -o json >b.json
  wait
  [ "$(jq -r .pid a.json)" = "$(jq -r .pid b.json)" ] || fail "$(cat a.json b.json)"
  ok simulator stop
}

test_faults_latency_and_clock_are_set_by_command() {
  start_simulator empty
  ok simulator fault add --method GET --path '*/resourcegroups*' --status 503 --count 2
  ok simulator fault list -o json
  expect_json '.faults | length == 1'
  ok simulator fault list
  expect_match '^1 +503 InternalServerError +2 times +0 +GET +\*/resourcegroups\*$'
  ok simulator fault clear
  ok simulator fault list -o json
  expect_json '.faults | length == 0'
  ok simulator fault add --path '*/no-such-path*' --delay 1500ms
  ok simulator fault list -o json
  expect_json '.faults[0].delayMs == 1500'
  run azlin simulator fault add --path '*/no-such-path*' --delay 1.5ms
  expect_code 2
  for count in 0 -2; do
    run azlin simulator fault add --status 500 --count "$count"
    expect_code 2
    expect_err "count is 1 or more, or -1 for no limit"
  done
  curl -fsS "$sim_url/metadata/endpoints?api-version=2022-09-01" >/dev/null || fail "no answer"
  ok simulator requests
  expect_match '^[0-9]+ 20[0-9T:.-]+Z 200 [0-9.]+ ms GET /metadata/endpoints[?]api-version=2022-09-01$'
  ok simulator latency realistic
  ok simulator clock --set 2030-01-01T00:00:00Z --freeze
  ok simulator clock -o json
  expect_json '.now == "2030-01-01T00:00:00Z" and .frozen'
}

test_bad_input_is_refused() {
  run azlin simulator serve --port 70000
  expect_code 2
  run azlin simulator serve --seed nonsense --state "$work/s"
  expect_code 3
  run azlin simulator start --seed nonsense
  expect_code 3
  expect_err "'nonsense' is neither a seed nor a file"
  run azlin simulator start --seed /
  expect_code 2
  expect_err "/ is a folder"
  run azlin simulator latency slow
  expect_code 2
  run azlin simulator fault list
  expect_code 3
  expect_err "no simulated Azure runs"
  run azlin simulater
  expect_code 2
  expect_err 'did you mean `azlin simulator`?'
}

run_tests "$@"
