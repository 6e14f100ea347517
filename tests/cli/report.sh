# azlin report, metrics, cost, status, version: what is said of a small fleet, and what is said of nothing.
. "$(dirname "$0")/harness.sh"

# One VM that is backed up, verified, copied and drilled.
protected_vm() {
  start_simulator
  ok backup configure prod-db-vm --cross-region --target-region westus2
  ok backup trigger prod-db-vm -o json
  name=$(jq -r .backup.name <<<"$out")
  ok backup replicate-all prod-db-vm --target-region westus2
  ok backup verify "$name" --level full
  ok dr test prod-db-vm --test-region westus2
}

test_nothing_is_no_data() {
  start_simulator empty
  ok report --format json
  expect_json '.metrics | length == 6 and all(.value == null and .result == "no data" and .text == "no data")'
  ok report
  expect_out "no data"
  reject_out "100 %"
  ok report --format html
  expect_out "No data in this window."
  run azlin status
  expect_code 6
  expect_out "azlin backup configure VM"
  ok metrics
  reject_out azlin_success_ratio
}

test_the_report_compares_each_metric_with_its_target() {
  protected_vm
  ok report -o json
  expect_json '[.metrics[] | select(.result == "met") | .key] == ["backup_success", "replication_success",
    "verification_success", "drill_success", "rto_median", "rpo_max"]'
  expect_json '.metrics[0].target == "> 99 %" and .metrics[3].target == "> 99.9 %"'
  expect_json '.simulated and .met and (.vms[] | select(.vm == "prod-db-vm") | .backups == 1 and .replicas == 1 and .drillsPassed == 1)'
  ok report --vm prod-db-vm --days 7
  expect_out "# Backup and recovery report: prod-db-vm"
  expect_out "SOC 2 A1.3"
  ok report --format csv
  expect_out "target,all,backup_success,100,%,> 99 %,met"
  run azlin report --vm no-such-vm
  expect_code 3
  run azlin report --days 0
  expect_code 2
}

test_what_cannot_be_written_or_formatted_is_refused_before_anything_is_read() {
  start_simulator
  run azlin report --format pdf
  expect_code 2
  expect_err "md,html,csv,json"
  reject_err "has no command"
  run azlin report --format html --output "$work/none/report.html"
  expect_code 2
  expect_err "the report cannot be written to $work/none/report.html: $work/none: No such file or directory"
  [ ! -e "$work/none" ] || fail "a folder was made"
  mkfifo "$work/pipe"
  exec {pipe}<>"$work/pipe"
  ok report --output "$work/pipe"
  [ -p "$work/pipe" ] || fail "the pipe was replaced"
  read -r -t 60 line <&"$pipe" || fail "nothing came through it"
  [ -n "$line" ] || fail "its first line is empty"
  exec {pipe}>&-
  run azlin report nonsense
  expect_code 2
  expect_err "has no command 'nonsense'"
}

test_the_html_is_one_file_that_loads_nothing() {
  protected_vm
  ok report --format html --output "$work/report.html"
  [ "$(grep -c '<svg viewBox="0 0 720' report.html)" -ge 4 ] || fail "charts are missing"
  ! grep -qE 'src=|href=|url\(|@import|https?:' report.html || fail "it loads something"
  python3 - report.html <<'PY' || fail "the HTML is not well formed"
import html.parser, sys
class Check(html.parser.HTMLParser):
    void = {'meta', 'br', 'hr', 'img', 'link', 'input'}
    def __init__(self): super().__init__(); self.open = []
    def handle_starttag(self, tag, attrs):
        if tag not in self.void: self.open.append(tag)
    def handle_startendtag(self, tag, attrs): pass
    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.getpos())
check = Check(); check.feed(open(sys.argv[1]).read()); check.close(); assert not check.open
PY
}

test_evidence_holds_until_a_byte_changes() {
  protected_vm
  ok report --evidence "$work/e1" -o json
  fingerprint=$(jq -r .fingerprint <<<"$out")
  [ "$(stat -c %a "$AZLIN_HOME/evidence-key.pem")" = 600 ] || fail "others can read the key"
  ok report --evidence "$work/e2"
  for row in operations drills verifications replications backups; do
    [ "$(jq length "e1/rows/$row.json")" -gt 0 ] || fail "no $row"
  done
  jq -e 'all(.[]; .correlationIds | length > 0)' e1/rows/operations.json >/dev/null || fail "no correlation ids"
  jq -e '.[0].probes[0].root | length == 64' e1/rows/verifications.json >/dev/null || fail "no probes"
  jq -r .payload e1/evidence.dsse.json | base64 -d | jq -e '._type == "https://in-toto.io/Statement/v1"' >/dev/null || fail "no statement"
  # Another program checks the signature, by the standard alone.
  jq -r .payload e1/evidence.dsse.json | base64 -d >payload
  { printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(stat -c %s payload)"; cat payload; } >signed
  jq -r '.signatures[0].sig' e1/evidence.dsse.json | base64 -d >sig
  openssl pkeyutl -verify -pubin -inkey e1/public-key.pem -rawin -in signed -sigfile sig >/dev/null || fail "openssl refuses the signature"
  # Offline: no simulator, no state folder, another place.
  stop_simulator
  unset AZLIN_CLOUD AZLIN_ARM_ENDPOINT
  export AZLIN_HOME="$work/auditor"
  ok report verify "$work/e1" --key "$fingerprint"
  ok report verify "$work/e2" --key "$fingerprint" --previous "$work/e1"
  run azlin report verify "$work/e1" --previous "$work/e2"
  expect_code 6
  printf ' ' >>e1/rows/drills.json
  run azlin report verify "$work/e1"
  expect_code 6
  expect_out "rows/drills.json: is not what was signed"
  rm e2/report.html
  echo x >e2/extra
  run azlin report verify "$work/e2" -o json
  expect_code 6
  expect_json '.valid == false and (.problems | length == 2)'
  run azlin report verify "$work/none"
  expect_code 3
}

test_evidence_goes_into_a_folder_of_its_own() {
  start_simulator
  mkdir full && touch full/x
  run azlin report --evidence "$work/full"
  expect_code 2
  ok report --evidence "$work/new" --dry-run
  [ ! -e new ] || fail "a dry run wrote something"
  openssl genpkey -algorithm ed25519 -out own.pem 2>/dev/null
  chmod 600 own.pem
  ok report --evidence "$work/new" --key own.pem
  ok report verify "$work/new" --key own.pem
  run azlin report --key own.pem
  expect_code 2
}

test_cost_names_its_assumption_and_splits() {
  protected_vm
  ok cost
  expect_out "Azure does not say what an incremental snapshot is billed for."
  expect_out "counted by the bytes that a full verification read"
  ok cost prod-db-vm -o json
  expect_json '[.lines[].what] | contains(["monthly", "replicas", "transfer", "drills", "test disks"])'
  expect_json '.estimate and (.monthly > 0) and (([.lines[].monthly] | add) - .monthly | fabs < 0.001)'
  ok backup configure vm1
  ok backup trigger vm1
  ok cost vm1
  expect_out "upper bound"
  expect_match '^Estimate: at most \$[0-9.]+ a month'
  ok cost vm1 --what-if daily=14 --what-if weekly=0 -o json
  expect_json '.whatIf.vms[0].vm == "vm1" and (.whatIf.now - .whatIf.then - .whatIf.saved | fabs < 0.001)'
  run azlin cost --what-if region=Mars
  expect_code 2
  expect_err "mars"
  ok cost --what-if "region=West US 2" -o json
  run azlin cost --what-if yearly=3
  expect_code 2
}

test_prices_can_be_replaced_and_refreshed() {
  start_simulator
  ok backup configure vm1
  ok backup trigger vm1
  ok cost --print-prices
  cp .out prices.toml
  ok cost --prices prices.toml -o json
  before=$(jq .monthly <<<"$out")
  printf 'currency = "EUR"\n[snapshot]\neastus = 0.5\n' >dear.toml
  ok cost --prices dear.toml -o json
  expect_json ".currency == \"EUR\" and .monthly > $before * 9"
  printf 'currency = "EUR"\n[vm]\nvcpu = 900000\n' >"$AZLIN_HOME/prices.toml" # of drills, too
  ok dr test vm1 --test-region eastus -o json
  expect_json '.currency == "EUR" and .estimatedCost > 0.1'
  printf 'currency = 1\n[nothing]\nx = 1\n' >"$AZLIN_HOME/prices.toml"
  ok dr test vm1 --test-region eastus
  expect_err "costs are estimated by the shipped table"
  expect_match 'Cost: about \$[0-9]'
  rm "$AZLIN_HOME/prices.toml"
  printf '[snapshots]\nx = 1\n' >bad.toml
  run azlin cost --prices bad.toml
  expect_code 2
  expect_err "unknown key snapshots.x"
  python3 - "$work/port" <<'PY' &
import http.server, os, sys
class Prices(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"Items":[{"meterName":"LRS Snapshots","productName":"Standard HDD Managed Disks","type":"Consumption","retailPrice":0.4}]}'
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Prices)
open(sys.argv[1] + '.new', 'w').write(str(server.server_port))
os.rename(sys.argv[1] + '.new', sys.argv[1])
server.serve_forever()
PY
  list_pid=$!
  trap 'kill $list_pid 2>/dev/null; stop_simulator' EXIT
  until [ -s "$work/port" ]; do kill -0 "$list_pid" || fail "no price list"; done
  AZLIN_PRICES_URL="http://127.0.0.1:$(cat port)/prices" run azlin cost --refresh-prices -o json
  expect_code 0
  expect_json '.prices | startswith("Azure Retail Prices")'
  grep -q 'eastus = 0.4' "$AZLIN_HOME/prices.toml" || fail "not kept"
  AZLIN_PRICES_URL="http://127.0.0.1:1/prices" run azlin cost --refresh-prices
  expect_code 1
}

test_metrics_are_written_at_once_and_whole() {
  protected_vm
  ok schedule run alert -- alert check
  ok metrics --output "$work/textfile/azlin.prom"
  [ "$(ls textfile)" = azlin.prom ] || fail "something else is there: $(ls textfile)"
  [ "$(stat -c %a textfile/azlin.prom)" = 644 ] || fail "the collector cannot read it"
  grep -q '^azlin_backups{vm="prod-db-vm",resource_group="Production"} 1$' textfile/azlin.prom || fail "no count"
  grep -q '^azlin_job_exit_code{job="alert"} 0$' textfile/azlin.prom || fail "no job"
  grep -q '^azlin_target_met{what="drill_success"} 1$' textfile/azlin.prom || fail "no drills"
  if command -v promtool >/dev/null; then
    promtool check metrics <textfile/azlin.prom >lint 2>&1 || fail "promtool: $(cat lint)"
  fi
}

test_metrics_in_a_file_are_told_in_json() {
  start_simulator empty
  ok metrics --output "$work/azlin.prom" -o json
  expect_json '. == {"file": "'"$work/azlin.prom"'", "dryRun": false}'
  rm azlin.prom
  ok metrics --output "$work/azlin.prom" -o json --dry-run
  expect_json '.dryRun'
  [ ! -e azlin.prom ] || fail "a dry run wrote a file"
}

test_status_says_what_failed_and_what_to_do() {
  protected_vm
  ok status
  expect_out "All is well"
  ok backup configure vm1
  ok simulator fault add --method PUT --path '*/snapshots/vm1*' --status 409 --code Conflict --message injected
  run azlin backup trigger vm1
  expect_code 1
  run azlin status
  expect_code 6
  expect_out "vm1: no backup yet"
  expect_out "→ azlin backup trigger vm1"
  expect_out "injected"
  run azlin status -o json
  expect_code 6
  expect_json '.attention and .vms == 2 and .backedUp == 1 and (.failures | length == 1) and .failures[0].mended == false'
  expect_json '.toDo | index("azlin backup trigger vm1")'
}

test_version_names_commit_and_libraries() {
  ok version
  expect_match '^azlin [0-9]+\.[0-9]+\.[0-9]+$'
  ok version -o json
  expect_json '.version and .commit and .libraries.sqlite and .libraries.curl'
  [ ! -e "$AZLIN_HOME" ] || fail "asking for the version made a state folder"
}

run_tests "$@"
