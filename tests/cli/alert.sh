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
  trap 'kill $hook_pid 2>/dev/null; stop_simulator' EXIT
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

is_open() { # KEY…
  ok alert list -o json
  for key in "$@"; do
    jq -e --arg key "$key" 'any(.alerts[].key; startswith($key + "@"))' <<<"$out" >/dev/null || fail "$key is not open: $out"
  done
}
is_resolved() { # KEY…
  ok alert list -o json
  for key in "$@"; do
    jq -e --arg key "$key" 'all(.alerts[].key; startswith($key + "@") | not)' <<<"$out" >/dev/null || fail "$key is still open: $out"
  done
}
was_told() { # RULE: both that it happened and that it is over
  for type in alert.raised alert.resolved; do
    jq -e -s --arg type "$type" --arg rule "$1" 'any(.[]; .type == $type and .rule == $rule)' "$work/posts" \
      >/dev/null || fail "no $type of $1 was received"
  done
}
fault() { ok simulator fault add "$@"; }
backed_up() {
  start_hook
  start_simulator
  ok backup configure prod-db-vm
  ok backup trigger prod-db-vm -o json
  name=$(jq -r .backup.name <<<"$out")
}

test_backups_and_copies_that_fail_are_told_and_resolved() {
  backed_up
  fault --method PUT --path '*/snapshots/prod-db-vm-*' --status 409 --code QuotaExceeded --message "no more" --count 20
  run azlin backup trigger prod-db-vm
  expect_code 1
  is_open backup_failure:production/prod-db-vm
  run azlin backup replicate "$name" --target-region westus2
  expect_code 1
  ok alert list -o json
  expect_json '[.alerts[].rule] | sort == ["backup_failure", "replication_failure"]'
  ok simulator fault clear
  ok backup trigger prod-db-vm
  ok backup replicate "$name" --target-region westus2
  ok alert list -o json
  expect_json '.alerts == []'
  was_told backup_failure
  was_told replication_failure
}

test_verifications_that_fail_or_are_late_are_told_and_resolved() {
  backed_up
  fault --method PUT --path '*/disks/*' --status 409 --code QuotaExceeded --message "no more" --count 20
  run azlin backup verify "$name"
  expect_code 1
  ok alert list -o json
  expect_json '[.alerts[].rule] == ["verification_failure"]'
  ok simulator fault clear
  ok backup verify "$name"
  ok alert list -o json
  expect_json '.alerts == []'
  was_told verification_failure
  ok simulator clock --advance 8d
  run azlin alert check
  expect_code 6
  is_open verification_overdue:production/prod-db-vm rpo_exceeded:production/prod-db-vm
  ok backup trigger prod-db-vm
  ok backup verify-all prod-db-vm
  ok alert check
  is_resolved verification_overdue:production/prod-db-vm rpo_exceeded:production/prod-db-vm
  was_told verification_overdue
  was_told rpo_exceeded
}

test_drills_that_fail_are_slow_or_leave_something_are_told_and_resolved() {
  backed_up
  ok backup replicate "$name" --target-region westus2
  run azlin dr test prod-db-vm --test-region westus2 --verify-command false
  expect_code 1
  is_open dr_test_failure:production/prod-db-vm
  fault --method PUT --path '*/virtualMachines/prod-db-vm-dr-test*' --delay 2s --count 1
  run azlin dr test prod-db-vm --test-region westus2 --target-rto 1s
  expect_code 6
  is_resolved dr_test_failure:production/prod-db-vm
  is_open rto_exceeded:production/prod-db-vm
  ok simulator fault clear
  ok dr test prod-db-vm --test-region westus2
  is_resolved rto_exceeded:production/prod-db-vm
  fault --method DELETE --path '*/networkSecurityGroups/azlin-drill*' --status 409 --code ScopeLocked --message locked --count 1000
  run azlin dr test prod-db-vm --test-region westus2 -o json
  expect_code 1
  drill=$(jq -r .drill <<<"$out")
  is_open "retention_violation:dr:$drill"
  ok simulator fault clear
  ok dr cleanup
  is_resolved "retention_violation:dr:$drill"
  run azlin alert check
  expect_code 6
  expect_out "Success rate of DR drills"
  ok simulator clock --advance 100d
  ok backup trigger prod-db-vm
  ok dr test prod-db-vm --test-region westus2
  run azlin alert check
  ok alert list -o json
  expect_json 'all(.alerts[]; .rule != "success_rate_below_target")'
  for rule in dr_test_failure rto_exceeded retention_violation success_rate_below_target; do was_told $rule; done
}

run_tests "$@"
