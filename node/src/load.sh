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
  load_ranges_stream=$LastChild
  $Docker load <"$Tmp/pipe" >"$Tmp/loaded" 2>&1 &
  await
  load_ranges_loaded=$?
  # What docker has not read by now it does not read any more.
  kill "$load_ranges_stream" 2>/dev/null
  ended "$load_ranges_stream"
  load_ranges_streamed=$?
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

# remove_unfinished: on containerd's store, a load that was cut off may leave a name, and layers that it only seems to
# have.
remove_unfinished() {
  remembered | while read -r _ remove_unfinished_status _ _ remove_unfinished_refs; do
    # shellcheck disable=SC2086 # one word per name
    [ "$remove_unfinished_status" != loading ] || $Docker rmi $remove_unfinished_refs >/dev/null 2>&1
  done
}
