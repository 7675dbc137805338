# What people are told, on standard error, and the numbers in it.

MiB=1048576

say() { printf 'tes-node: %s\n' "$*" >&2; }

warn() { say "warning: $*"; }

# die STATUS WORD...
die() {
  die_status=$1
  shift
  say "error: $*"
  exit "$die_status"
}

now() { date +%s; }

# mib BYTES
mib() { printf '%s MiB' $((($1 + MiB - 1) / MiB)); }

is_number() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }
