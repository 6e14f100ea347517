# azlin mcp as a script sees it: lines of JSON in, lines of JSON out.
. "$(dirname "$0")/harness.sh"

session() { # session LINES: one JSON reply a line in $out
  run bash -c 'printf "%s\n" "$1" | "$2" mcp "${@:3}"' _ "$1" "$AZLIN" "${@:2}"
}

test_every_tool_has_a_command_that_takes_its_arguments() {
  session '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
  expect_code 0
  expect_json '.result.tools | length > 30'
  local title
  while read -r title; do
    # shellcheck disable=SC2086
    ok ${title#azlin } --help
  done < <(jq -r '.result.tools[].annotations.title' <<<"$out")
}

test_the_end_of_input_waits_for_calls() {
  start_simulator
  session '{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"backup_list","arguments":{"vm":"vm1"}}}'
  expect_code 0
  expect_json '.id == "x" and .result.isError == false'
}

test_read_only() {
  session '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' --read-only
  expect_json '[.result.tools[].annotations.readOnlyHint] | all'
}

test_the_last_line_may_lack_its_end() {
  run bash -c 'printf "%s" "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}" | "$1" mcp' _ "$AZLIN"
  expect_code 0
  expect_json '.id == 1 and .result == {}'
  run bash -c 'printf "%s" "{\"jsonrpc\":\"2.0\",\"id\":1,\"met" | "$1" mcp' _ "$AZLIN"
  expect_code 0
  expect_json '.error.code == -32700'
}

test_a_line_without_end_is_refused_and_the_next_one_answered() {
  run bash -c '{ head -c 40000000 /dev/zero | tr "\0" "["; echo; echo "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"; } | "$1" mcp' _ "$AZLIN"
  expect_code 0
  [ "$(jq -s -c 'map(.error.code // .id)' <<<"$out")" = "[-32600,1]" ] || fail "the answers are $out"
}

test_no_answer_holds_more_than_json() {
  session $'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}\n\377\376\n{}'
  expect_code 0
  [ "$(jq -s -c 'map(.error.code // .result.protocolVersion)' <<<"$out")" = '["2025-06-18",-32700,-32600]' ] || fail "the answers are $out"
}

test_a_signal_interrupts_the_call_that_runs() {
  start_simulator
  ok backup configure vm1
  ok simulator latency demo
  mkfifo "$work/in"
  "$AZLIN" mcp <"$work/in" >"$work/out" &
  local pid=$!
  exec 9>"$work/in"
  echo '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"backup_trigger","arguments":{"vm":"vm1"},"_meta":{"progressToken":1}}}' >&9
  until grep -q 'notifications/progress' "$work/out"; do kill -0 $pid || fail "it ended"; sleep 0.05; done
  kill -TERM $pid
  wait $pid
  code=$?
  exec 9>&-
  expect_code 130
  ok operations list -o json
  expect_json '[.operations[] | select(.state == "running")] == []'
  expect_json '[.operations[] | select(.kind == "mcp.backup_trigger")] | length == 1'
}

test_a_signal_ends_it() {
  mkfifo "$work/in"
  "$AZLIN" mcp <"$work/in" >"$work/out" &
  local pid=$!
  exec 9>"$work/in"
  echo '{"jsonrpc":"2.0","id":1,"method":"ping"}' >&9
  until grep -q '"id":1' "$work/out"; do kill -0 $pid || fail "it ended"; sleep 0.05; done
  kill -TERM $pid
  wait $pid
  code=$?
  exec 9>&-
  expect_code 130
}

run_tests
