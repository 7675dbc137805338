# What the daemon is, and what it has.

# Marks what the script makes: containers and volumes with it are the script's to remove.
Label=tes-node

# open_docker sets Store (classic or other), DataRoot, and OldVolumes, which is yes where anonymous volumes have no label
# (before 23.0). Fails where the daemon does not answer; why is in $Tmp/problem.
open_docker() {
  OldVolumes=no
  open_docker_info=$($Docker info --format '{{.DockerRootDir}}|{{.DriverStatus}}|{{.ServerVersion}}' 2>"$Tmp/problem") ||
    open_docker_info=$($Docker info --format '{{.Store.GraphRoot}}||' 2>>"$Tmp/problem") || return 1
  case ${open_docker_info##*|} in 1[0-9].* | 2[0-2].*) OldVolumes=yes ;; esac
  DataRoot=${open_docker_info%%|*}
  case ${open_docker_info#*|} in *Backing\ Filesystem*) Store=classic ;; *) Store=other ;; esac
}

# id_of NAME: the id that the daemon has for it; fails where it has none.
id_of() { $Docker image inspect --format '{{.Id}}' "$1" 2>/dev/null; }

# names_of NAME: how many names the image has.
names_of() { $Docker image inspect --format '{{len .RepoTags}}' "$1" 2>/dev/null; }

# is_expected ID: whether it is one of the answer's image; where that cannot be told by the id, by what it is made of.
is_expected() {
  for is_expected_id in $ExpectedIds; do
    # podman writes ids without the algorithm.
    [ "$1" != "$is_expected_id" ] && [ "sha256:$1" != "$is_expected_id" ] || return 0
  done
  [ -n "${DiffIdsDigest:-}" ] && [ "$(diff_ids_digest "$1")" = "$DiffIdsDigest" ]
}

# diff_ids_digest NAME: of the diff ids of an image here, a line each.
diff_ids_digest() {
  diff_ids_digest_lines=$($Docker image inspect --format '{{range .RootFS.Layers}}{{println .}}{{end}}' "$1" \
    2>/dev/null) || return 1
  printf '%s\n' "$diff_ids_digest_lines" | sed '/^$/d' | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'
}

# is_present: whether the answer's image is on the node and whole. Sets Found, its id here.
is_present() {
  is_present_names="$RunRef $ImageId"
  for is_present_digest in $ManifestDigest $IndexDigest; do
    is_present_names="$is_present_names ${RunRef%:*}@$is_present_digest"
  done
  # shellcheck disable=SC2086 # one word per name; those that are not there are passed over
  for Found in $($Docker image inspect --format '{{.Id}}' $is_present_names 2>/dev/null); do
    is_expected "$Found" || continue
    # On containerd's store, a load that was cut off may leave the name without all of its content.
    [ "$Store" = classic ] || ! remembered | grep -q "^$ImageId loading "
    return
  done
  return 1
}

# list_layers: a line per image on the node, with the diff ids of its layers; the service takes 256 KiB.
list_layers() {
  # shellcheck disable=SC2086 # the command may be several words
  $Docker image ls --quiet --no-trunc 2>/dev/null | sort -u | head -n 200 |
    xargs $Docker image inspect --format '{{range .RootFS.Layers}}{{.}} {{end}}' 2>/dev/null | sort -u |
    awk '{ size += length($0) + 1 } size < 250000'
}
