# Loading an archive, or what of it the node lacks, into docker while it arrives.

# load_missing IMAGE: the layers that the node lacks; where the store does not take those alone, the whole archive.
load_missing() {
  load_missing_held=$(field LAYERS_HELD)
  if [ "${load_missing_held:-0}" -gt 0 ]; then
    say "$1: $load_missing_held of its $(field LAYERS) layers are on this node"
    # shellcheck disable=SC2046 # one word per range
    if load_ranges "$1" $(field RANGES); then
      ! is_expected "$(id_of "$RunRef")" || return 0
      load_missing_why="what it made of them is not the image"
    else
      load_missing_why=$(tail -n 1 "$Tmp/loaded")
    fi
    warn "docker did not take the missing layers alone: ${load_missing_why:-it does not say why}. Loading the whole" \
      "archive"
    $Docker rmi "$RunRef" >/dev/null 2>&1
  fi
  load_ranges "$1" "0-$((Size - 1))" || {
    load_missing_why=$(tail -n 1 "$Tmp/loaded")
    die 6 "docker could not load $1: ${load_missing_why:-it does not say why}"
  }
}

# load_ranges IMAGE RANGE...: streams these ranges of IMAGE's archive into docker and adds what came of them to
# Downloaded. Returns 1 where docker refused them, and why is in $Tmp/loaded; ends the script where they are not to be
# had.
load_ranges() {
  load_ranges_image=$1 load_ranges_total=0
  shift
  for load_ranges_range; do
    load_ranges_total=$((load_ranges_total + ${load_ranges_range#*-} - ${load_ranges_range%-*} + 1))
  done
  check_space "$load_ranges_image" "$load_ranges_total"
  rm -f "$Tmp/pipe"
  mkfifo "$Tmp/pipe" || die 6 "no pipe can be made in $Tmp."
  {
    own_children
    stream "$load_ranges_image" "$@"
  } >"$Tmp/pipe" &
  begun
  load_ranges_stream=$LastChild load_ranges_source=$Tmp/pipe load_ranges_front=
  if [ -n "${LoadPrefix:-}" ]; then
    load_ranges_source=$Tmp/completed
    rm -f "$load_ranges_source"
    mkfifo "$load_ranges_source" || die 6 "no pipe can be made in $Tmp."
    put_in_front <"$Tmp/pipe" >"$load_ranges_source" &
    begun
    load_ranges_front=$LastChild
  fi
  $Docker load <"$load_ranges_source" >"$Tmp/loaded" 2>&1 &
  await
  load_ranges_loaded=$?
  # What docker has not read by now it does not read any more.
  kill "$load_ranges_stream" 2>/dev/null
  ended "$load_ranges_stream"
  load_ranges_streamed=$?
  [ -z "$load_ranges_front" ] || ended "$load_ranges_front"
  Downloaded=$((Downloaded + $(received)))
  if [ "$load_ranges_loaded" -ne 0 ]; then
    case $load_ranges_streamed in
      1 | 3 | 4)
        die 4 "$load_ranges_image could not be downloaded. Is the storage account reachable from this node?"
        ;;
    esac
  fi
  return "$load_ranges_loaded"
}

# put_in_front: the archive on standard input, unpacked, behind what docker lacks in it.
put_in_front() {
  own_children
  # What is in the background would read nothing from there.
  exec 4<&0
  printf %s "$LoadPrefix" | base64 -d
  case $Encoding in gzip) gzip -dc <&4 & ;; *) cat <&4 & ;; esac
  await
}

# find_loaded: what docker said that it loaded, where that is the answer's image. Sets Found, its id, and LoadedRefs, the
# names that it brought, each with a blank in front.
find_loaded() {
  Found='' LoadedRefs=''
  sed -n 's/^Loaded image[^:]*: *//p' "$Tmp/loaded" | tr ',' '\n' | tr -d ' ' >"$Tmp/names"
  while read -r find_loaded_name; do
    case $find_loaded_name in '' | -* | *[!a-zA-Z0-9./:@_[\]-]*) continue ;; esac
    find_loaded_id=$(id_of "$find_loaded_name") || continue
    is_expected "$find_loaded_id" || continue
    Found=$find_loaded_id
    case $find_loaded_name in *sha256:*) ;; *:*) LoadedRefs="$LoadedRefs $find_loaded_name" ;; esac
  done <"$Tmp/names"
  [ -n "$Found" ]
}

# remove_unfinished: on containerd's store, a load that was cut off may leave a name, and layers that it only seems to
# have.
remove_unfinished() {
  remembered | while read -r _ remove_unfinished_status _ _ remove_unfinished_refs; do
    # shellcheck disable=SC2086 # one word per name
    [ "$remove_unfinished_status" != loading ] || $Docker rmi $remove_unfinished_refs >/dev/null 2>&1
  done
}
