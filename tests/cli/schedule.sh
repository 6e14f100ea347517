# azlin schedule: unit files, crontab lines, and the run of one job. systemctl and crontab are stand-ins that note what
# they are asked; systemd's own check reads the unit files where it is installed.
. "$(dirname "$0")/harness.sh"

# fake_systemctl STATE: systemd whose manager is in that state.
fake_systemctl() {
  mkdir -p "$work/bin"
  cat >"$work/bin/systemctl" <<EOF
#!/bin/sh
echo "\$@" >>"$work/systemctl.log"
case "\$*" in
*is-system-running) echo $1 ;;
*" show "*) printf 'ActiveState=active\nNextElapseUSecRealtime=Sat 2026-11-21 01:05:00 UTC\n' ;;
esac
EOF
  cat >"$work/bin/loginctl" <<'EOF'
#!/bin/sh
echo Linger=no
EOF
  chmod +x "$work"/bin/*
  export PATH="$work/bin:$PATH" XDG_CONFIG_HOME="$work/config"
}

fake_crontab() {
  mkdir -p "$work/bin"
  cat >"$work/bin/crontab" <<EOF
#!/bin/sh
if [ "\$1" = -l ]; then [ -e "$work/tab" ] && exec cat "$work/tab"; echo "no crontab for you" >&2; exit 1; fi
cat >"$work/tab"
EOF
  chmod +x "$work/bin/crontab"
  export PATH="$work/bin:$PATH"
}

test_a_dry_run_prints_units_that_systemd_takes() {
  start_simulator
  export XDG_CONFIG_HOME="$work/config"
  ok schedule install --user --dry-run -o json
  expect_json '.jobs | map(.name) | contains(["backup", "verify", "drill", "alert", "recover"])'
  [ ! -e "$work/config" ] || fail "a dry run wrote files"
  command -v systemd-analyze >/dev/null || return 0
  mkdir units
  jq -r '.files | keys[]' <<<"$out" | while read -r path; do
    jq -r --arg path "$path" '.files[$path]' <<<"$out" >"units/$(basename "$path")"
  done
  SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no units/*.timer >verify.log 2>&1 || fail "systemd refuses: $(cat verify.log)"
  ! grep -q 'azlin-' verify.log || fail "systemd warns: $(grep azlin- verify.log)"
}

# The recommended backups of the resources around the VMs, shown like any other job.
test_the_platform_template_is_installed_and_shown() {
  start_simulator
  fake_systemctl running
  run azlin schedule install --user --template platform
  expect_code 2
  expect_err "--set storage=VALUE"
  ok schedule install --user --template platform --set storage=prodstorage01 --set "folder=$work/backup"
  ok schedule show --user -o json
  expect_json '[.jobs[].name] | sort == ["alert", "platform-assess", "platform-checkpoint", "platform-storage", "recover"]'
  expect_json ".jobs[] | select(.name == \"platform-storage\") | .command == \"azlin platform storage export prodstorage01 --to $work/backup/storage\""
  run azlin schedule run platform-assess -- platform assess --all
  expect_code 6
  run env AZLIN_BACKUP_PASSWORD=never-in-a-log-4711 "$AZLIN" schedule run platform-checkpoint -- platform checkpoint --to "$work/backup/checkpoints"
  expect_code 0
  run azlin schedule show --user -o json
  expect_code 6 # the assessment had findings
  expect_json '.jobs[] | select(.name == "platform-checkpoint") | .lastRun.exitCode == 0'
  run azlin schedule install --user --template platform --set storage=a --set folder=/b --set other=c
  expect_code 2
  run azlin schedule install --user --template "$(printf 'x%.0s' {1..300})"
  expect_code 2
  expect_err "File name too long"
}

test_timers_are_written_started_shown_and_removed() {
  start_simulator
  fake_systemctl running
  ok schedule install --user
  expect_out "jobs are in $work/config/systemd/user"
  expect_err "loginctl enable-linger"
  grep -q -- '--user enable --now .*azlin-backup.timer' systemctl.log || fail "the timer was not started"
  grep -q 'Environment="AZLIN_CLOUD=simulator"' config/systemd/user/azlin-backup.service || fail "the cloud is not in the unit"
  grep -q -- '"backup" "trigger" "--due"' config/systemd/user/azlin-backup.service || fail "not what is due"
  ok schedule show --user -o json
  expect_json '.backend == "systemd" and (.jobs[] | select(.name == "backup") | .command == "azlin backup trigger --due" and .active)'
  ok operations list
  expect_out schedule.install
  ok schedule remove --user
  grep -q -- '--user disable --now azlin-backup.timer' systemctl.log || fail "the timer was not stopped"
  [ -z "$(ls config/systemd/user)" ] || fail "files are left"
  run azlin schedule remove --user
  expect_code 3
}

test_without_systemd_the_crontab_serves() {
  start_simulator
  fake_systemctl offline
  fake_crontab
  echo '0 0 * * * somebody-else' >tab
  ok schedule install --user --template backup-only
  grep -q '^0 0 \* \* \* somebody-else$' tab || fail "another line was lost"
  grep -q "^5 1-23/4 \* \* \* .*schedule run backup --delay 900s -- 'backup' 'trigger' '--due'; } 2>&1 | logger -t azlin-backup" tab || fail "no line"
  ! grep -q 'dr.* test-all' tab || fail "the template was not followed"
  ok schedule show --user
  expect_out "backup trigger --due"
  ok schedule install --user --with crontab
  [ "$(grep -c '^# BEGIN azlin' tab)" = 1 ] || fail "two blocks"
  ok schedule remove --user
  [ "$(cat tab)" = '0 0 * * * somebody-else' ] || fail "the crontab is not what it was"
}

# The line is run by sh, as cron does it, and does the job.
test_a_line_of_the_crontab_works() {
  start_simulator
  fake_crontab
  mkdir -p "$AZLIN_HOME"
  printf '#!/bin/sh\ncat >>"%s/journal"\n' "$work" >bin/logger
  chmod +x bin/logger
  printf '[jobs.alert]\ndelay = "0s"\n' >t.toml
  ok schedule install --user --with crontab --template t.toml
  grep 'schedule run alert' tab | head -1 | cut -d' ' -f6- | sed 's/\\%/%/g' >line.sh
  env -i "PATH=$PATH" sh line.sh || fail "the line failed"
  grep -q "Nothing is overdue" journal || fail "no output in the journal: $(cat journal)"
  ok schedule show --user -o json
  expect_json '.jobs[] | select(.name == "alert") | .lastRun.exitCode == 0'
}

test_one_run_at_a_time_and_its_outcome_is_kept() {
  start_simulator
  fake_systemctl running
  ok backup configure vm1
  ok schedule run backup -- backup trigger --due
  expect_out "1/1 backups succeeded"
  mkdir -p "$AZLIN_HOME/schedule"
  exec 8>"$AZLIN_HOME/schedule/backup.lock"
  flock -n 8 || fail "the lock is not free"
  run azlin schedule run backup -- backup trigger --due
  expect_code 7
  expect_err "another run of the job 'backup'"
  exec 8>&-
  run azlin schedule run verify -- backup verify no-such-backup
  expect_code 3
  ok schedule install --user
  run azlin schedule show --user
  expect_code 6
  expect_match 'verify .*exit code 3'
}

test_flags_of_every_command_hold_for_the_job() {
  start_simulator
  ok backup configure vm1
  ok --dry-run schedule run backup -- backup trigger --due -o json
  expect_json '.dryRun'
  [ ! -e "$AZLIN_HOME/schedule" ] || fail "a dry run was noted as a run"
  ok backup list vm1 -o json
  expect_json '.total == 0'
  ok schedule run backup -o json -- backup trigger --due
  expect_json '.succeeded == 1'
  ok schedule run backup -o json -- backup list vm1 -o csv
  expect_match '^name,vm,'
  run azlin --subscription 00000000-0000-0000-0000-00000000dead schedule run backup -- backup trigger --due
  [ "$code" -ne 0 ] || fail "another subscription was taken"
}

# What was once run by hand is no schedule.
test_status_goes_by_what_is_installed() {
  start_simulator
  fake_systemctl running
  fake_crontab
  ok backup configure prod-db-vm
  ok schedule run backup -- version
  run azlin status -o json
  expect_json '.scheduleInstalled == false and any(.toDo[]; . == "azlin schedule install")'
  ok schedule install --user
  run azlin status -o json
  expect_json '.scheduleInstalled and all(.toDo[]; . != "azlin schedule install")'
  sed -i 's/ActiveState=active/ActiveState=inactive/' bin/systemctl
  run azlin status -o json
  expect_code 6
  expect_json 'any(.overdue[]; .what == "the timer of the job backup does not run")'
  ok schedule remove --user
  ok schedule install --with crontab
  run azlin status -o json
  expect_json '.scheduleInstalled'
}

test_mistakes_are_refused_before_anything_is_written() {
  start_simulator
  fake_systemctl running
  printf '[jobs.backup]\ncalendar = "whenever"\n' >t.toml
  run azlin schedule install --user --template t.toml
  expect_code 2
  expect_err "'whenever' is not a calendar"
  run azlin schedule install --user --template nope
  expect_code 3
  run azlin schedule install --user --system
  expect_code 2
  run azlin schedule run x -- schedule run x -- recover
  expect_code 2
  [ ! -e config ] || fail "something was written"
}

run_tests "$@"
