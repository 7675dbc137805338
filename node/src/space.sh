# Whether the disk holds what is to be loaded. docker load stages the archive under its data root and unpacks it there.

free_kib() { df -Pk "$DataRoot" 2>/dev/null | awk 'NR == 2 { print $4 }'; }

# fits: whether LoadBytes do. Sets NeedKiB and FreeKiB; where the latter cannot be told, it is assumed to do.
fits() {
  NeedKiB=$(((LoadBytes * 2 + 1023) / 1024))
  FreeKiB=$(free_kib)
  is_number "$FreeKiB" || return 0
  [ "$FreeKiB" -ge "$NeedKiB" ]
}

# check_space IMAGE BYTES: what is to be loaded has to fit; the previous image goes earlier where it is in the way. Sets
# LoadBytes.
check_space() {
  LoadBytes=$2
  fits || {
    remove_previous
    fits
  } || die 5 "$1 needs at least $(mib $((NeedKiB * 1024))) under $DataRoot (its archive, which docker load stages" \
    "there, and the unpacked layers); $(mib $((FreeKiB * 1024))) are free. Use a larger disk, or move docker's data root."
  say "$1: loading $(mib "$LoadBytes"); $(mib $((${FreeKiB:-0} * 1024))) free under $DataRoot"
}
