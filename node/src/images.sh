# Removing images that this script brought.

# remove_previous: what nobody wants any more. Wanted holds the ids to keep, each with a blank in front.
remove_previous() {
  remembered >"$Tmp/previous"
  while read -r remove_previous_id _ remove_previous_made _ remove_previous_refs; do
    # Docker's own id is another one on containerd's store.
    remove_previous_local=$(id_of "${remove_previous_refs%% *}") || remove_previous_local=$remove_previous_id
    case "$Wanted " in *" $remove_previous_id "* | *" $remove_previous_local "*) continue ;; esac
    remove_image "$remove_previous_id" "$remove_previous_made" "$remove_previous_refs" && forget "$remove_previous_id"
  done <"$Tmp/previous"
}

# remove_image ID MADE REFS: takes our names away, and the image with them unless it has others.
remove_image() {
  remove_image_id=$(id_of "${3%% *}") || remove_image_id=$1
  for remove_image_ref in $3; do
    # A tag may have moved on to an image that is not ours.
    [ "$(id_of "$remove_image_ref")" = "$remove_image_id" ] || continue
    # It was here before us, and this is its last name.
    [ "$2" = yes ] || [ "$(names_of "$remove_image_ref")" -gt 1 ] || continue
    if ! $Docker rmi "$remove_image_ref" >/dev/null 2>"$Tmp/problem"; then
      warn "image $remove_image_ref stays: $(tail -n 1 "$Tmp/problem")"
      return 1
    fi
  done
  # What somebody else's tag took the name from.
  [ "$2" = yes ] && [ "$(names_of "$1")" = 0 ] || return 0
  $Docker rmi "$1" >/dev/null 2>"$Tmp/problem" || warn "image $1 stays: $(tail -n 1 "$Tmp/problem")"
}
