#!/bin/bash
# make-samtools.sh DIRECTORY BASE CACHE
# A Debian image for genomics in six layers, DIRECTORY/<n>.tar.gz, with the digest of each layer's tar in
# DIRECTORY/<n>.diffid. A layer is what one step changed: files by their ctime, deletions as whiteouts.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
out=$1
cache=$3
tree=$out/tree
cp -a "$2/tree" "$tree"

# What is in the tree and belongs into an image, except contents of these.
list() {
  (cd "$tree" && find . -xdev \( -path './proc/*' -o -path './run/*' -o -path './tmp/*' -o -path './var/cache/apt/*' \
    -o -path './var/lib/apt/lists/*' -o -path ./etc/resolv.conf -o -path ./etc/apt/apt.conf.d/machine \) -prune -o "$@")
}

number=0
layer() { # NAME OF A FILE WITH PATHS: packs them, plus what `before` has and the tree has not
  number=$((number + 1))
  tar -C "$tree" --create --no-recursion --numeric-owner --files-from="$1" --file="$out/layer.tar"
  list -print | LC_ALL=C sort >"$out/after"
  if [ -e "$out/before" ]; then
    whiteouts=$out/whiteouts
    mkdir "$whiteouts"
    LC_ALL=C comm -23 "$out/before" "$out/after" | while read -r path; do
      [ ! -d "$tree/$(dirname "$path")" ] || install -D /dev/null "$whiteouts/$(dirname "$path")/.wh.$(basename "$path")"
    done
    (cd "$whiteouts" && find . -type f -print0) |
      tar -C "$whiteouts" --append --null --files-from=- --numeric-owner --file="$out/layer.tar"
    rm -r "$whiteouts"
  fi
  mv "$out/after" "$out/before"
  sha256sum "$out/layer.tar" | cut -d ' ' -f 1 >"$out/$number.diffid" &
  pigz -3 <"$out/layer.tar" >"$out/$number.tar.gz"
  wait
}

step() { # COMMAND…: a layer of what it changes
  touch "$out/stamp"
  sleep 0.1 # longer than the granularity of the kernel's clock for files
  "$@"
  list -cnewer "$out/stamp" -print >"$out/changed"
  layer "$out/changed"
}

add() {
  unshare --mount "$here/install.sh" "$tree" "$cache/archives/samtools" "$@"
}

tidy() {
  rm -rf "$tree/usr/share/bug" "$tree/usr/share/lintian" "$tree/usr/share/info"
  mkdir -p "$tree/data"
}

list -print >"$out/all"
layer "$out/all"
step add python3 python3-numpy
step add r-base-core
step add gcc g++ gfortran make libc6-dev
step add ncbi-blast+
step add samtools bcftools tabix bedtools bwa
step tidy
rm -rf "$tree" "$out/layer.tar" "$out"/{before,changed,all,stamp}
