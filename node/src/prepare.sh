# tes-node prepare: images that are ready to run.

# prepare IMAGE...: leaves the names to run in $Tmp/run_refs. Sets Downloaded, in bytes, and Wanted, the ids of all of
# these images, each with a blank in front.
prepare() {
  check_settings
  for prepare_image; do
    case $prepare_image in '' | -* | *[!a-zA-Z0-9./:@_[\]-]*) die 2 "\"$prepare_image\" is not an image name." ;; esac
  done
  open_state || die 6 "the folder $State cannot be used (TES_NODE_STATE)."
  open_docker || die 6 "docker does not answer: $(tail -n 1 "$Tmp/problem"). Is the daemon running?"
  clean_leftovers
  get_token
  [ "$Store" = classic ] || remove_unfinished
  list_layers >"$Tmp/layers"
  Downloaded=0
  Wanted=
  prepare_index=0
  for prepare_image; do
    prepare_index=$((prepare_index + 1))
    resolve "$prepare_image"
    cp "$Tmp/answer" "$Tmp/image.$prepare_index"
  done
  prepare_index=0
  for prepare_image; do
    prepare_index=$((prepare_index + 1))
    cp "$Tmp/image.$prepare_index" "$Tmp/answer"
    make_ready "$prepare_image"
  done
  remove_previous
  say "ready; downloaded $Downloaded bytes"
}

# resolve IMAGE: what the name stands for, from the service; where it is out of reach, from what is on the node.
resolve() {
  resolve_patience=$WaitSeconds
  ! id_of "$1" >/dev/null && [ -z "$(known_ref "$1")" ] || resolve_patience=0
  lookup "$1" "$resolve_patience"
  case $? in
    0) ;;
    2) pull "$1" ;;
    *)
      resolve_ref=$(known_ref "$1")
      [ -n "$resolve_ref" ] || resolve_ref=$1
      resolve_id=$(id_of "$resolve_ref") ||
        die 4 "$1 cannot be had: the service $Service does not answer (status $Status), and the image is not on this node."
      warn "the service does not answer; using the $1 that is on this node"
      local_answer "$resolve_ref" "$resolve_id"
      ;;
  esac
  Wanted="$Wanted $(field IMAGE_ID)"
}

# pull IMAGE: from its registry, as TES_CACHE_ON_MISS=pull allows.
pull() {
  warn "$1 is not in the cache; pulling it from its registry"
  pull_before=$(id_of "$1")
  $Docker pull --platform "$Platform" "$1" >&2 &
  await || die 3 "$1 is neither in the cache nor to be had from its registry. Check the name, or have it cached first."
  [ "$(id_of "$1")" = "$pull_before" ] || remember "$(id_of "$1")" ready yes "$1" "$1"
  local_answer "$1" "$(id_of "$1")"
}

# make_ready IMAGE: the answer's image, loaded where it is missing, under its names.
make_ready() {
  read_answer
  make_ready_made=yes LoadedRefs=
  if is_present; then
    say "$1 is on this node"
    # What was there before this script came is not its own to delete.
    make_ready_made=$(remembered | sed -n "s/^$ImageId [a-z]* \([a-z]*\) .*/\1/p")
    [ "$(id_of "$RunRef")" = "$Found" ] || $Docker tag "$Found" "$RunRef"
  else
    # shellcheck disable=SC2086 # no tag, no word
    remember "$ImageId" loading yes "$1" "$RunRef" $TagAs
    field URL >"$Tmp/url"
    load_missing "$1"
    Found=$(id_of "$RunRef") || find_loaded ||
      die 7 "docker loaded an archive for $1 that does not hold $RunRef."
    is_expected "$Found" || die 7 "$1 was loaded as $Found, but it is $ImageId. Have it cached again."
    [ "$(id_of "$RunRef")" = "$Found" ] || $Docker tag "$Found" "$RunRef"
  fi
  if [ -n "$TagAs" ] && [ "$(id_of "$TagAs")" != "$Found" ]; then
    $Docker tag "$RunRef" "$TagAs" || warn "$TagAs could not be set"
  fi
  # shellcheck disable=SC2086 # no tag, no word
  remember "$ImageId" ready "${make_ready_made:-no}" "$1" "$RunRef" $TagAs $LoadedRefs
  printf '%s\n' "$RunRef" >>"$Tmp/run_refs"
}
