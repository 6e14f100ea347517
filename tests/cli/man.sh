# The manual pages, made from the command tree.
. "$(dirname "$0")/harness.sh"

test_every_command_has_a_page_that_man_reads_without_warnings() {
  mkdir -p "$work/man"
  ok reference --man "$work/man"
  local page pages=0
  for page in "$work"/man/*.1; do
    pages=$((pages + 1))
    grep -q '^.SH SYNOPSIS' "$page" || fail "$page has no synopsis"
  done
  ok reference --list
  expect_json "length < $pages"
  command -v groff >/dev/null || { echo "not checked: groff is not installed"; return; }
  for page in "$work"/man/azlin.1 "$work"/man/azlin-backup*.1; do
    run groff -man -Tutf8 -ww -z -Kutf8 "$page"
    [ -z "$err" ] || fail "groff warns about $page"
  done
}

test_a_folder_that_is_not_there_is_an_error() {
  run azlin reference --man "$work/nowhere"
  expect_code 1
}

run_tests
