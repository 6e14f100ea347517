# Documents that are made from the program, or make claims about it.
. "$(dirname "$0")/harness.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)

test_the_command_reference_is_what_the_program_says() {
  mkdir commands
  ok reference --pages commands
  diff -ru "$top/docs/commands" commands || fail "docs/commands is out of date: azlin reference --pages docs/commands"
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

# Each message that the page quotes, without its changing parts, is in the source as it stands there.
test_troubleshooting_quotes_messages_that_exist() {
  python3 - "$top" <<'PY' || fail "docs/troubleshooting.md quotes what azlin does not say"
import glob, re, sys
top = sys.argv[1]
source = ''.join(open(path).read() for path in glob.glob(top + '/src/**/*.[ch]pp', recursive=True))
source = re.sub(r'"\s*"', '', source).replace('\\"', '"')
messages, missing = 0, []
for row in open(top + '/docs/troubleshooting.md'):
    if not row.startswith('| `'): continue
    for message in re.findall(r'`([^`]+)`', row.split(' | ')[0]):
        messages += 1
        for part in re.split(r'…|\b(?:N|M|K|VM|REGION|GROUP)\b|[✗⚠⏸]', message):
            part = part.strip()
            if len(part) > 5 and part not in source: missing.append(part + '   of: ' + message)
print('\n'.join(missing))
sys.exit(1 if missing or messages < 80 else 0)
PY
}

# Each variable of azlin's own that the source names is told of: settings there, what hooks get with the hooks.
test_every_variable_is_documented() {
  local name variables=0
  for name in $(grep -rhoE '"AZLIN_[A-Z_]+"' "$top/src" --include='*.cpp' --include='*.hpp' | tr -d '"' | sort -u); do
    variables=$((variables + 1))
    grep -qF "$name" "$top/docs/configuration.md" "$top/docs/dr.md" "$top/docs/simulator.md" || fail "no document tells of $name"
  done
  [ "$variables" -gt 20 ] || fail "only $variables variables were found"
}

# What the page says shows that a threat is met is a test that exists.
test_security_names_tests_that_exist() {
  local name tests=0
  for name in $(grep -oE '`[A-Z][A-Za-z]+Test\.[A-Z][A-Za-z0-9]+`' "$top/docs/security.md" | tr -d '`'); do
    tests=$((tests + 1))
    grep -rqE "TEST(_F|_P)?\(${name%.*}, ${name#*.}\)" "$top/tests" || fail "there is no test $name"
  done
  [ "$tests" -gt 20 ] || fail "only $tests tests were found"
  for name in $(grep -oE '`cli\.[a-z_]+`' "$top/docs/security.md" | tr -d '`'); do
    [ -e "$top/tests/cli/${name#cli.}.sh" ] || fail "there is no test $name"
  done
}

# Relative links of a document, without the part after '#'.
links_of() { grep -oE '\]\([^)]+\)' "$1" | sed -E 's/^\]\(//; s/[#)].*$//' | grep -vE '^([a-z]+:|$)'; }

test_every_relative_link_leads_to_a_file() {
  local document link links=0
  for document in "$top/README.md" "$top/CONTRIBUTING.md" "$top"/docs/*.md "$top"/docs/commands/*.md; do
    for link in $(links_of "$document"); do
      links=$((links + 1))
      [ -e "$(dirname "$document")/$link" ] || fail "${document#"$top"/} links to $link, which is not there"
    done
  done
  [ "$links" -gt 20 ] || fail "only $links links were found"
}

# What a document shows: the ```sh blocks after a line `<!-- run -->`, and, for what they need, the lines of comments that
# begin with `<!-- run: `. Folders of the machine become folders of the test, and
# moments become some within reach.
blocks_of() {
  awk '
    /^<!-- run: / { hidden = 1; next }
    hidden && /^-->/ { hidden = 0; next }
    hidden { print; next }
    /^<!-- run -->$/ { marked = 1; next }
    marked && /^```sh$/ { inside = 1; marked = 0; next }
    inside && /^```$/ { inside = 0; next }
    inside { print }
    { marked = 0 }' "$1" |
    sed -E "s#(^|[ =\"'])/(mnt|srv|root|tmp|etc|var/lib)(/|[ \"']|\$)#\1$work/\2\3#g; /clock --set/! s/2025-12-01T08:00:00Z/$(date -u -d '-1 hour' +%FT%TZ)/;
      s/2025-12-01 08:15/$(date -u -d '+1 hour' '+%F %H:%M')/"
}

# All blocks of one document in one shell, which ends at the first command that fails. Questions are answered with yes;
# exit code 6, done with findings, is no failure.
runs_as_written() {
  start_simulator
  blocks_of "$1" >"$work/blocks.sh"
  mkdir -p "$work/bin"
  printf '#!/bin/sh\n"%s" --yes "$@"\ncode=$?\n[ $code -eq 6 ] || exit $code\n' "$AZLIN" >"$work/bin/azlin"
  chmod +x "$work/bin/azlin"
  PATH="$work/bin:$PATH" run timeout 1200 bash -euxo pipefail "$work/blocks.sh"
  [ "$code" -eq 0 ] || fail "exit code $code at: $(tail -n 12 <<<"$err")"
}

documents() { printf '%s\n' "$top/README.md" "$top/CONTRIBUTING.md" "$top"/docs/*.md; }

# `<!-- run -->` or `<!-- not run: why -->` stands before each block that shows an azlin command.
test_every_block_with_a_command_is_run_or_says_why_not() {
  local document
  for document in $(documents); do
    awk '
      function shows() { return $0 ~ /^ *(sudo +|[A-Z_]+=[^ ]+ +)*azlin( |$)/ }
      !fenced && /^```/ { fenced = 1; mark = before; next }
      fenced && /^```/ { fenced = 0; before = ""; next }
      fenced && shows() && mark !~ /^<!-- (run|not run: .+) -->$/ { print FILENAME ": line " FNR ": " $0; bad = 1 }
      !fenced && !hidden && /^    / && shows() { print FILENAME ": line " FNR " is not fenced: " $0; bad = 1 }
      /^<!-- run: / { hidden = 1 }
      /^-->/ { hidden = 0 }
      { before = $0 }
      END { exit bad }' "$document" || fail "a block is not marked"
  done
}

test_readme_runs_as_written() { runs_as_written "$top/README.md"; }

# One test a document that has something to run.
for document in "$top"/docs/*.md; do
  grep -q '^<!-- run -->$' "$document" || continue
  name=$(basename "$document" .md)
  if [[ $name = archive* ]] && ! command -v restic >/dev/null; then
    echo "not checked: docs/$name.md: restic is not installed"
    continue
  fi
  eval "test_${name//-/_}_runs_as_written() { runs_as_written '$document'; }"
done

run_tests "$@"
