# A file that the command line names: not there is 3; a folder, an empty file or one that is something else is 2 (docs/exit-codes.md).
. "$(dirname "$0")/harness.sh"

# check LINE FILE CODE: runs the line with the file in the place of @.
check() {
  local words
  read -ra words <<<"${1//@/$2}"
  run timeout 60 "$AZLIN" "${words[@]}"
  [ "$code" = "$3" ] || fail "exit code $code, expected $3: azlin ${words[*]}"
  grep -q "$2" <<<"$err" || fail "the file is not named: azlin ${words[*]}"
}

prepare() {
  mkdir folder
  (umask 077 && : >empty && echo 'a: [' >junk && echo never-in-a-log-4711 >pw)
}

# Each line: of a file that must be there. What the content may be is the command's own matter.
test_no_such_file_is_3_and_what_is_no_file_or_empty_is_2() {
  prepare
  start_simulator
  while read -r line; do
    check "$line" missing 3
    check "$line" folder 2
    check "$line" empty 2
  done <<'L'
apply -f @ --yes
plan -f @
cost --prices @
dr test --plan @ --yes
dr test my-vm --test-region westus2 --ssh-key @ --yes
dr failover --plan @ --yes
dr plan validate @
report --prices @
report --evidence out --key @
recovery run @ --dry-run
platform assess --all --expectations @
platform apply --all --expectations @ --yes
platform checkpoint --vault prod-kv --to cp --password-file @
platform keyvault backup prod-kv --to kv --password-file @
platform keyvault restore prod-kv --file @ --yes
platform appconfig import prod-config --from @ --yes
platform appconfig import prod-config --from @ --format yaml --strict --yes
platform appconfig import prod-config --from @ --format properties --yes
platform appconfig diff prod-config --file @
platform appconfig rollback prod-config --file @ --yes
policy create p --vault v --workload vm --file @
ssh my-vm -i @
archive files folder -d ./repo --password-file @
archive list -d ./repo --password-file @
archive database postgresql shop -d ./repo --password-file pw --login-password-file @
archive restore x -d ./repo --password-file pw --target host:/t --ssh-config @
L
  ! ls -d cp kv out repo 2>/dev/null || fail "something was made"
}

# (The shell that becomes azlin catches the signal, too.)
catches_sigterm() { [ "$(cat "/proc/$1/comm")" = "$(basename "$AZLIN")" ] && (( 0x$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status") >> 14 & 1 )); }

# A pipe whose writer says nothing, at stdin and by its name.
test_a_signal_ends_the_wait_for_a_pipe() {
  local file pid
  mkfifo pipe silent
  exec 5<>pipe
  for file in - pipe silent; do
    "$AZLIN" plan -f "$file" <&5 >"$work/.out" 2>"$work/.err" &
    pid=$!
    wait_until "azlin catches SIGTERM" catches_sigterm "$pid"
    kill -TERM "$pid"
    wait "$pid"
    code=$? out=$(cat "$work/.out") err=$(cat "$work/.err")
    expect_code 130
    expect_err "interrupted while waiting for input"
  done
  exec 5>&-
  ok plan -f <(printf 'version: 1\n') --schema
}

# ask ANSWER WORDS...: azlin at a terminal, and what is typed at its question.
ask() {
  cat >ask.py <<'PYTHON'
import os, pty, sys

pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
said = b""
while True:
    try:
        more = os.read(terminal, 4096)
    except OSError:  # the other side has ended
        break
    if not more:
        break
    before, said = said, said + more
    if b"Proceed? (yes/no): " in said and b"Proceed? (yes/no): " not in before:
        os.write(terminal, sys.argv[1].encode().decode("unicode_escape").encode())
sys.stdout.write(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
  run timeout 120 python3 ask.py "$1" "$AZLIN" "${@:2}"
}

# The terminal's own reader would go on waiting.
test_ctrl_c_ends_a_question() {
  start_simulator
  ask '\x03' simulator reset
  expect_code 130
  expect_out "interrupted: resetting the simulated Azure was not confirmed"
}

test_an_answer_of_no_is_no_success() {
  start_simulator
  local words
  while read -r words; do
    # shellcheck disable=SC2086
    ask 'no\n' $words
    [ "$code" -eq 1 ] || fail "exit code $code: azlin $words"
    expect_out "not confirmed: nothing was changed"
  done <<'L'
simulator reset
policy delete DefaultPolicy --vault my-vault
platform storage replication set stagingstorage01 Standard_GRS
platform cosmos failover prod-cosmos --to westus2
L
}

# Their argument may also be the name of something else.
test_a_name_that_is_neither_is_3() {
  prepare
  start_simulator
  for file in missing folder empty junk; do
    local want=2
    [ "$file" = missing ] && want=3
    check "schedule install --template ./@ --dry-run" "$file" "$want"
    check "simulator reset --yes --seed ./@" "$file" "$want"
    check "simulator serve --port 0 --state st --seed ./@" "$file" "$want"
    check "recovery run ./@ --dry-run" "$file" "$want"
  done
  ok report --evidence out
  check "report verify out --key ./@" missing 3
  check "report verify out --key ./@" folder 2
  check "report verify out --key ./@" junk 2
}

# A folder that must hold something: not there, or without it, is 3.
test_no_such_folder_is_3() {
  prepare
  start_simulator
  while read -r line; do
    for name in missing folder; do check "$line" "$name" 3; done
  done <<'L'
platform keyvault restore prod-kv --from @ --yes --password-file pw
platform keyvault diff prod-kv --from @ --password-file pw
platform storage import prodstorage01 --container c --from @ --yes
platform storage verify @
L
  check "report verify @" missing 3
  check "archive encrypt @ -d ./repo --password-file pw" missing 3
  check "archive migrate --bundle @ -d ./repo --password-file pw" missing 3
}

test_what_others_can_read_or_nobody_is_2() {
  prepare
  start_simulator
  echo never-in-a-log-4711 >open
  chmod 644 open
  check "platform keyvault backup prod-kv --to kv --password-file @" open 2
  check "archive files folder -d ./repo --password-file @" open 2
  openssl genpkey -algorithm ed25519 -out open.pem 2>/dev/null && chmod 644 open.pem
  check "report --evidence out --key @" open.pem 2
  check "platform checkpoint --vault prod-kv --to cp --password-file @" /dev/null 2
  echo short >short && chmod 600 short
  run azlin platform checkpoint --vault prod-kv --to cp --password-file short
  expect_code 2
  [ ! -e cp ] || fail "a folder was made"
}

test_a_pipe_is_a_file() {
  start_simulator
  ok platform appconfig export prod-config --to c.json
  run azlin platform appconfig diff prod-config --file <(cat c.json)
  expect_code 0
}

run_tests "$@"
