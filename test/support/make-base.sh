#!/bin/sh
# make-base.sh DIRECTORY CACHE: a minimal Debian 13 in DIRECTORY/tree. Packages are kept in CACHE.
set -eu

tree=$1/tree
# The mirror that this machine's apt is configured for.
# shellcheck disable=SC2016 # apt-get expands these
mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
  awk '$1 == "Debian" && !/security/ { print $2; exit }')
eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
[ -z "${http_proxy:-}" ] || export http_proxy

# Nothing of this has to survive a power cut, and nobody reads documentation here.
mkdir -p "$tree/etc/dpkg/dpkg.cfg.d" "$tree/etc/apt/apt.conf.d" "$2/debootstrap"
cat >"$tree/etc/dpkg/dpkg.cfg.d/small-and-fast" <<END
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
END
apt-config dump | grep -E '^Acquire::(http|https|Check-)' >"$tree/etc/apt/apt.conf.d/machine" || true

debootstrap --variant=minbase --cache-dir="$2/debootstrap" trixie "$tree" "${mirror:-http://deb.debian.org/debian}"
