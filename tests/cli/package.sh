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
    fish/vendor_completions.d/azlin.fish doc/azlin/copyright doc/azlin/examples/config.toml; do
    [ -s "$work/root/usr/share/$file" ] || fail "the package has no $file"
  done
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
