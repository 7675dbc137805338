#!/bin/sh
# make-trixie.sh DIRECTORY BASE CACHE: Debian 13 with its container tools in DIRECTORY/tree.
set -eu

here=$(dirname "$(realpath "$0")")
cp -a "$2/tree" "$1/tree"
unshare --mount "$here/install.sh" "$1/tree" "$3/archives/trixie" \
  docker.io docker-cli containerd podman netavark skopeo crun busybox
mkdir "$1/tree.mnt"
