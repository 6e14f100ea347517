# azlin alert: what is said, and with which exit code. Delivery itself is in tests/integration/alert.
. "$(dirname "$0")/harness.sh"

# A webhook receiver on a port that the system picks; its bodies go to $work/posts.
start_hook() {
  python3 - "$work/posts" "$work/hook.port" <<'PY' &
import http.server, os, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        open(sys.argv[1], 'ab').write(body + b'\n')
        self.send_response(204)
        self.end_headers()
    def log_message(self, *args): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Hook)
open(sys.argv[2] + '.new', 'w').write(str(server.server_port))
os.rename(sys.argv[2] + '.new', sys.argv[2])
server.serve_forever()
PY
  hook_pid=$!
  trap 'kill $hook_pid 2>/dev/null' EXIT
  until [ -s "$work/hook.port" ]; do kill -0 "$hook_pid" || fail "no receiver"; done
  export HOOK_KEY=secret-key-4711
  mkdir -p "$AZLIN_HOME"
  cat >"$AZLIN_HOME/alerts.yaml" <<EOF
channels:
  webhook: {url: 'http://127.0.0.1:$(cat "$work/hook.port")/hook', secret: 'env:HOOK_KEY'}
EOF
}

test_without_a_file_alerts_are_only_listed() {
  ok alert list
  expect_out "No open alerts"
  expect_out "No channel is set up"
  ok alert list --rules -o json
  expect_json '.alerts == [] and (.rules | length) == 9 and all(.rules[]; .enabled)'
  run azlin alert test
  expect_code 2
}

test_a_bad_file_names_line_and_column() {
  mkdir -p "$AZLIN_HOME"
  printf 'backup_failure:\n  severity: hihg\n' >"$AZLIN_HOME/alerts.yaml"
  run azlin alert test
  expect_code 2
  expect_err "alerts.yaml:2:13: unknown severity 'hihg'; did you mean 'high'?"
  ok alert list
  expect_err "alerts wait"
}

test_a_test_message_reaches_the_channel() {
  start_hook
  ok alert test --debug
  expect_out "✓ webhook (webhook): HTTP 204"
  grep -q '"type":"alert.test"' "$work/posts" || fail "nothing was received"
  reject_err "$HOOK_KEY"
  reject_err "/hook"
  run azlin alert test webhok
  expect_code 2
  expect_err "did you mean 'webhook'?"
}

test_a_dry_run_sends_nothing() {
  start_hook
  ok alert test --dry-run
  expect_out "Would send a test message to webhook"
  [ ! -e "$work/posts" ] || fail "something was sent"
}

test_a_channel_that_fails_gives_exit_code_1() {
  start_hook
  unset HOOK_KEY
  run azlin alert test -o json
  expect_code 1
  expect_json '.results[0].ok == false and .results[0].detail == "the secret env:HOOK_KEY is not set"'
}

test_resolving_what_is_not_open_is_not_found() {
  run azlin alert resolve backup_failure:vm1
  expect_code 3
}

run_tests "$@"
