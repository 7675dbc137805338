#!/bin/sh
# install.sh TREE ARCHIVES PACKAGE…
# Installs packages in a Debian tree. Downloads are kept in ARCHIVES. Needs a mount namespace of its own.
set -eu

tree=$1
archives=$2
shift 2
mkdir -p "$archives/partial"
touch "$tree/etc/resolv.conf"
mount --bind /etc/resolv.conf "$tree/etc/resolv.conf"
mount --bind "$archives" "$tree/var/cache/apt/archives"
mount -t proc proc "$tree/proc"
export DEBIAN_FRONTEND=noninteractive
chroot "$tree" apt-get install --yes --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
