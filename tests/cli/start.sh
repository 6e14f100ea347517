#!/usr/bin/env bash
# The first moments of the program: signals, and the tree of commands that it makes.
. "$(dirname "$0")/harness.sh"

# Its help goes to a pipe that is full, so it is still busy with its command line when the signal comes.
test_a_signal_ends_it_in_order_from_the_first_moment() {
  cat >early.py <<'PYTHON'
import os, signal, subprocess, sys, time

read, write = os.pipe()
os.set_blocking(write, False)
try:
    while True:
        os.write(write, b"x" * 4096)
except BlockingIOError:
    os.set_blocking(write, True)
azlin = subprocess.Popen([sys.argv[1], "--help"], stdout=write)
os.close(write)
deadline = time.monotonic() + 60
while True:
    with open(f"/proc/{azlin.pid}/status") as status:
        caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
    if caught >> (signal.SIGTERM - 1) & 1:
        break
    if time.monotonic() > deadline:
        azlin.kill()
        sys.exit("SIGTERM would kill it")
    time.sleep(0.01)  # for another process to come up: bounded above
azlin.send_signal(signal.SIGTERM)
with open(read, "rb") as rest:
    rest.read()
sys.exit(azlin.wait())
PYTHON
  run python3 early.py "$AZLIN"
  expect_code 0
}

# Only the families of commands that the words name are made; what tells of all of them still does.
test_help_and_errors_of_the_top_level_name_every_command() {
  local name
  ok --help
  for name in backup dr vault simulator mcp; do expect_match "^  $name +[A-Z]"; done
  run azlin vaul list
  expect_code 2
  expect_err 'did you mean `azlin vault`?'
  run azlin
  expect_code 2
  expect_err "backup, snapshot, dr"
  expect_err "mcp"
  ok backup --help
  expect_out "trigger"
  ok -o json version
}

test_a_result_that_cannot_be_written_is_a_failure_and_a_reader_that_has_seen_enough_is_none() {
  local words
  for words in --help --version version "backup --help"; do
    # shellcheck disable=SC2086
    "$AZLIN" $words >/dev/full 2>"$work/err"
    [ $? -eq 1 ] || fail "no failure: $words"
    grep -q "cannot write the result" "$work/err" || fail "$words: $(cat "$work/err")"
    # shellcheck disable=SC2086
    "$AZLIN" $words 2>"$work/err" | true
    [ "${PIPESTATUS[0]}" -eq 0 ] && [ ! -s "$work/err" ] || fail "$words: $(cat "$work/err")"
  done
}

test_ids_are_told_without_the_largest_number() {
  start_simulator empty
  local word
  for word in 0 -1 99999999999999999999; do
    run azlin operations show -- "$word"
    expect_code 2
    expect_err "'$word' is no id; \`azlin operations list\` shows them"
  done
  run azlin simulator fault add --status 503 --skip -1
  expect_code 2
  expect_err "'-1' is no number of 0 or more"
}

# The error of the call is cut within a character of two bytes, whichever half its beginning makes first.
test_a_long_error_is_cut_between_characters() {
  start_simulator empty
  local name
  for name in xüüüüüüüüüüüüüüüüüüüüüüüü xxüüüüüüüüüüüüüüüüüüüüüüüü; do
    run bash -c 'printf "%s\n" "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"status\",\"arguments\":{\"$2\":1}}}" | "$1" mcp' \
      _ "$AZLIN" "$name"
    expect_code 0
  done
  ok operations list
  expect_out "no argument 'xü"
  expect_out "no argument 'xxü"
  iconv -f UTF-8 -t UTF-8 <"$work/.out" >/dev/null || fail "it is not UTF-8"
}

run_tests
