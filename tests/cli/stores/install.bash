# have_stores: $stores is a folder with the npm packages that package-lock.json beside this file names. It is kept between
# runs (AZLIN_STORES) and shared by suites that may run at the same time: one of them installs, the others wait for it.
# 1: they cannot be had here.
have_stores() {
  local from
  from=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  command -v node >/dev/null && command -v npm >/dev/null || { echo "(node and npm are not installed: not checked)"; return 1; }
  stores=${AZLIN_STORES:-$from/../../../build/stores}
  mkdir -p "$stores"
  (
    flock 9
    cmp -s "$from/package-lock.json" "$stores/node_modules/.installed" && exit 0
    cp "$from"/package.json "$from"/package-lock.json "$stores"
    cd "$stores" && npm ci --no-audit --no-fund --loglevel=error >/dev/null 2>&1 && cp package-lock.json node_modules/.installed
  ) 9>"$stores/.lock" || { echo "(npm cannot install the stores: not checked)"; return 1; }
}
