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

# The names come from a process in the background: asked for until they are there, or for ten seconds.
until_offered() {
  local tries
  for tries in $(seq 100); do
    out=$("$AZLIN" __complete "${@:2}")
    grep -qF "$1" <<<"$out" && return
    sleep 0.1
  done
  fail "$1 was never offered for: ${*:2}"
}

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

test_a_cloud_that_does_not_answer_holds_up_nothing() {
  export AZLIN_CLOUD=AzureCloud AZLIN_ARM_ENDPOINT=http://10.255.255.1
  run timeout 2 "$AZLIN" __complete backup trigger p
  expect_code 0
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
  command -v fish >/dev/null || return 0
  mkdir -p "$work/bin"
  ln -sf "$AZLIN" "$work/bin/azlin"
  PATH="$work/bin:$PATH" run fish -c 'azlin completion fish | source; complete -C "azlin backup tri"'
  expect_out trigger
}

test_an_unknown_shell_is_refused() {
  run azlin completion tcsh
  expect_code 2
}

run_tests
