# azlin backup verify of disks that the real tools have written: what is sound passes, and each damage is caught at the
# level that promises it.
. "$(dirname "$0")/harness.sh"
PATH=$PATH:/usr/sbin:/sbin

compute=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/Microsoft.Compute
disk=$compute/disks/files_DataDisk_0
mb=1048576

# write FILE [AT]: the bytes of a file that are not zeros go to the VM's data disk, from byte AT on. Of what lies beyond
# $CUT bytes nothing is written.
write() {
  python3 - "$sim_url/_simulator/disk-writes" "$disk" "$@" <<'PY'
import base64, json, os, sys, urllib.request
url, resource, path, at = sys.argv[1:4] + [int((sys.argv[4:] or ["0"])[0])]
limit = int(os.environ.get("CUT", str(1 << 60)))
with open(path, "rb") as file:
    offset = 0
    while True:
        try:
            offset = os.lseek(file.fileno(), offset, os.SEEK_DATA)
        except OSError:
            break
        end = min(os.lseek(file.fileno(), offset, os.SEEK_HOLE), limit - at)
        if offset >= end:
            break
        while offset < end:
            os.lseek(file.fileno(), offset, os.SEEK_SET)
            data = os.read(file.fileno(), min(1 << 19, end - offset))
            if data.strip(b"\0"):
                padded = data + bytes(-len(data) % 512)
                body = {"resource": resource, "offset": at + offset, "length": len(padded),
                        "bytes": base64.urlsafe_b64encode(padded).decode().rstrip("=")}
                request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
                urllib.request.urlopen(request).read()
            offset += len(data)
PY
  [ $? -eq 0 ] || fail "$1 was not written"
}

# A VM whose data disk of 4 GB is empty.
start_with_disk() {
  echo '{"vms": [{"name": "files", "osDiskGb": 32, "dataDisks": [{"gb": 4, "lun": 0, "empty": true}]}]}' >seed.json
  start_simulator "$work/seed.json"
  ok backup configure files
}

back_up() {
  ok simulator clock --advance 10m # more than so many snapshots of a disk in a short time the service refuses
  ok backup trigger files -o json
  name=$(jq -r .backup.name <<<"$out")
}

spoil() { # SNAPSHOT OFFSET
  curl -fsS -X POST "$sim_url/_simulator/disk-writes" -H 'Content-Type: application/json' \
    -d "{\"resource\": \"$compute/snapshots/$1\", \"offset\": $2, \"length\": 512, \"fill\": \"x\"}" >/dev/null ||
    fail "nothing was written"
}

# partition START LENGTH COMMAND...: what the command makes of a file of LENGTH MB lies at START MB.
partition() {
  local start=$1 length=$2
  shift 2
  rm -f part.img
  truncate -s "${length}M" part.img
  "$@" part.img >mkfs.out 2>&1 || fail "$* failed: $(cat mkfs.out)"
  write part.img $((start * mb))
}

write_table() { # SIZE: a GPT with the partitions below, for a disk of that size
  rm -f table.img
  truncate -s "$1" table.img
  sfdisk -q table.img <<'TABLE' || fail "sfdisk failed"
label: gpt
start=1MiB, size=64MiB, type=uefi
start=65MiB, size=64MiB
start=129MiB, size=64MiB
start=193MiB, size=256MiB
start=449MiB, size=512MiB
start=961MiB, size=512MiB
start=1473MiB, size=128MiB
start=1601MiB, size=64MiB, type=swap
TABLE
  write table.img
}

write_everything() {
  write_table 4G
  partition 1 64 mkfs.vfat -F 32
  partition 65 64 mkfs.ext2 -q -F
  partition 129 64 mkfs.ext3 -q -F
  partition 193 256 mkfs.ext4 -q -F
  partition 449 512 mkfs.xfs -q -f
  partition 961 512 mkfs.btrfs -q -f
  partition 1473 128 mkntfs -q -Q -F
  partition 1601 64 mkswap
}

test_what_the_real_tools_made_is_sound() {
  start_with_disk
  write_everything
  back_up
  ok backup verify "$name" -o json
  expect_json '.success and .level == "content"'
  expect_json '.disks[1].contents == "gpt: fat32 sound, ext2 sound, ext3 sound, ext4 sound, xfs sound, btrfs sound, ntfs sound, swap sound"'
  expect_json '.disks[1].notChecked == []'
  ok backup verify "$name" --level full -o json
  expect_json '.success and .level == "full" and .disks[1].root != null'
}

test_each_damage_is_caught_at_its_level() {
  start_with_disk
  write_everything
  back_up
  ok backup verify "$name" --level full
  local first=$name
  # The partition table; superblocks of ext2, ext3, ext4, XFS and Btrfs; boot sectors of FAT and NTFS.
  for at in 512 $((65 * mb + 1024)) $((129 * mb + 1024)) $((193 * mb + 1024)) $((449 * mb)) $((961 * mb + 65536)) \
    $((1 * mb)) $((1473 * mb)); do
    back_up
    spoil "$name-lun0" "$at"
    ok backup verify "$name" --level disk
    run azlin backup verify "$name" -o json
    expect_code 6
    expect_json '(.success | not) and (.disks[0].failures == []) and (.disks[1].failures | length) > 0 and .error != ""'
  done
  # A block in the middle that no checksum guards: by its hash alone, with its offset.
  spoil "$first-lun0" $((700 * mb))
  ok backup verify "$first" --level content
  run azlin backup verify "$first" --level full
  expect_code 6
  expect_out "1 block of 4 MiB differs"
  expect_out "at byte $((700 * mb))"
  ok backup verification-report --vm files -o json
  expect_json '[.failures[].backup] | unique | length == 9'
  ok backup list files
  expect_out "verification FAILED"
}

test_a_truncated_disk_is_caught() {
  start_with_disk
  export CUT=$((4096 * mb)) # of a disk of 8 GB only the first 4 are there
  write_table 8G
  truncate -s 6G part.img
  mkfs.ext4 -q -F part.img || fail "mkfs failed"
  write part.img $((193 * mb))
  back_up
  run azlin backup verify "$name" -o json
  expect_code 6
  expect_json '.disks[1].failures | length >= 2'
}

test_a_size_other_than_the_recorded_one_is_caught() {
  start_with_disk
  back_up
  local spec token snapshot=$sim_url$compute/snapshots/$name-lun0
  token=$(curl -fsS -X POST -H 'Content-Type: application/json' -d '{}' "$sim_url/_simulator/token" | jq -r .token)
  spec=$(curl -fsS -H "Authorization: Bearer $token" "$snapshot?api-version=2023-10-02" | jq -r '.tags["azlin:disk-spec"]')
  jq -n --arg spec "${spec/\"gb\":4/\"gb\":8}" '{operation: "Merge", properties: {tags: {"azlin:disk-spec": $spec}}}' |
    curl -fsS -X PATCH -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d @- \
      "$snapshot/providers/Microsoft.Resources/tags/default?api-version=2021-04-01" >/dev/null || fail "no tag was written"
  run azlin backup verify "$name" --level disk
  expect_code 6
  expect_out "size mismatch (expected 8GB, got 4GB)"
}

for tool in sfdisk mkfs.vfat mkfs.xfs mkfs.btrfs mkntfs; do
  command -v $tool >/dev/null || { echo "$tool is not installed" >&2; exit 77; }
done
run_tests "$@"
