#!/bin/sh
# enter.sh TREE [DIRECTORY…] -- COMMAND…
# Runs COMMAND with TREE as the root of a file system, inside the mount and PID namespaces that the caller
# made with unshare. What it mounts goes with them. TREE itself stays unchanged: writes go to a tmpfs above
# it. Each DIRECTORY is there at the same path as outside. With TREE / the root stays the machine's own.
set -eu

tree=$1
shift

if [ "$tree" = / ]; then
  while [ "$1" != -- ]; do shift; done
  shift
  # What daemons leave outside their own directories: sockets, and a key in /etc/docker.
  mount -t tmpfs tmpfs /run
  [ ! -d /etc/docker ] || mount -t tmpfs tmpfs /etc/docker
  exec "$@"
fi

# A mount point in this namespace alone; what it hides is still reachable through $tree.
layers=$tree.mnt
mount -t tmpfs tmpfs "$layers"
mkdir "$layers/upper" "$layers/work" "$layers/root"
root=$layers/root
mount -t overlay -o "lowerdir=$tree,upperdir=$layers/upper,workdir=$layers/work" overlay "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
while [ "$1" != -- ]; do
  mkdir -p "$root$1"
  mount --rbind "$1" "$root$1"
  shift
done
shift

# Container runtimes pivot themselves, which the kernel refuses in a chroot.
mkdir "$root/.outside"
cd "$root"
pivot_root . .outside
umount -l /.outside
cd /
exec "$@"
