# The packages that `cpack` makes: what they hold, and that the program runs from them.
. "$(dirname "$0")/harness.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$(dirname "$AZLIN")/.." && pwd)

pack() { # pack GENERATOR: $package is the file
  run cpack -G "$1" --config "$build/CPackConfig.cmake" -B "$work/packages"
  expect_code 0
  package=$(find "$work/packages" -maxdepth 1 -name "azlin*$2")
  [ -f "$package" ] || fail "no package $2"
}

# The units below PREFIX run what `azlin schedule install` would have run, and systemd takes them.
good_units() {
  local job
  for job in backup replication verify drill archive alert recover; do
    [ -s "$1/lib/systemd/system/azlin-$job.service" ] && [ -s "$1/lib/systemd/system/azlin-$job.timer" ] || fail "no units for $job"
  done
  grep -q -- '"backup" "trigger" "--due"' "$1/lib/systemd/system/azlin-backup.service" || fail "not what is due"
  command -v systemd-analyze >/dev/null || { echo "not checked: units: systemd is not installed"; return 0; }
  mkdir -p "$work/units"
  cp "$1"/lib/systemd/system/azlin-* "$work/units"
  sed -i "s#^ExecStart=\"azlin\"#ExecStart=\"$AZLIN\"#" "$work"/units/*.service
  SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$work"/units/*.timer >"$work/verify.log" 2>&1 || fail "systemd refuses: $(cat "$work/verify.log")"
  ! grep -q 'azlin-' "$work/verify.log" || fail "systemd warns: $(grep azlin- "$work/verify.log")"
}

test_the_debian_package_is_whole_and_in_order() {
  pack DEB .deb
  run dpkg-deb -x "$package" "$work/root"
  expect_code 0
  AZLIN="$work/root/usr/bin/azlin"
  ok --version
  run dpkg-deb -f "$package" Depends
  expect_out libcurl4
  expect_out libsqlite3
  local file
  for file in man/man1/azlin-backup-trigger.1.gz bash-completion/completions/azlin zsh/vendor-completions/_azlin \
    fish/vendor_completions.d/azlin.fish azlin/protection.schema.json doc/azlin/copyright doc/azlin/examples/config.toml; do
    [ -s "$work/root/usr/share/$file" ] || fail "the package has no $file"
  done
  good_units "$work/root/usr"
  if command -v lintian >/dev/null; then
    run lintian --allow-root --fail-on error "$package"
    expect_code 0
  else
    echo "not checked: lintian is not installed"
  fi
}

test_the_tarball_runs_from_any_folder() {
  pack TGZ .tar.gz
  mkdir -p "$work/opt dir"
  run tar -xzf "$package" -C "$work/opt dir" --strip-components 1
  expect_code 0
  AZLIN="$work/opt dir/bin/azlin"
  ok --version
  ok completion bash
  good_units "$work/opt dir"
  local file
  for file in man/man1/azlin.1.gz azlin/protection.schema.json doc/azlin/examples/config.toml doc/azlin/NEWS.md; do
    [ -s "$work/opt dir/share/$file" ] || fail "the tarball has no $file"
  done
}

# A fresh Debian in $work/root. Its mounts end with the command.
in_root() {
  run unshare --mount sh -c 'mount --bind /proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" "$@"' "$work/root" \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive AZLIN_CLOUD=simulator "$@"
  [ "$code" -eq 0 ] || fail "in the fresh system: $(tail -n 5 <<<"$err")"
}

test_an_upgrade_in_a_fresh_system_keeps_what_azlin_knows() {
  [ "${AZLIN_TEST_FULL:-}" = 1 ] || { echo "not checked: the upgrade in a fresh system (scripts/test --full)"; return 0; }
  [ "$(id -u)" = 0 ] && command -v debootstrap >/dev/null || { echo "not checked: a fresh system needs root and debootstrap"; return 0; }
  pack DEB .deb
  run debootstrap --variant=minbase bookworm "$work/root"
  expect_code 0
  cp /etc/resolv.conf "$work/root/etc/resolv.conf"
  cp "$package" "$work/root/newer.deb"
  dpkg-deb -R "$package" "$work/older"
  sed -i 's/^Version: .*/Version: 0.0.1/' "$work/older/DEBIAN/control"
  dpkg-deb --root-owner-group -b "$work/older" "$work/root/older.deb" >/dev/null
  # with its dependencies and nothing that it only recommends
  in_root apt-get install -y -qq --no-install-recommends /older.deb
  in_root sh -ec '{ azlin simulator start; azlin backup configure prod-db-vm; azlin backup trigger prod-db-vm; } >&2
    azlin operations list -o json | tee /operations; azlin simulator stop >&2; find /root/.azlin -name "*.db" | sort >/databases'
  expect_json '[.operations[].kind] | index("backup.trigger") != null'
  in_root apt-get install -y -qq --no-install-recommends /newer.deb
  in_root dpkg-query -W -f '${Version}' azlin
  reject_out 0.0.1
  in_root sh -ec 'azlin simulator start >&2; azlin operations list -o json | diff /operations - >&2; azlin backup list prod-db-vm -o json
    azlin simulator stop >&2'
  expect_json '.backups | length == 1 and .[0].complete'
  in_root apt-get purge -y -qq azlin
  in_root sh -ec 'while read -r file; do [ -s "$file" ]; done </databases; ! find /usr -name "*azlin*" | grep .'
}

# The sample configuration, with every line in force, is read without complaint.
test_the_sample_configuration_is_valid() {
  mkdir -p "$AZLIN_HOME"
  sed -E 's/^# ([a-z_]+ = |\[)/\1/' "$top/packaging/config.toml" >"$AZLIN_HOME/config.toml"
  grep -q '^\[recovery_services\]' "$AZLIN_HOME/config.toml" || fail "nothing was put in force"
  AZLIN_CLOUD=AzureCloud run azlin auth status
  reject_err "config.toml"
}

run_tests
