# What the suites of the Azure CLI share: a simulated Azure with TLS, az pointed at it, checks.
# The suite sets $azlin, then calls: start_azure SEED LATENCY. Exit 77: not run, with the reason.
skip() { echo "SKIPPED: $1"; exit 77; }
command -v az >/dev/null || skip "az is not installed"
command -v python3 >/dev/null || skip "python3 is not installed"

work=$(mktemp -d)
server=
cleanup() {
  [ -z "$server" ] || { kill "$server"; wait "$server" || true; }
  rm -rf "$work"
}
trap cleanup EXIT
fail() { echo "FAILED: $1"; cat "$work/err" 2>/dev/null; exit 1; }

export HOME=$work AZURE_CONFIG_DIR=$work/azure AZURE_CORE_COLLECT_TELEMETRY=0 AZURE_CORE_NO_COLOR=1
export AZURE_CORE_ONLY_SHOW_ERRORS=1

# $http and $https are its addresses; az is logged in as the managed identity of this machine.
start_azure() {
  local first second
  mkfifo "$work/lines"
  "$azlin" simulator serve --port 0 --tls-port 0 --state "$work/state" --latency "$2" --seed "$1" >"$work/lines" &
  server=$!
  exec 3<"$work/lines"
  read -r -u 3 first
  read -r -u 3 second
  http=${first#listening on }
  https=$(sed -n 's/^listening on \(https:[^ ]*\) .*/\1/p' <<<"$second")
  [ -n "$https" ] || fail "no https address in: $second"
  REQUESTS_CA_BUNDLE=$(sed -n 's/.*(certificate: \(.*\))$/\1/p' <<<"$second")
  export REQUESTS_CA_BUNDLE MSI_ENDPOINT=$http/metadata/identity/oauth2/token
  # az learns no suffixes from a cloud's metadata, and its vault commands want one.
  az cloud register -n Simulated --endpoint-resource-manager "$https" --suffix-keyvault-dns .vault.azure.net
  az cloud set -n Simulated
  check 00000000-0000-0000-0000-000000000001 az login --identity --query '[0].id' -o tsv
}

# check WANTED COMMAND...: the command succeeds and prints exactly WANTED.
check() {
  local wanted=$1 got
  shift
  got=$("$@" 2>"$work/err") || fail "$* (exit $?)"
  [ "$got" = "$wanted" ] || fail "$*: wanted '$wanted', got '$got'"
  echo "ok: ${*:1:7}"
}
# done_well COMMAND...: the command succeeds.
done_well() {
  "$@" >"$work/out" 2>"$work/err" || fail "$* (exit $?)"
  echo "ok: ${*:1:7}"
}
# refused TEXT COMMAND...: the command fails and its error has TEXT.
refused() {
  local text=$1
  shift
  if "$@" >"$work/out" 2>"$work/err"; then fail "$* succeeded"; fi
  grep -q "$text" "$work/err" || fail "$*: the error lacks '$text'"
  echo "ok: refused ${*:1:7}"
}
