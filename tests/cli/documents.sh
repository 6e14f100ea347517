# Documents that are made from the program, or make claims about it.
. "$(dirname "$0")/harness.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)

test_the_command_reference_is_what_the_program_says() {
  run azlin reference
  expect_code 0
  diff -u "$top/docs/commands.md" .out || fail "docs/commands.md is out of date: azlin reference >docs/commands.md"
}

test_the_custom_role_names_every_action_that_doctor_checks() {
  start_simulator
  ok doctor -o json
  for action in $(jq -r '.actions[]' <<<"$out"); do
    grep -qF "$action" "$top/docs/security.md" || fail "docs/security.md does not name $action"
  done
}

# The role of docs/security.md is granted, and nothing else, while azlin does everything that it can.
test_the_custom_role_is_enough() {
  start_simulator
  sed -n '/^```json$/,/^```$/{/^```/!p}' "$top/docs/security.md" >"$work/role.json"
  jq '{grants: [{principal: "*", scope: "/", actions: .Actions}]}' "$work/role.json" |
    curl -fsS -X PUT -H 'Content-Type: application/json' -d @- "$sim_url/_simulator/grants" >/dev/null || fail "no role"
  ok doctor --vm prod-db-vm
  ok backup configure prod-db-vm
  ok backup trigger prod-db-vm -o json
  local name
  name=$(jq -r .backup.name <<<"$out")
  ok backup verify "$name" --level full
  ok backup replicate "$name" --target-region westus2
  ok backup hold prod-db-vm-backup-monthly --reason test
  ok backup hold prod-db-vm-backup-monthly --release
  ok backup restore prod-db-vm --backup prod-db-vm-backup-monthly --yes --delete-old-disks
  ok backup restore prod-db-vm --backup prod-db-vm-backup-monthly --new-vm prod-db-copy
  ok simulator fault add --method GET --path '*/virtualMachines/prod-db-two*' --skip 1 --status 400 --code BadRequest --message injected
  run azlin backup restore prod-db-vm --backup prod-db-vm-backup-monthly --new-vm prod-db-two
  expect_code 1
  expect_err "Nothing was left behind"
  ok backup trigger --all
  ok backup delete prod-db-vm-backup-daily --yes --force
  ok snapshot create vm1
  ok snapshot delete vm1 vm1-snapshot --yes
  ok backup cleanup --all
  ok alert check
  ok recover
}

# Relative links of a document, without the part after '#'.
links_of() { grep -oE '\]\([^)]+\)' "$1" | sed -E 's/^\]\(//; s/[#)].*$//' | grep -vE '^([a-z]+:|$)'; }

test_every_relative_link_leads_to_a_file() {
  local document link links=0
  for document in "$top/README.md" "$top/CONTRIBUTING.md" "$top"/docs/*.md; do
    for link in $(links_of "$document"); do
      links=$((links + 1))
      [ -e "$(dirname "$document")/$link" ] || fail "${document#"$top"/} links to $link, which is not there"
    done
  done
  [ "$links" -gt 20 ] || fail "only $links links were found"
}

# The ```sh blocks after a line `<!-- run -->`, and the lines of comments that begin with `<!-- run: `.
blocks_of() {
  awk '
    /^<!-- run: / { hidden = 1; next }
    hidden && /^-->/ { hidden = 0; next }
    hidden { print; next }
    /^<!-- run -->$/ { marked = 1; next }
    marked && /^```sh$/ { inside = 1; marked = 0; next }
    inside && /^```$/ { inside = 0; next }
    inside { print }
    { marked = 0 }' "$1"
}

# All blocks of one document in one shell, which ends at the first command that fails.
runs_as_written() {
  start_simulator
  blocks_of "$top/$1" >"$work/blocks.sh"
  [ "$(grep -c '^azlin ' "$work/blocks.sh")" -ge "$2" ] || fail "$1 has fewer than $2 commands that are run"
  mkdir -p "$work/bin"
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$AZLIN" >"$work/bin/azlin"
  chmod +x "$work/bin/azlin"
  PATH="$work/bin:$PATH" run bash -euxo pipefail "$work/blocks.sh"
  expect_code 0
}

test_readme_runs_as_written() { runs_as_written README.md 4; }
test_user_guide_runs_as_written() { runs_as_written docs/user-guide.md 30; }
test_runbooks_run_as_written() { runs_as_written docs/runbooks.md 10; }

run_tests "$@"
