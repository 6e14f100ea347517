# Runs the azlin binary as a user does. A suite sources this file, defines functions named test_*, and ends with
# `run_tests`. Each test gets an empty folder, a cleaned environment, and a simulator of its own when it asks for one.
#   AZLIN        the binary (required)
#   run CMD...   runs a command; $code, $out and $err hold its exit code, stdout and stderr
#   expect_code N, expect_out TEXT, expect_err TEXT, reject_out TEXT, expect_json JQ-EXPRESSION
set -u
: "${AZLIN:?the azlin binary}"

sim_pid=
code=0 out= err=

fail() {
  echo "FAILED ${FUNCNAME[2]:-}: $*" >&2
  echo "--- last command: ${last_command:-}" >&2
  echo "--- exit code $code, stdout:" >&2
  head -c 4000 <<<"$out" >&2
  echo "--- stderr:" >&2
  head -c 4000 <<<"$err" >&2
  exit 1
}

run() {
  last_command="$*"
  "$@" >"$work/.out" 2>"$work/.err" </dev/null
  code=$?
  out=$(cat "$work/.out") err=$(cat "$work/.err")
}

azlin() { "$AZLIN" "$@"; }

expect_code() { [ "$code" -eq "$1" ] || fail "exit code $code, expected $1"; }
expect_out() { grep -qF -- "$1" <<<"$out" || fail "stdout has no '$1'"; }
expect_err() { grep -qF -- "$1" <<<"$err" || fail "stderr has no '$1'"; }
reject_out() { ! grep -qF -- "$1" <<<"$out" || fail "stdout has '$1'"; }
reject_err() { ! grep -qF -- "$1" <<<"$err" || fail "stderr has '$1'"; }
expect_match() { grep -qE -- "$1" <<<"$out" || fail "stdout does not match '$1'"; }
# (jq -e is content with no input at all.)
expect_json() { [ -n "$out" ] && jq -e "$1" <<<"$out" >/dev/null || fail "JSON on stdout fails: $1"; }
ok() { run azlin "$@"; expect_code 0; }

# wait_until WHAT COMMAND...: until the command succeeds, since another process brings WHAT about. Bounded, by minutes: the
# bound is for what never comes, and no machine is too slow for it.
wait_until() {
  local what=$1 tries=0
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 3600 ] || fail "waited in vain: $what"
    sleep 0.05
  done
}

# start_simulator [SEED] [serve flags...]: a simulated Azure that answers at once; azlin is pointed at it.
start_simulator() {
  local seed=${1:-sample}
  shift || true
  mkdir -p "$work/sim"
  "$AZLIN" simulator serve --port 0 --state "$work/sim" --latency none --seed "$seed" "$@" >"$work/sim.out" 2>"$work/sim.err" &
  sim_pid=$!
  local tries=0
  until grep -q '^listening on ' "$work/sim.out" 2>/dev/null; do
    kill -0 "$sim_pid" 2>/dev/null || { cat "$work/sim.err" >&2; fail "the simulator ended"; }
    tries=$((tries + 1))
    [ "$tries" -lt 3600 ] || fail "the simulator did not start"
    sleep 0.05 # waiting for another process to come up, not for luck: bounded above
  done
  sim_url=$(sed -n '1s/^listening on //p' "$work/sim.out")
  export AZLIN_CLOUD=simulator AZLIN_ARM_ENDPOINT="$sim_url"
  # The day does not end while a test runs: a tier, a schedule, a name would be those of the next day.
  [ "$(date -u +%H%M)" -lt 2340 ] || "$AZLIN" simulator clock --advance 25m >/dev/null 2>&1 || fail "the clock does not move"
}

# The simulated day is tomorrow, 10:00: the policies of vaults begin backups at 02:00, and none shall while a
# test lets some hours pass.
start_at_ten() {
  start_simulator sample
  "$AZLIN" simulator clock --set "$(date -u -d 'tomorrow 10:00' +%FT%TZ)" >/dev/null 2>&1 || fail "the clock does not move"
}

stop_simulator() {
  [ -n "$sim_pid" ] || return 0
  kill "$sim_pid" 2>/dev/null
  wait "$sim_pid" 2>/dev/null
  sim_pid=
}

run_one() {
  (
    work=$(mktemp -d)
    cd "$work" || exit 1
    export HOME="$work" AZLIN_HOME="$work/home" NO_COLOR=1 TZ=UTC LC_ALL=C.UTF-8
    umask 022
    unset AZLIN_CLOUD AZLIN_ARM_ENDPOINT AZLIN_ACCESS_TOKEN AZURE_SUBSCRIPTION_ID XDG_CONFIG_HOME
    # What is on loopback is not behind the proxy of the machine that runs the tests.
    export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
    trap stop_simulator EXIT
    "$1" || exit 1
    stop_simulator
    # (What a command left in the background, such as fish on its first start in a home, may still write there.)
    wait_until "its folder is gone" rm -rf "$work"
  )
}

# Runs every test_* function, or those named on the command line.
run_tests() {
  local names=("$@") bad=0
  [ $# -gt 0 ] || mapfile -t names < <(compgen -A function test_)
  [ ${#names[@]} -gt 0 ] || { echo "no tests" >&2; exit 1; }
  for name in "${names[@]}"; do
    if run_one "$name"; then echo "ok $name"; else echo "not ok $name"; bad=$((bad + 1)); fi
  done
  [ "$bad" -eq 0 ]
}
