# Completion of command lines, as the shells ask for it.
. "$(dirname "$0")/harness.sh"

# offered_in_bash WORDS...: what bash would offer for the last of the words.
offered_in_bash() {
  bash -c '
    eval "$("$1" completion bash)"
    compopt() { :; }
    shift
    COMP_WORDS=(azlin "$@") COMP_CWORD=$#
    COMP_WORDS[0]=$AZLIN
    _azlin
    printf "%s\n" "${COMPREPLY[@]}"' _ "$AZLIN" "$@"
}

# The names come from a process in the background: asked for until they are there.
offers() { "$AZLIN" __complete "${@:2}" | grep -F "$1"; }
until_offered() { wait_until "$1 is offered for: ${*:2}" offers "$@"; }

test_commands_and_flags_need_no_cloud() {
  export AZLIN_CLOUD=AzureCloud AZLIN_ARM_ENDPOINT=http://127.0.0.1:1
  run offered_in_bash backup tri
  expect_out trigger
  run offered_in_bash backup trigger --al
  expect_out --all
  run offered_in_bash -o ""
  expect_out json
  run offered_in_bash completion ""
  expect_out zsh
}

test_names_come_from_a_cache() {
  start_simulator
  until_offered prod-db-vm backup trigger prod
  until_offered westus2 backup configure vm1 --target-region w
  ok backup configure vm1
  ok backup trigger vm1
  find "$AZLIN_HOME/cache" -name 'completion-*' -exec touch -d '5 minutes ago' {} +
  until_offered vm1-backup-monthly backup verify vm1-
  run stat -c %a "$AZLIN_HOME"/cache/completion-*.json
  expect_out 600
  reject_out 644
  stop_simulator
  run offered_in_bash backup trigger prod-d
  expect_out prod-db-vm
}

# at_most_100_ms WORDS...: the best of ten. On a machine that does other work, too, what is shown is that nothing waits for
# the network, which takes a minute to give up; the promise itself is measured when AZLIN_TEST_FULL=1.
at_most_100_ms() {
  local round began took best=1000000000 limit=20000000
  [ "${AZLIN_TEST_FULL:-}" != 1 ] || limit=100000
  for round in $(seq 10); do
    began=${EPOCHREALTIME/./}
    "$AZLIN" __complete "$@" >"$work/.out" || fail "__complete $*"
    took=$((${EPOCHREALTIME/./} - began))
    [ "$took" -ge "$best" ] || best=$took
  done
  [ "$best" -lt "$limit" ] || fail "__complete $* takes $best µs at best"
}

test_the_prompt_waits_for_no_answer() {
  export AZLIN_CLOUD=AzureCloud AZLIN_ARM_ENDPOINT=http://10.255.255.1 # which never answers
  at_most_100_ms backup trigger p
  local cache
  cache=$(find "$AZLIN_HOME/cache" -name 'completion-*.claim')
  jq -n '{VM: [range(1000) | "vm-\(.)"], BACKUP: [range(20000) | "vm-\(. % 1000)-backup-daily-\(.)"]}' >"${cache%.claim}"
  at_most_100_ms backup verify ""
  [ "$(wc -l <"$work/.out")" -eq 20000 ] || fail "not all backups are offered"
  at_most_100_ms backup trigger vm-99
}

test_zsh_and_fish_load_their_scripts() {
  local shell
  for shell in zsh fish; do
    command -v "$shell" >/dev/null || { echo "not checked: $shell is not installed"; continue; }
    ok completion "$shell"
    cp "$work/.out" "$work/script"
    run "$shell" -n "$work/script"
    expect_code 0
  done
  if command -v zsh >/dev/null; then
    "$AZLIN" completion zsh >"$work/_azlin"
    AZLIN="$AZLIN" run zsh -f -c '
      compdef() { :; }
      _describe() { print -l -- "${(@P)2}"; }
      source _azlin
      words=($AZLIN backup tri) CURRENT=3
      _azlin'
    expect_out "trigger:"
  fi
  command -v fish >/dev/null || return 0
  mkdir -p "$work/bin"
  ln -sf "$AZLIN" "$work/bin/azlin"
  PATH="$work/bin:$PATH" run fish -c 'azlin completion fish | source; complete -C "azlin backup tri"'
  expect_out trigger
}

# refused_with HINT WORDS...: a mistyped word is a usage error that says what was meant.
refused_with() {
  local hint=$1
  shift
  run azlin "$@"
  [ "$code" -eq 2 ] || [ "$code" -eq 3 ] || fail "exit code $code for: $*"
  expect_err "$hint"
}

test_a_mistyped_command_gets_a_suggestion() {
  refused_with 'did you mean `azlin backup`?' bakcup list
  refused_with 'did you mean `azlin backup trigger`?' backup triger vm1
  refused_with 'regions`?' platform cosmos region prod-cosmos
  refused_with 'did you mean `azlin status`?' statsu
  refused_with 'did you mean `azlin simulator fault list`?' simulator fault lst
}

test_a_mistyped_option_gets_a_suggestion_and_its_value_is_not_told() {
  refused_with 'did you mean `--all`?' backup list --al
  refused_with 'did you mean `--output`?' backup list vm1 --outptu json
  refused_with 'did you mean `--target-region`?' backup configure vm1 --cross-region --targt-region westus2
  refused_with 'see `azlin backup list --help`' backup list vm1 -Z
  refused_with '`azlin backup list` does not take '"'extra'" backup list vm1 extra
  refused_with 'did you mean `--password-file`?' platform keyvault backup v --pasword-file=topsecret
  reject_err topsecret
}

test_what_is_not_for_people_is_not_listed() {
  refused_with 'needs a command: backup, snapshot'
  reject_err __names
  reject_err reference
}

test_a_mistyped_vm_gets_a_suggestion() {
  start_simulator
  local command
  for command in "backup trigger" "backup list" "snapshot create" "dr test --test-region westus2" "dr readiness"; do
    # shellcheck disable=SC2086
    refused_with "did you mean prod-db-vm?" $command prod-db-mv
  done
}

test_an_unknown_shell_is_refused() {
  run azlin completion tcsh
  expect_code 2
}

run_tests
