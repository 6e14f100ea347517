# Recovery plans: looking, approvals, failures, retries, hooks, resuming, reports. The standard plan: platform.sh.
. "$(dirname "$0")/harness.sh"

# A hook that notes its arguments in `said` and does what a file of the step's name tells it: its exit code.
prepare() {
  start_simulator
  cat >hook <<'HOOK'
#!/bin/sh
echo "$*" >>said
[ ! -e "code-$1" ] || { code=$(cat "code-$1"); rm "code-$1"; echo "no $1 today" >&2; exit "$code"; }
HOOK
  chmod +x hook
  cat >plan.yaml <<'PLAN'
name: small
variables:
  region: westus2
  account:
steps:
  - name: look
    phase: assess
    run: [platform, cosmos, regions, "${account}"]
  - name: deploy
    phase: provision
    hook: ["./hook", deploy, "${region}", "two words"]
    approval: Deploy in ${region}?
  - name: left
    phase: restore
    hook: ["./hook", left]
    parallel: true
    retries: 1
  - name: right
    phase: restore
    hook: ["./hook", right]
    parallel: true
  - name: optional
    phase: validate
    hook: ["./hook", optional]
    on_failure: go on
  - name: check
    phase: validate
    run: [platform, assess, -g, Production]
    good_codes: [0, 6]
  - name: cut-over
    phase: cutover
    hook: ["./hook", cut-over]
PLAN
  plan=(recovery run plan.yaml --set account=prod-cosmos)
}

test_a_plan_is_looked_at_without_its_values() {
  prepare
  ok recovery run plan.yaml --dry-run -o json
  expect_json '.unset == ["account"] and (.steps | length == 7) and .steps[0].command[3] == "${account}"'
  ok recovery run standard --dry-run
  expect_err "A run needs --set for: "
  expect_out 'azlin platform assess -g ${group}'
  [ ! -e said ] || fail "a dry run called a hook"
  run azlin recovery run plan.yaml
  expect_code 2
  expect_err "the variable \`account\` has no value: give it with --set account=VALUE"
  run azlin recovery run plan.yaml --dry-run --set nothing=1
  expect_code 2
  ok recovery plans
  expect_out standard
  run azlin recovery plans --print none
  expect_code 3
}

test_an_approval_is_waited_for_and_given_by_name() {
  prepare
  run azlin "${plan[@]}" -o json
  expect_code 6
  expect_json '.state == "waiting for approval" and ([.steps[] | select(.state == "done") | .name] == ["look"])'
  run azlin "${plan[@]}" --resume --approve deplay
  expect_code 2
  expect_err "--approve deplay: plan small has no such step"
  expect_err "deploy"
  run azlin "${plan[@]}" --resume --approve deploy --report none/report.md
  expect_code 2
  expect_err "none: No such file or directory"
  [ ! -e said ] || fail "a step ran although its report has no place"
  ok "${plan[@]}" --resume --approve deploy --report report.md
  [ "$(grep -c . said)" = 5 ] || fail "not each hook once: $(cat said)"
  grep -qx 'deploy westus2 two words' said || fail "the arguments were taken apart"
  grep -q '| cutover | cut-over | done |' report.md || fail "no report: $(cat report.md)"
  run azlin "${plan[@]}" --resume --yes
  expect_code 3
  expect_err "no run of plan small is unfinished"
}

test_failures_stop_retry_or_go_on_as_the_plan_says() {
  prepare
  echo 1 >code-left
  echo 9 >code-optional
  echo 3 >code-cut-over
  run azlin "${plan[@]}" --yes -o json
  expect_code 1
  expect_json '.steps[] | select(.name == "left") | .state == "done" and .attempts == 2'
  expect_json '.steps[] | select(.name == "optional") | .state == "failed" and .exitCode == 9 and (.message | contains("no optional today"))'
  expect_json '.steps[] | select(.name == "check") | .state == "done" and .exitCode == 6'
  expect_json '.steps[] | select(.name == "cut-over") | .state == "failed" and .exitCode == 3'
  local id
  id=$(jq -r .id <<<"$out")
  ok recovery show "$id"
  expect_out "no cut-over today"
  run azlin recovery run plan.yaml --set account=staging-cosmos --resume --yes
  expect_code 2
  expect_err "was of another plan, or of other variables"
  ok "${plan[@]}" --resume --run "$id" --yes
  [ "$(grep -c ^cut-over said)" = 2 ] && [ "$(grep -c ^deploy said)" = 1 ] || fail "not only what failed ran again: $(cat said)"
  run azlin recovery show no-such-run
  expect_code 3
}

test_a_kill_in_the_middle_leaves_what_is_done() {
  prepare
  cat >hook <<'HOOK'
#!/bin/sh
echo "$*" >>said
[ "$1" != right ] || [ -e killed ] || { touch killed; kill -KILL $PPID; }
HOOK
  run azlin "${plan[@]}" --yes
  expect_code 137
  ok recovery list -o json
  expect_json '.runs[0].state == "running" or .runs[0].state == "interrupted"'
  ok recover
  expect_out recovery.run
  ok "${plan[@]}" --resume --yes
  [ "$(grep -c ^deploy said)" = 1 ] || fail "a step that was done ran again"
  [ "$(grep -c ^right said)" = 2 ] || fail "the step under way did not run again"
  grep -q ^cut-over said || fail "it did not come to its end"
  ok recover
  expect_out "Nothing to recover"
}

test_one_run_of_a_plan_at_a_time() {
  prepare
  mkfifo gate
  exec 9<>gate  # when this shell ends, whoever reads the gate ends, too
  cat >hook <<'HOOK'
#!/bin/sh
echo "$*" >>said
[ "$1" != deploy ] || { touch under-way; read -r _ <gate; }
HOOK
  azlin "${plan[@]}" --yes >first.out 2>&1 9>&- &
  local first=$!
  wait_until "the first run is under way" [ -e under-way ]
  local id
  id=$(azlin recovery list -o json | jq -r '.runs[0].id')
  run azlin "${plan[@]}" --yes
  expect_code 7
  expect_err "plan small is being run already: run $id"
  run azlin "${plan[@]}" --yes --resume
  expect_code 7
  echo >&9
  wait "$first" || fail "the first run failed: $(cat first.out)"
  [ "$(grep -c ^deploy said)" = 1 ] || fail "it ran twice: $(cat said)"
  ok recovery list -o json
  expect_json '.runs | length == 1'
  ok operations list -o json
  expect_json '[.operations[] | select(.kind == "recovery.run")] | length == 1'
}

test_mistakes_name_their_line() {
  prepare
  sed 's/phase: cutover/phase: later/' plan.yaml >bad.yaml
  run azlin recovery run bad.yaml --set account=x --dry-run
  expect_code 2
  expect_err "there is no phase \`later\`"
  expect_err "bad.yaml:30:5: "
  run azlin recovery run missing.yaml
  expect_code 3
}

run_tests "$@"
