# What the suites of `azlin archive` share. Source harness.sh first.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
restic=$(command -v restic) || { echo "SKIPPED: restic is not installed"; exit 77; }
command -v openssl >/dev/null || { echo "SKIPPED: openssl is not installed"; exit 77; }

# new_repository FOLDER PASSWORD: an empty one, whose key costs nothing to derive.
new_repository() { python3 "$here/../support/restic_repository.py" "$2" "$1" || fail "no repository"; }

# sound FOLDER [PASSWORD]: restic accepts it. An engine that ends within the fifth of a second in which it makes its lock
# leaves it behind; `unlock` removes those of dead processes alone.
sound() {
  local name=${2:-$AZLIN_ARCHIVE_PASSWORD}
  RESTIC_PASSWORD=$name "$restic" -r "$1" --no-cache -q unlock >/dev/null 2>&1
  RESTIC_PASSWORD=$name "$restic" -r "$1" --no-cache -q check >/dev/null 2>"$work/check" ||
    fail "restic check $1: $(cat "$work/check")"
}
ids() { azlin archive list -d "$1" -o json 2>/dev/null | jq -r '.archives[].id' | sort | tr '\n' ' '; }

# Puts a restic in front of the real one that kills azlin around its n-th call, by kill_at MODE N:
#   before   the engine is not reached
#   during   it holds its lock on a repository below $work (a call that takes none is let through to its end)
#   after    it is done, azlin does not know
# azlin cleans the environment of the engine, so it is told by files.
put_killer() {
  mkdir -p "$work/bin"
  cat >"$work/bin/restic" <<WRAP
#!/bin/bash
trap 'exit 130' INT TERM # bash passes over one that comes while a program runs
exec 8>"$work/calls-lock"
flock 8 # two may be started at once
n=\$((\$(cat "$work/calls" 2>/dev/null || echo 0) + 1))
echo \$n >"$work/calls"
echo \$\$ >>"$work/engines"
for word; do case \$word in backup | check | version | forget | prune | snapshots) echo "\$word" >>"$work/runs"; break ;; esac; done
exec 8>&-
read -r mode at 2>/dev/null <"$work/kill-at"
[ "\$n" = "\$at" ] || exec "$restic" "\$@"
case \$mode in
  before) kill -9 "\$PPID" ;;
  during)
    (while kill -0 \$\$ && ! compgen -G "$work/*/locks/*"; do :; done; kill -9 "\$PPID") </dev/null >/dev/null 2>&1 &
    exec "$restic" "\$@" ;;
  after)
    "$restic" "\$@"
    kill -9 "\$PPID" ;;
esac
WRAP
  chmod +x "$work/bin/restic"
  export AZLIN_RESTIC="$work/bin/restic"
}
kill_at() {
  rm -f "$work/calls" "$work/engines"
  echo "$1 $2" >"$work/kill-at"
}
# was_killed N, after the kill: engines end with azlin, and what follows is not killed. 1: azlin came to its end
# before an n-th call. (While the engine holds its lock for a moment only, a busy machine may miss it: then azlin came to
# its end after an n-th call, and what it left must be as good.)
was_killed() {
  rm -f "$work/kill-at"
  [ "$code" -eq 137 ] || [ "$code" -eq 0 ] || fail "not killed"
  [ "$(cat "$work/calls")" -ge "$1" ] || return 1
  local engine tries=0
  for engine in $(cat "$work/engines"); do
    while kill -0 "$engine" 2>/dev/null; do # also while nobody has waited for it: `unlock` takes it for alive as well
      tries=$((tries + 1))
      [ "$tries" -lt 6000 ] || fail "the engine lives on"
      sleep 0.01 # until another process has ended: bounded above
    done
  done
}

servers=()
stop_servers() {
  local pid
  for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
  servers=()
}

# start_sshd: an ssh server on loopback; $work/ssh/config names it `backup`. 1: there is none on this machine.
start_sshd() {
  [ -x /usr/sbin/sshd ] || { echo "(sshd is not installed: not checked)"; return 1; }
  mkdir -p "$work/ssh"
  ssh-keygen -q -t ed25519 -N '' -f "$work/ssh/host"
  ssh-keygen -q -t ed25519 -N '' -f "$work/ssh/user"
  local tries
  for tries in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000)) # sshd cannot choose one; a taken one is tried again
    cat >"$work/ssh/sshd" <<CONF
ListenAddress 127.0.0.1:$port
HostKey $work/ssh/host
AuthorizedKeysFile $work/ssh/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
Subsystem sftp internal-sftp
CONF
    mkdir -p /run/sshd 2>/dev/null
    : >"$work/sshd.log"
    /usr/sbin/sshd -D -e -f "$work/ssh/sshd" 2>"$work/sshd.log" &
    servers+=($!)
    until grep -qE 'Server listening|Cannot bind' "$work/sshd.log"; do kill -0 $! 2>/dev/null || break; sleep 0.05; done
    grep -q 'Server listening' "$work/sshd.log" && break
  done
  grep -q 'Server listening' "$work/sshd.log" || fail "sshd: $(cat "$work/sshd.log")"
  cat >"$work/ssh/config" <<CONF
Host backup
  HostName 127.0.0.1
  Port $port
  User $(id -un)
  IdentityFile $work/ssh/user
  IdentitiesOnly yes
  BatchMode yes
  StrictHostKeyChecking no
  UserKnownHostsFile $work/ssh/known
CONF
  ssh -F "$work/ssh/config" backup true </dev/null >/dev/null 2>&1 || { echo "(this account has no login shell: not checked)"; return 1; }
}
